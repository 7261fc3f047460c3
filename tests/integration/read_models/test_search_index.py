"""The search index on a real server: what is found, by whom, in which order, and how often."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from read_models.search.hits import MOST, Audience, SearchResult, search
from read_models.search.index import Entry, put, remove
from read_models.search.query import parse_query

ANN, BOB = "a" * 32, "b" * 32
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def entry(name: str = "", body: str = "", **changes: Any) -> Entry:
    """A published page of Ann's whose id begins with ``name``."""
    made = Entry(
        scope="published",
        page_id=name.ljust(32, "0") if name else uuid4().hex,
        notebook_id="1" * 32,
        author_id=ANN,
        notebook_title="A notebook",
        title="Untitled",
        body=body,
        version=1,
        updated_at=NOON,
    )
    return replace(made, **changes)


def index(db: Engine, *entries: Entry) -> None:
    with db.begin() as connection:
        put(connection, entries)


def find(db: Engine, text: str, page: int = 1, per_page: int = 20, **audience: Any) -> SearchResult:
    with db.connect() as connection:
        return search(connection, parse_query(text), Audience(**audience), page, per_page)


def names(result: SearchResult) -> list[str]:
    return [item.page_id.rstrip("0") for item in result.items]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("La señora Frasquita", "senora"),
        ("La senora Frasquita", "SEÑORA"),
        ("子曰：学而时习之，不亦说乎？", "学而"),
        ("子曰：学而时习之，不亦说乎？", "学而时习"),
        ("子曰：学而时习之，不亦说乎？", "之"),
        ("東京タワーへ行った", "タワー"),
        ("한국어를 배운다", "한국"),
        ("ภาษาไทย", "ภาษา"),
        ("It was the best of times", "was the of"),
        ("a b c", "b"),
        ("x" * 300 + " end", "x" * 300),
        ("I don't know", "don't"),
        ("I don’t know", "dont"),
        ("Mr O’Neill", "oneill"),
        ("l'amour", "amour"),
        ("truth universally acknowledged, that", '"universally acknowledged"'),
        ("the whaling ship", "whal*"),
        ("naïveté", "naiv*"),
        ("naжo", "na*"),
        ("version 3.14", "3.14"),
        ("a snake_case name", "case"),
        ("[shown](https://example.org/hidden)", "shown"),
        ("Война и мир", "ВОЙ*"),
        *[("The caf&eacute; don&rsquo;t do R&amp;D", query) for query in ("café", "don't", "dont", '"R&D"', "r&d")],
        *[("un**believ**able, in<b>cre</b>íble", query) for query in ("unbelievable", "increible", "unbel*")],
        *[("我爱**北京**天安门", query) for query in ("北京天安门", "我爱北京", "爱北")],
        *[("الســـلام عليكم", query) for query in ("السلام", "الســلام")],
        *[("کتاب‌های علی", query) for query in ("كتاب*", "علي", "على")],
        *[("It was 🔥🔥 👍🏽 and ❤️.", query) for query in ("🔥", "🔥🔥", "👍", "❤", "👍🏿")],
        *[("Written in C++, C# and .NET", query) for query in ("c++", "c#", ".net", "C")],
        *[("Mr O’Neill’s and d’O'Brien", query) for query in ("oneill", "o'neill", "obrien", "neill")],
        ("Das Haus &Uuml;berm&uuml;ller~~s~~", "übermüllers"),
        ("![the *old* heron](/media/0f/large)", '"old heron"'),
        ("<p>Uno<br>dos</p>\n\n<!-- tres -->", "uno dos"),
        ("```python\nprint('heron')\n```", "print heron"),
        ("ｶﾀｶﾅ", "カタカナ"),
    ],
)
def test_a_page_is_found(db: Engine, text: str, query: str) -> None:
    index(db, entry("1", text))
    assert names(find(db, query)) == ["1"]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("the white whale", "white ship"),
        ("the white whale", '"whale white"'),
        ("the white whale", "white -whale"),
        ("the white whale", 'white -"white whale"'),
        ("the white whale", "whi"),
        ("the white whale", "-ship"),
        ("the white whale", "white -wha*"),
        ("学时而", "学而"),
        ("学而 而时", "学而时"),
        ("[shown](https://example.org/hidden)", "hidden"),
        ("anything", "!?"),
        *[("don&rsquo;t R&amp;D", query) for query in ("rsquo", "amp")],
        *[("a <span class='hid'>b</span><!-- hid --> [c](hid.md 'hid')\n\n[r]: hid", "hid")],
        *[("![a](hid.png) <img src='hid.png' alt='b'>\n\n```hid\nc\n```", "hid")],
        *[("---\ntitle: hid\n---\nText", "hid"), ("+++\ntitle = 'hid'\n+++\nText", "hid")],
        ("It was 🔥", "👍"),
    ],
)
def test_a_page_is_not_found(db: Engine, text: str, query: str) -> None:
    index(db, entry("1", text))
    assert names(find(db, query)) == []


def test_a_phrase_does_not_run_from_the_title_into_the_text(db: Engine) -> None:
    index(db, entry("1", "whale", title="white"))
    assert names(find(db, "white whale")) == ["1"]
    assert names(find(db, '"white whale"')) == []


