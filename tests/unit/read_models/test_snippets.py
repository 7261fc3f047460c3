"""Snippets: the right window, the right marks, and nothing that could be markup."""

import html
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from read_models.search.matches import Work
from read_models.search.query import parse_query
from read_models.search.snippets import WORK, snippet


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


def test_a_long_page_is_looked_through_to_its_end() -> None:
    text = "the quick brown fox " * 50_000
    assert "<mark>heron</mark>" in shown(text + "and the heron " + text[:100], "heron")
    assert "<mark>Straße</mark> <mark>heron</mark>" in shown(text + "Straße heron", "strasse heron")


def test_a_phrase_is_found_wherever_the_text_is_parted() -> None:
    for gap in range(7_900, 8_300, 7):
        assert "<mark>white whale</mark>" in shown(
            "x " * (gap // 2) + "the white whale swims " + "x " * 4000, '"white whale"'
        )


def test_what_one_result_leaves_is_for_the_others() -> None:
    work, long, query = Work(2_000_000, 3), "x " * 100_000 + "heron", parse_query("heron")
    assert "<mark>" not in snippet(long, query, work=work), "a third is not enough"
    assert "<mark>" in snippet("the heron", query, work=work)
    assert "<mark>" in snippet(long, query, work=work)


QUERIES = ['K 1 2 1* 2* "1 2"', 'fox weiter "a b" 学而时 the dont', " ".join(f"don{n}t" for n in range(32)), "a* b* c*"]


@pytest.mark.parametrize(
    "scrap",
    [
        *(
            "½ ",
            "the quick brown fox ",
            "so weiter Straße ",
            "学而时习之",
            "K½ ﷺ ",
            "a'",
            "a",
            " ",
            "a b ",
            "\u0301",
            "don't ",
        ),
        *("1 2 ", "🔥"),
    ],
)
@pytest.mark.parametrize("results", [20, 100])
def test_one_request_costs_at_most_so_much_whatever_stands_in_the_pages(scrap: str, results: int) -> None:
    text = scrap * (5_000_000 // results // len(scrap))
    for query in map(parse_query, QUERIES[results == 100 :: 2]):
        began = time.process_time()
        work = Work(WORK, results)
        for _ in range(results):
            snippet(text, query, work=work)
        assert time.process_time() - began < 1.5
