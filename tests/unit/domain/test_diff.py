"""What changed between two texts: exact whatever they are, word by word where people read it, bounded in time."""

import itertools
import random
import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.diff import Comparison, compare
from domain.text import words_in

MEBIBYTE = 1024 * 1024

words = st.sampled_from(["heron", "stood", "a", "don't", "río", "学", "而时习之", "…", "can't-stop", "é", "\u0301"])
gaps = st.sampled_from([" ", "\n", "\n\n", "  ", ", ", ". ", "", "，", "\r\n", "\t"])
prose = st.lists(st.tuples(words, gaps), max_size=60).map(lambda parts: "".join(word + gap for word, gap in parts))
anything = st.text(max_size=200)


def old_of(comparison: Comparison) -> str:
    return "".join(hunk.text for hunk in comparison.hunks if hunk.op != "insert")


def new_of(comparison: Comparison) -> str:
    return "".join(hunk.text for hunk in comparison.hunks if hunk.op != "delete")


def of(comparison: Comparison, op: str) -> list[str]:
    return [hunk.text for hunk in comparison.hunks if hunk.op == op]


@settings(max_examples=400)
@given(prose | anything, prose | anything)
@example("", "")
@example("学而时习之", "学而习之，不亦说乎")
@example("a\x00b\u2028c\x85d", "a\x00c\u2028d")
def test_the_hunks_joined_are_both_texts_exactly(old: str, new: str) -> None:
    found = compare(old, new)
    assert (old_of(found), new_of(found)) == (old, new)


@settings(max_examples=300)
@given(prose, prose)
def test_hunks_are_never_empty_and_what_was_deleted_comes_before_what_replaced_it(old: str, new: str) -> None:
    hunks = compare(old, new).hunks
    assert all(hunk.text for hunk in hunks)
    pairs = set(itertools.pairwise(hunk.op for hunk in hunks))
    assert not pairs & {("equal", "equal"), ("delete", "delete"), ("insert", "insert"), ("insert", "delete")}


@settings(max_examples=200)
@given(prose | anything)
def test_a_text_equals_itself(text: str) -> None:
    found = compare(text, text)
    assert (of(found, "equal"), found.inserted_words, found.deleted_words) == ([text] if text else [], 0, 0)


@settings(max_examples=300)
@given(prose, prose)
def test_the_counts_of_words_agree_with_the_texts(old: str, new: str) -> None:
    found = compare(old, new)
    assert found.deleted_words == sum(map(words_in, of(found, "delete")))
    assert words_in(new) - words_in(old) == found.inserted_words - found.deleted_words


def test_an_edit_is_told_in_whole_words() -> None:
    found = compare("The heron stood still.\nIt rained.", "The grey heron stood.\nIt had rained.")
    assert (of(found, "insert"), of(found, "delete")) == (["grey ", " had"], [" still"])
    assert (found.inserted_words, found.deleted_words) == (2, 1)


def test_words_replaced_side_by_side_are_one_replacement() -> None:
    found = compare("one two three four", "eins zwei three vier")
    assert (of(found, "delete"), of(found, "insert")) == (["one two", "four"], ["eins zwei", "vier"])


def test_chinese_is_compared_character_by_character() -> None:
    found = compare("学而时习之，不亦说乎", "学而时习之，不亦乐乎")
    assert (of(found, "delete"), of(found, "insert")) == (["说"], ["乐"])
    assert (found.deleted_words, found.inserted_words) == (1, 1)


def test_repeated_words_are_told_apart_by_their_place() -> None:
    found = compare("the cat and the dog and the cow", "the cat and the red dog and the cow")
    assert (of(found, "insert"), of(found, "delete")) == (["red "], [])


SONG = "La la la\nOh the river\nLa la la\nCarry me home\n" * 9
CHECKLIST = "- [ ] water the plants\n- [ ] feed the cat\n" * 7
REFRAIN = "Que sí, que no\nQue caiga un chaparrón\n" * 12
SUTRA = "如是我闻。\n一时佛在。\n" * 12