def test_a_result_tells_what_the_reader_needs(db: Engine) -> None:
    index(db, entry("1", "so < *white*", title="Of whales"))
    (item,) = find(db, "white").items
    assert (item.title, item.notebook_title, item.author_id) == ("Of whales", "A notebook", ANN)
    assert item.snippet == "so &lt; <mark>white</mark>"
    assert item.updated_at == NOON
    # InnoDB gives a word that stands in every page a weight of 0.
    assert 0 <= item.score < 1


def test_title_goes_over_body_and_often_over_once(db: Engine) -> None:
    index(db, entry("1", "whale"), entry("2", "", title="A whale"), entry("3", "whale " * 9), entry("4", "ship"))
    assert names(find(db, "whale")) == ["2", "3", "1"]


@pytest.mark.parametrize(("query", "first"), [("C++", "1"), ("c#", "2"), (".NET", "4"), ("C", None)])
def test_what_has_the_signs_goes_first(db: Engine, query: str, first: str | None) -> None:
    pages = {"1": "Code in C++.", "2": "Code in C#", "3": "C C C", "4": "Made for .NET", "5": "net net net"}
    index(db, *(entry(name, text) for name, text in pages.items()), entry("6", "", title="net, C"))
    found = find(db, query)
    assert (names(found)[0] == first) if first else set(names(found)) == {"1", "2", "3", "6"}
    assert found.total == len(found.items) >= 3


def test_a_request_costs_no_more_than_its_share_whatever_the_pages_hold(db: Engine) -> None:
    index(db, *(entry(f"{number}", "½ " * 60_000 + "K") for number in range(1, 9)))
    began = time.process_time()
    assert find(db, 'K 1 2 1* 2* "1 2"').total == 8
    assert time.process_time() - began < 2


def test_equal_matches_come_newest_first_and_then_always_in_the_same_order(db: Engine) -> None:
    later = NOON + timedelta(hours=1)
    index(db, entry("3", "whale"), entry("1", "whale"), entry("2", "whale", updated_at=later))
    assert names(find(db, "whale")) == ["2", "1", "3"]


def rights(db: Engine) -> None:
    index(
        db,
        entry("1", "whale one", scope="draft"),
        entry("1", "whale one"),
        entry("2", "whale two", author_id=BOB, notebook_id="2" * 32),
        entry("3", "whale three", author_id=BOB, notebook_id="2" * 32, scope="draft"),
    )


@pytest.mark.parametrize(
    ("audience", "expected"),
    [
        ({}, "1p 2p"),
        ({"viewer_id": ANN}, "1d 2p"),
        ({"viewer_id": BOB}, "1p 3d"),
        ({"viewer_id": "c" * 32}, "1p 2p"),
        ({"viewer_id": ANN, "scope": "mine"}, "1d"),
        ({"scope": "mine"}, ""),
        ({"viewer_id": BOB, "scope": "public"}, "1p 2p"),
        ({"viewer_id": ANN, "author_id": BOB}, "2p"),
        ({"viewer_id": ANN, "notebook_id": "1" * 32}, "1d"),
        ({"notebook_id": "2" * 32}, "2p"),
        ({"withdrawn": {"1".ljust(32, "0"): 1}}, "2p"),
        ({"withdrawn": {"2" * 32: 1}}, "1p"),
        ({"withdrawn": {"2" * 32: 0}}, "1p 2p"),
        ({"viewer_id": BOB, "withdrawn": {"2" * 32: 1}}, "1p 3d"),
        ({"viewer_id": BOB, "trashed": {"2" * 32: 1}}, "1p"),
        ({"viewer_id": BOB, "trashed": {"2" * 32: 0}}, "1p 3d"),
    ],
)
def test_each_reader_finds_only_what_is_theirs_to_see(db: Engine, audience: dict[str, Any], expected: str) -> None:
    rights(db)
    result = find(db, "whale", **audience)
    assert " ".join(sorted(f"{item.page_id[0]}{item.scope[0]}" for item in result.items)) == expected
    assert result.total == len(expected.split())


def test_the_newest_version_wins_in_any_order(db: Engine) -> None:
    index(db, entry("1", "third", version=3))
    index(db, entry("1", "second", version=2))
    assert (find(db, "second").total, find(db, "third").total) == (0, 1)
    index(db, entry("1", "fourth", version=4), entry("1", "fifth", version=5), entry("1", "first"))
    assert [find(db, word).total for word in ("first", "third", "fourth", "fifth")] == [0, 0, 0, 1]


def test_pages_that_change_together_are_all_found(db: Engine) -> None:
    for version in range(1, 4):
        index(db, *(entry(name, f"whale {name}{version}", version=version) for name in "123"))
        assert [names(find(db, f"{name}{version}")) for name in "123"] == [["1"], ["2"], ["3"]]


