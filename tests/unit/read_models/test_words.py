"""Folding and terms: what a word of any script becomes in the index."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from read_models.search.folding import fold
from read_models.search.query import Query, parse_query
from read_models.search.words import MOST_TERMS, parts, signed_terms, terms

STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a about an are as at be by com de en for from how i in is it la of on or that the this to was what when where "
        "who will with und www",
    )
)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Señora", "senora"),
        ("nin\u0303o", "nino"),
        ("ÅNGSTRÖM", "angstrom"),
        ("Straße", "strasse"),
        ("ØRE Łódź Đuro", "ore lodz duro"),
        ("œuvre Æsir", "oeuvre aesir"),
        ("ΣΊΣΥΦΟΣ", fold("Σίσυφος")),
        ("Ёлка", "елка"),
        ("İstanbul ısı", "istanbul isi"),
        ("ﬁne ＡＢＣ", "fine abc"),
        ("٣٤", "34"),
        ("한국어", "한국어"),
        ("が", "が"),
        ("ภาษาไทยกี่", "ภาษาไทยกี่"),
        ("soft\u00adhyphen", "softhyphen"),
        ("الســـلام", "السلام"),
        ("کتاب علی مصطفى", "كتاب علي مصطفي"),
        ("ｶﾞｲﾄﾞ", "ガイド"),
        ("👍🏽 ❤️ 👩\u200d🚀", "👍 ❤ 👩🚀"),
    ],
)
def test_case_and_accents_do_not_matter(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(("one", "other"), [("か", "が"), ("ป่า", "ปู"), ("क्", "क")])
def test_signs_that_make_another_word_stay(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_words_and_runs_are_told_apart_even_without_a_space() -> None:
    found = [(part.text, part.is_run) for part in parts("_iPhone_手机 don’t, 3.14 ½ ❤️")]
    assert found == [
        ("iphone", False),
        ("手机", True),
        *[(word, False) for word in ("don", "t", "3", "14", "1", "2")],
        ("❤", True),
    ]


def test_a_run_becomes_overlapping_pairs_and_its_last_character() -> None:
    pair_one, pair_two, last = terms("学而时").sequence
    assert terms("学而").sequence[0] == pair_one
    assert terms("而时").sequence == [pair_two, last]
    assert pair_two.startswith(terms("而").sequence[0])


def test_what_an_apostrophe_joins_is_found_apart_and_together() -> None:
    assert terms("O’Neill don't rock'n'roll 'quoted'") == (
        ["wo", "wneill", "wdon", "wt", "wrock", "wn", "wroll", "wquoted"],
        ["woneill", "wdont", "wrockn", "wrocknroll", "wnroll"],
    )


@pytest.mark.parametrize("text", ["O’Neill’s", "d’O'Neill", "ONeill"])
def test_a_name_is_found_whatever_is_joined_to_it(text: str) -> None:
    assert "woneill" in [*terms(text).sequence, *terms(text).others]


@pytest.mark.parametrize(
    ("one", "other", "are_the_same"),
    [
        ("C++", "c++,", True),
        ("(.NET)", ".net", True),
        ("C#", "C++", False),
        ("C", "C++", False),
        ("#señora", "#SENORA!", True),
        ("F#/C#", "c#", True),
        ("ASP.NET", ".net", False),
        ("a+b", "a+", False),
    ],
)
def test_signs_are_a_part_of_some_words(one: str, other: str, are_the_same: bool) -> None:
    assert bool(set(signed_terms(one)) & set(signed_terms(other))) == are_the_same


@given(st.text(max_size=200))
def test_every_term_is_one_that_both_servers_take_as_it_is(text: str) -> None:
    found = terms(text)
    for term in (*found.sequence, *found.others):
        assert re.fullmatch("[a-z0-9]+", term)
        for mark in "dptq":
            assert 3 <= len(mark + term) <= 84
            assert mark + term not in STOP_WORDS


@given(st.text(max_size=100))
def test_folding_twice_changes_nothing(text: str) -> None:
    words = [part.text for part in parts(text)]
    assert [part.text for part in parts(" ".join(words))] == [w for word in words for w in _texts(word)]


def _texts(word: str) -> list[str]:
    return [part.text for part in parts(word)]


@pytest.mark.parametrize(
    "scrap",
    ["学而", "a", "a'", "é ", "\u0301", "½ ", "½", "ﷺ ", "ﷺ", "c++ ", ".a", "e\u0301", "a#", "🔥", "The heron’s "],
)
def test_a_mebibyte_takes_no_more_than_its_share(scrap: str) -> None:
    text = scrap * (1024 * 1024 // len(scrap.encode()))
    began = time.process_time()
    found = terms(text)
    assert time.process_time() - began < 1.5
    assert sum(map(len, found.sequence)) <= MOST_TERMS


def boolean(text: str) -> str:
    return parse_query(text).boolean("p")


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("whale", "+pwwhale"),
        ("the whale", "+pwwhale +pwthe"),
        ("whale whale", "+pwwhale"),
        ("whale -ship", "+pwwhale -pwship"),
        ("wha*", "+(pwwha* pu003b002w002p*)"),
        ('"white whale"', "+pwwhite +pwwhale"),
        ("“white whale”", "+pwwhite +pwwhale"),
        ('"white whale', "+pwwhite +pwwhale"),
        ("don't", "+pwdon +pwt"),
        ("+whale ~<>()@", "+pwwhale"),
        ("well-known", "+pwknown +pwwell"),
    ],
)
def test_a_query_asks_for_all_its_words(text: str, asked: str) -> None:
    assert boolean(text) == asked


@pytest.mark.parametrize("text", ["", " ", "---", '"', '""', "*", "-", "-a", '-"a b"', "!?", "\x00"])
def test_a_query_without_wanted_words_finds_nothing(text: str) -> None:
    assert parse_query(text).is_empty


@given(st.text(alphabet="ab*-\"“' 学而é+()~<>@%_\\.", max_size=60) | st.text(max_size=60))
def test_no_text_is_a_wrong_query_and_none_smuggles_syntax(text: str) -> None:
    query = parse_query(text)
    asked = query.boolean("p", also="q")
    assert asked.count("(") <= 16
    assert re.fullmatch(r"([+-]?(\([pq]\w+\* [pq]\w+\*\)|[pq][a-z0-9]+\*?)( |$))*", asked)
    for piece in query.sequences:
        assert re.fullmatch(r"% [a-z0-9 ]+%", piece.pattern("p"))


@pytest.mark.parametrize("text", ['"' * 10_000, "-" * 10_000, "a " * 5_000, "学" * 10_000, "a*" * 5_000, "-a" * 5_000])
def test_a_long_query_is_cut_not_refused(text: str) -> None:
    query: Query = parse_query(text)
    assert len(query.boolean("p")) < 8_000
