"""What a page does with its text and its versions, without any database."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from domain.page import Page
from domain.text import sha256
from events.pages import PageAutosaved, PageCreated, PageEdited, PageReverted

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
WINDOW = timedelta(minutes=5)


def minutes(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


def a_page(title: str = "A page", content: str = "Some words.") -> Page:
    """A stored page: what its creation recorded has been taken."""
    page = Page.create("p" * 32, "n" * 32, "u" * 32, title, content, NOON)
    facts(page).clear()
    return page


def facts(page: Page) -> list[Any]:
    """Of any kind: each test knows which."""
    return page.facts


def kinds(page: Page) -> list[type]:
    return [type(fact) for fact in facts(page)]


def test_a_new_page_has_version_one_and_says_what_it_holds() -> None:
    page = Page.create("p" * 32, "n" * 32, "u" * 32, "A page", "Two words", NOON)
    assert (page.version, page.word_count, page.content_sha256) == (1, 2, sha256("Two words"))
    (fact,) = facts(page)
    assert isinstance(fact, PageCreated)
    assert (fact.page_id, fact.version, fact.revision, fact.content) == ("p" * 32, 1, 1, "Two words")
    assert (fact.created_at, fact.updated_at) == (NOON, NOON)


def test_a_save_is_a_new_version_with_a_revision_of_its_own() -> None:
    page = a_page()
    page.edit(None, "Three new words", minutes(1))
    assert (page.version, page.title, page.word_count, page.updated_at) == (2, "A page", 3, minutes(1))
    (fact,) = facts(page)
    assert isinstance(fact, PageEdited)
    assert (fact.version, fact.revision, fact.content, fact.content_sha256) == (
        2,
        2,
        "Three new words",
        sha256("Three new words"),
    )


def test_a_fact_holds_the_whole_page_and_not_only_what_changed() -> None:
    page = a_page(content="stays")
    page.edit("Another title", None, minutes(1))
    assert (facts(page)[0].title, facts(page)[0].content) == ("Another title", "stays")


@pytest.mark.parametrize(("title", "content"), [(None, None), ("A page", None), ("A page", "Some words.")])
def test_a_save_that_changes_nothing_keeps_the_version_and_records_nothing(
    title: str | None, content: str | None
) -> None:
    page = a_page()
    page.edit(title, content, minutes(1))
    page.autosave(title, content, minutes(2), WINDOW)
    assert (page.version, page.updated_at, facts(page)) == (1, NOON, [])


def test_an_empty_text_is_a_change_like_any_other() -> None:
    page = a_page()
    page.edit(None, "", minutes(1))
    assert (page.version, page.content, page.word_count) == (2, "", 0)


def test_versions_are_gapless_over_several_changes_in_one_command() -> None:
    page = a_page()
    page.edit(None, "one", minutes(1))
    page.edit(None, "two", minutes(2))
    page.edit(None, "two", minutes(3))
    page.edit("three", None, minutes(4))
    assert [(number, cast(Any, fact).version) for number, fact in page.numbered_facts()] == [(2, 2), (3, 3), (4, 4)]


def test_autosaves_roll_one_revision_forward_until_its_window_is_over() -> None:
    page = a_page()
    for minute in (1, 2, 6, 6.1, 11.1, 11.2):
        page.autosave(None, f"written by minute {minute}", minutes(minute), WINDOW)
    # The window runs from the first autosave of the run, so a long run is cut every five minutes.
    assert [fact.revision for fact in facts(page)] == [2, 2, 2, 5, 5, 7]
    assert set(kinds(page)) == {PageAutosaved}


LONG = "El molinero de tres picos vivía cerca de la ciudad, y su mujer era la más hermosa de toda la comarca. " * 3
OTHER = "Nothing of this was ever written before by anyone who lived near the river, as far as we could find out. " * 3


@pytest.mark.parametrize(
    ("before", "after", "rolls_on"),
    [
        pytest.param(LONG, "x", False, id="all gone"),
        pytest.param("学而时习之，不亦说乎？" * 30, "学而", False, id="all gone in Chinese"),
        pytest.param(LONG, "", False, id="empty"),
        pytest.param(LONG, OTHER, False, id="another text of the same length"),
        pytest.param("a" * 200, "a" * 99, False, id="one less than half"),
        pytest.param("a" * 200, "a" * 100, True, id="half"),
        pytest.param("a" * 199, "a", True, id="too short to care"),
        pytest.param(LONG, LONG + OTHER, True, id="written on"),
        pytest.param(LONG, OTHER + LONG, True, id="written before"),
        pytest.param(LONG, LONG[:160] + "Señor. " + LONG[160:], True, id="written in the middle"),
        pytest.param(LONG + OTHER, OTHER + LONG, True, id="moved"),
        pytest.param(LONG, LONG.replace("hermosa", "bella").replace("ciudad", "villa"), True, id="here and there"),
    ],
)
def test_an_autosave_that_throws_most_away_opens_a_revision(before: str, after: str, rolls_on: bool) -> None:
    page = a_page()
    page.autosave(None, before, minutes(1), WINDOW)
    page.autosave(None, after, minutes(2), WINDOW)
    page.autosave(None, after + "!", minutes(2.5), WINDOW)
    assert [fact.revision for fact in facts(page)] == ([2, 2, 2] if rolls_on else [2, 3, 3])


def test_a_title_autosaved_alone_throws_nothing_away() -> None:
    page = a_page()
    page.autosave(None, LONG, minutes(1), WINDOW)
    page.autosave("Another title", None, minutes(2), WINDOW)
    assert [fact.revision for fact in facts(page)] == [2, 2]


def test_a_save_closes_the_open_revision() -> None:
    page = a_page()
    page.autosave(None, "a", minutes(1), WINDOW)
    page.edit(None, "b", minutes(2))
    page.autosave(None, "c", minutes(3), WINDOW)
    assert [fact.revision for fact in facts(page)] == [2, 3, 4]


def test_a_save_of_what_was_autosaved_already_closes_the_open_revision_too() -> None:
    page = a_page()
    page.autosave(None, "what I mean to keep", minutes(1), WINDOW)
    page.edit(None, "what I mean to keep", minutes(2))
    page.autosave(None, "what I am trying out", minutes(3), WINDOW)
    assert [(fact.revision, fact.content) for fact in facts(page)] == [
        (2, "what I mean to keep"),
        (3, "what I am trying out"),
    ]


def test_a_closed_revision_is_not_rolled_forward() -> None:
    page = a_page()
    page.autosave(None, "a", minutes(1), WINDOW)
    page.close_revision()
    page.autosave(None, "b", minutes(2), WINDOW)
    assert [fact.revision for fact in facts(page)] == [2, 3]


def test_going_back_to_an_old_text_is_a_new_version_even_when_nothing_differs() -> None:
    page = a_page()
    page.revert("A page", "Some words.", minutes(1))
    assert (page.version, kinds(page), facts(page)[0].revision) == (2, [PageReverted], 2)


def test_going_back_closes_the_open_revision() -> None:
    page = a_page()
    page.autosave(None, "a", minutes(1), WINDOW)
    page.revert("A page", "Some words.", minutes(2))
    page.autosave(None, "b", minutes(3), WINDOW)
    assert [fact.revision for fact in facts(page)] == [2, 3, 4]


def test_time_never_runs_backwards_on_a_page() -> None:
    """Two commands note the time before they wait for the page's lock, and may get it the other way round."""
    page = a_page()
    page.edit(None, "got the lock first", minutes(2))
    page.edit(None, "asked first", minutes(1))
    assert [fact.updated_at for fact in facts(page)] == [minutes(2), minutes(2)]


def test_what_is_stored_is_the_row_and_nothing_else() -> None:
    assert set(a_page().stored()) == {column.name for column in Page.table.columns}