def test_what_was_removed_stays_away_until_a_newer_version(db: Engine) -> None:
    index(db, entry("1", "whale"), entry("1", "whale", scope="draft"))
    with db.begin() as connection:
        remove(connection, ["1".ljust(32, "0"), "2".ljust(32, "0")], "published", 3)
    index(db, entry("1", "whale", version=2), entry("2", "whale", version=2))
    assert names(find(db, "whale")) == []
    assert names(find(db, "whale", viewer_id=ANN)) == ["1"]
    index(db, entry("1", "whale", version=4))
    assert names(find(db, "whale")) == ["1"]


def test_pages_of_results_follow_each_other_and_know_the_total(db: Engine) -> None:
    index(db, *(entry(f"{number:02}"[::-1] + "f", "whale") for number in range(25)))
    pages = [find(db, "whale", page=page, per_page=10) for page in (1, 2, 3, 4)]
    assert [len(result.items) for result in pages] == [10, 10, 5, 0]
    assert {result.total for result in pages} == {25}
    assert len({item.page_id for result in pages for item in result.items}) == 25


def test_totals_are_exact_up_to_the_cap_and_the_best_are_kept_beyond(db: Engine) -> None:
    index(db, *(entry(body="whale " * (1 + number % 3)) for number in range(MOST)))
    assert (find(db, "whale").total, find(db, "whale").total_capped) == (MOST, False)
    index(db, entry("b", "whale " * 9), entry("a", "ship", title="A whale", author_id=BOB))
    result = find(db, "whale")
    assert names(result)[:2] == ["a", "b"]
    assert (result.total, result.total_capped) == (MOST, True)
    assert find(db, "whale", page=51).items == []


def test_a_mebibyte_of_text_is_indexed_and_found(db: Engine) -> None:
    index(db, entry("1", "学而时习之" * 69_000 + "whale"), entry("2", "a " * 500_000 + "ship"))
    # A ligature of eighteen letters: all terms would be longer than their column.
    index(db, entry("3", "ﷺ " * 262_000))
    assert names(find(db, "صلى")) == ["3"]
    assert names(find(db, "时习之学 whale")) == ["1"]
    assert "<mark>ship</mark>" in find(db, "ship").items[0].snippet


@pytest.fixture
def connection(db: Engine) -> Iterator[Connection]:
    index(db, entry("1", "the white whale", title="学而时习"), entry("2", "ab é", scope="draft"))
    with db.connect() as opened:
        yield opened


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="ab*-\"' 学而é+()~<>@%_\\.,;:&|", max_size=40) | st.text(max_size=40))
def test_no_query_is_an_error(connection: Connection, text: str) -> None:
    for viewer_id in (None, ANN):
        search(connection, parse_query(text), Audience(viewer_id=viewer_id))


@pytest.mark.parametrize(
    "text",
    [
        *('"' * 10_000, "-" * 10_000, "a " * 5_000, "学" * 10_000, "a*" * 5_000, "-a " * 3_000, '"a b" ' * 2_000),
        *(" ".join(f"w{n}*" for n in range(2_000)), "((((+-~<>*)))@8"),
    ],
)
def test_no_long_query_is_an_error(connection: Connection, text: str) -> None:
    search(connection, parse_query(text), Audience(viewer_id=ANN))


WORDS = ["al", "ali", "the", "señor", "x", "学而", "而学", "学", "don't", "b"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=7)
QUERIES = st.lists(
    st.tuples(st.sampled_from(["", "-", '"']), st.sampled_from(WORDS), st.sampled_from(WORDS)), min_size=1
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXTS, min_size=1, max_size=6), QUERIES)
def test_the_server_finds_what_a_reader_with_time_would(
    db: Engine, pages: list[list[str]], query: list[tuple[str, str, str]]
) -> None:
    with db.begin() as connection:
        put(connection, [entry(f"{n + 1:x}", " ".join(page), version=_next()) for n, page in enumerate(pages)])
        remove(connection, [f"{n + 1:x}".ljust(32, "0") for n in range(len(pages), 6)], "published", _next())
    asked = " ".join(f'"{one} {two}"' if kind == '"' else kind + one for kind, one, two in query)
    expected = {f"{n + 1:x}" for n, page in enumerate(pages) if _matches(page, query)}
    assert set(names(find(db, asked))) == expected


_versions = iter(range(1, 1_000_000))


def _next() -> int:
    return next(_versions)


def _matches(page: list[str], query: list[tuple[str, str, str]]) -> bool:
    """The rules of the contract, word for word."""
    wanted = [(one, two) for kind, one, two in query if kind == '"']
    phrases = all(any(_ends(a, one) and _begins(b, two) for a, b in pairwise(page)) for one, two in wanted)
    words = all(any(_has(word, one) for word in page) for kind, one, _ in query if not kind)
    barred = any(_has(word, one) for kind, one, _ in query if kind == "-" for word in page)
    return phrases and words and not barred and any(kind != "-" for kind, _, _ in query)


def _has(word: str, wanted: str) -> bool:
    return wanted in word if _is_run(wanted) else word == wanted


def _ends(word: str, wanted: str) -> bool:
    return word.endswith(wanted) if _is_run(wanted) else word == wanted


def _begins(word: str, wanted: str) -> bool:
    return word.startswith(wanted) if _is_run(wanted) else word == wanted


def _is_run(word: str) -> bool:
    return word[0] in "学而"
