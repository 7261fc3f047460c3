"""Two edits of one text on their common base: both, or neither."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.merge import merge, merge_line

BASE = "one\ntwo\nthree\nfour\nfive\n"

texts = st.lists(st.sampled_from(["one", "two", "", "三", "señora"]), max_size=6).map("\n".join)


def test_edits_of_different_lines_are_both_kept() -> None:
    assert merge(BASE, "ONE\ntwo\nthree\nfour\nfive\n", "one\ntwo\nthree\nfour\nFIVE\n") == (
        "ONE\ntwo\nthree\nfour\nFIVE\n"
    )


def test_a_line_added_and_a_line_taken_away_are_both_kept() -> None:
    assert merge(BASE, BASE + "six\n", "two\nthree\nfour\nfive\n") == "two\nthree\nfour\nfive\nsix\n"


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("ONE\ntwo\nthree\nfour\nfive\n", "uno\ntwo\nthree\nfour\nfive\n"),
        ("two\nthree\nfour\nfive\n", "uno\ntwo\nthree\nfour\nfive\n"),
        (BASE + "mine\n", BASE + "theirs\n"),
    ],
)
def test_edits_of_the_same_lines_are_not_guessed_at(mine: str, theirs: str) -> None:
    assert merge(BASE, mine, theirs) is None


def test_the_same_edit_twice_is_no_conflict() -> None:
    assert merge(BASE, "one\n", "one\n") == "one\n"


def test_texts_without_a_last_newline_keep_theirs() -> None:
    assert merge("学而\n时习之", "学而\n时习之！", "论语\n学而\n时习之") == "论语\n学而\n时习之！"


@pytest.mark.parametrize(
    ("line", "one", "other"),
    [
        ("La la la", "Oh the river", "Carry me home"),
        ("- [ ] regar", "- [x] regar", "- [ ] podar"),
        ("南无", "阿弥", "陀佛"),
    ],
)
def test_edits_among_many_equal_lines_are_both_kept(line: str, one: str, other: str) -> None:
    base = [line] * 60
    mine, theirs = [*base[:20], one, *base[21:]], [*base[:40], other, *base[41:]]
    both = [*mine[:40], other, *mine[41:]]
    assert merge(*("\n".join(lines) for lines in (base, mine, theirs))) == "\n".join(both)


@pytest.mark.parametrize("size", [49_000, 99_000, 500_000])
def test_a_conflict_is_told_in_time_whatever_the_texts(size: int) -> None:
    base, mine, theirs = ("\n".join(random.Random(seed).choices("abcdef", k=size)) for seed in range(3))
    began = time.process_time()
    assert merge(base, mine, theirs) is None
    assert time.process_time() - began < 2


def test_edits_of_a_whole_book_are_merged_in_time() -> None:
    chosen = random.Random(4)
    base = [" ".join(f"word{chosen.randrange(5000)}" for _ in range(15)) for _ in range(10_000)]
    mine = [f"{line} mine" if number % 100 == 0 else line for number, line in enumerate(base)]
    theirs = [f"{line} theirs" if number % 100 == 50 else line for number, line in enumerate(base)]
    began = time.process_time()
    found = merge(*("\n".join(lines) for lines in (base, mine, theirs)))
    assert found is not None
    assert (found.count("mine"), found.count("theirs")) == (100, 100)
    assert time.process_time() - began < 2


@given(base=texts, edited=texts)
def test_an_edit_merged_with_none_is_that_edit(base: str, edited: str) -> None:
    assert merge(base, edited, base) == edited
    assert merge(base, base, edited) == edited


@given(base=texts, mine=texts, theirs=texts)
def test_who_edited_first_does_not_matter(base: str, mine: str, theirs: str) -> None:
    assert (merge(base, mine, theirs) is None) == (merge(base, theirs, mine) is None)


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        ("Walks", "Walks", "Walks"),
        ("Runs", "Walks", "Runs"),
        ("Walks", "Runs", "Runs"),
        ("Runs", "Runs", "Runs"),
        ("Runs", "Swims", None),
    ],
)
def test_of_two_titles_the_changed_one_is_kept(mine: str, theirs: str, expected: str | None) -> None:
    assert merge_line("Walks", mine, theirs) == expected
