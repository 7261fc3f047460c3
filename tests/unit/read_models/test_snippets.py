"""Snippets: the right window, the right marks, and nothing that could be markup."""

import html
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from read_models.search.query import parse_query
from read_models.search.snippets import plain, snippet


def shown(text: str, query: str, length: int = 200) -> str:
    return snippet(text, parse_query(query), length)


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        ("La Señora de Mérida", "senora", "La <mark>Señora</mark> de Mérida"),
        ("un nin\u0303o pequen\u0303o", "niño", "un <mark>nin\u0303o</mark> pequen\u0303o"),
        ("die Straße", "strasse", "die <mark>Straße</mark>"),
        ("子曰：学而时习之。", "学而时", "子曰：<mark>学而时</mark>习之。"),
        ("新手机iPhone", "iphone 手机", "新<mark>手机</mark><mark>iPhone</mark>"),
        ("so white, whale!", '"white whale"', "so <mark>white, whale</mark>!"),
        ("the whalers", "whal*", "the <mark>whal</mark>ers"),
        ("_he_ then", "he", "_<mark>he</mark>_ then"),
        ("I don't", "dont", "I <mark>don&#x27;t</mark>"),
        ("l’amour", "amour", "l’<mark>amour</mark>"),
        ("a whale", "whale -ship", "a <mark>whale</mark>"),
        ("a <b>whale</b> & co", "whale", "a &lt;b&gt;<mark>whale</mark>&lt;/b&gt; &amp; co"),
        ("two\n\n  lines", "two lines", "<mark>two</mark> <mark>lines</mark>"),
        ("nothing here", "whale", "nothing here"),
        ("", "whale", ""),
    ],
)
def test_matches_are_marked_in_the_original_text(text: str, query: str, expected: str) -> None:
    assert shown(text, query) == expected


def test_the_window_is_where_the_most_words_meet() -> None:
    text = "white " + "x " * 300 + "whale " + "x " * 300 + "the white old whale swims " + "x " * 300
    found = shown(text, "white whale")
    assert "<mark>white</mark> old <mark>whale</mark>" in found
    assert found.startswith("…x x")
    assert found.endswith("x…")
    assert len(re.sub("</?mark>", "", found)) <= 210


def test_words_are_not_cut() -> None:
    text = "abcdefghij " * 100
    assert set(re.findall(r"\w+", shown(text, "zzz"))) == {"abcdefghij"}
    assert set(re.findall(r"\w+", shown(text + "whale " + text, "whale"))) == {"abcdefghij", "whale", "mark"}


def test_pictures_and_links_show_their_words_only() -> None:
    text = 'See ![a <cat>](/media/0f/small "title") and [the [link](https://example.org/x) or [![in](/m/1)](/to).'
    assert plain(text) == "See a <cat> and [the link or in."


@given(st.text(max_size=300), st.text(max_size=20), st.integers(20, 200))
def test_without_its_marks_a_snippet_is_escaped_text(text: str, query: str, length: int) -> None:
    found = shown(text, query, length)
    assert found.count("<mark>") == found.count("</mark>")
    bare = re.sub("</?mark>", "", found)
    assert "<" not in bare
    assert ">" not in bare
    squeezed = re.sub(r"\s", "", text)
    assert re.sub(r"\s", "", html.unescape(bare)).strip("…") in squeezed or "&" in text


@given(st.text(alphabet="aéß学而½'’ \u0301ñ-", max_size=80), st.text(alphabet="aéß学而½' ñ*\"", min_size=1, max_size=6))
def test_any_mixture_of_scripts_is_shown_whole(text: str, query: str) -> None:
    found = html.unescape(re.sub("</?mark>", "", shown(text, query)))
    assert found == re.sub(r"\s+", " ", text).strip()


@pytest.mark.parametrize(
    "text",
    [
        "the quick brown fox " * 52_000,
        "so weiter Straße " * 60_000,
        "学而时习之" * 70_000,
        "[" * 1_000_000,
        "](" * 500_000,
        "![a](b" * 160_000,
        "a'" * 500_000,
        "a" * 1_000_000,
        " " * 1_000_000,
        "a b " * 250_000,
        "\u0301" * 500_000,
    ],
)
def test_a_mebibyte_takes_no_more_than_its_share(text: str) -> None:
    began = time.process_time()
    shown(plain(text), 'fox weiter "a b" 学而时 the dont')
    assert time.process_time() - began < 5