@pytest.mark.parametrize(
    ("old", "first", "last", "most"),
    [
        pytest.param(SONG, ("the", "my"), ("home", "away"), 2, id="a song"),
        pytest.param(CHECKLIST, ("[ ]", "[x]"), ("[ ]", "[x]"), 2, id="a checklist"),
        pytest.param(REFRAIN, ("caiga", "llueva"), ("un", "otro"), 2, id="a Spanish refrain"),
        pytest.param(SUTRA, ("如", "若"), ("佛", "僧"), 2, id="Chinese"),
        pytest.param(SONG.replace("\n", " "), ("the", "my"), ("home", "away"), 2, id="the song in one line"),
        pytest.param("- [ ] water the plants\n" * 14, ("[ ]", "[x]"), ("[ ]", "[x]"), 2, id="a list of one thing"),
        pytest.param("<p>&nbsp;</p>\n" * 500, ("&nbsp;", "uno"), ("&nbsp;", "dos"), 2, id="empty paragraphs"),
        pytest.param("南无阿弥陀佛\n" * 108, ("佛", "僧"), ("南", "北"), 2, id="a Chinese invocation"),
        pytest.param("| 0 | 0 |\n" * 300, ("| 0 |", "| 1 |"), ("| 0 |", "| 1 |"), 2, id="a table of noughts"),
        pytest.param("ла " * 400, ("ла", "ля"), ("ла", "ли"), 2, id="one Russian syllable"),
        pytest.param(SONG, ("Oh the river\n", ""), ("Carry me home\n", ""), 6, id="two lines less"),
    ],
)
def test_a_small_change_among_equal_lines_stays_small(
    old: str, first: tuple[str, str], last: tuple[str, str], most: int
) -> None:
    new = old.replace(*first, 1)
    new = last[1].join(new.rsplit(last[0], 1))
    found = compare(old, new)
    assert (old_of(found), new_of(found)) == (old, new)
    assert max(found.deleted_words, found.inserted_words) <= most


def _long(seed: int) -> str:
    chosen = random.Random(seed)
    vocabulary = ["".join(chosen.choices("abcdefghij", k=chosen.randint(2, 9))) for _ in range(8000)]
    lines = (" ".join(chosen.choices(vocabulary, k=70)) for _ in range(4000))
    return "\n".join(lines)[:MEBIBYTE]


def _letters(seed: int, gap: str) -> str:
    return gap.join(random.Random(seed).choices("abc", k=MEBIBYTE // 2))


LONG = _long(1)


def _edited(text: str, count: int) -> str:
    chosen, parts = random.Random(3), text.split(" ")
    for _ in range(count):
        parts[chosen.randrange(len(parts))] = "heron"
    return " ".join(parts)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(LONG, _edited(LONG, 5000), id="5,000 words in a million characters"),
        pytest.param(LONG, _long(2), id="nothing in common"),
        pytest.param(LONG.replace("\n", " "), _edited(LONG.replace("\n", " "), 5000), id="a single line"),
        pytest.param("a " * (MEBIBYTE // 2), "a " * (MEBIBYTE // 4) + "b " * (MEBIBYTE // 4), id="one word for ever"),
        pytest.param("a\n" * (MEBIBYTE // 2), "\na" * (MEBIBYTE // 2), id="one line for ever"),
        pytest.param(LONG, "\n".join(reversed(LONG.split("\n"))), id="lines in reverse"),
        pytest.param(_letters(1, "\n"), _letters(2, "\n"), id="lines of one letter at random"),
        pytest.param(_letters(1, " "), _letters(2, " "), id="words of one letter at random"),
        pytest.param("学而时习" * (MEBIBYTE // 12), "时习学而" * (MEBIBYTE // 12), id="Chinese, shifted"),
    ],
)
def test_a_mebibyte_takes_seconds_at_the_worst(old: str, new: str) -> None:
    began = time.process_time()
    found = compare(old, new)
    # A quadratic comparison of the same takes hours.
    assert time.process_time() - began < 2
    assert (old_of(found), new_of(found)) == (old, new)


def test_scattered_edits_in_a_long_text_are_found_one_by_one() -> None:
    edited = _edited(LONG, 500)
    changed = sum(one != other for one, other in zip(LONG.split(" "), edited.split(" "), strict=True))
    assert compare(LONG, edited).deleted_words <= changed + len(re.findall(r"\n", LONG)) // 100


def test_texts_made_to_nest_deeply_do_no_harm() -> None:
    # What stands once only shows inside of what stands once, fourteen levels down.
    old, new = "x", "y"
    for level in range(14):
        old, new = (f"{side} k{level} {side} u{level} k{level}" for side in (old, new))
    found = compare(old, new)
    assert (old_of(found), new_of(found)) == (old, new)
