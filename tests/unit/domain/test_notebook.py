"""What a notebook does with its pages, their order, and what of it is published; without any database."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from domain.errors import Conflict, Invalid, NotFound
from domain.notebook import MOST_PAGES, Notebook
from events.notebooks import (
    NotebookCreated,
    NotebookEdited,
    NotebookPublished,
    NotebookRestored,
    NotebookTrashed,
    NotebookUnpublished,
    PageAdded,
    PageRestored,
    PagesReordered,
    PageTrashed,
    PublishedPage,
)

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


def a_notebook(*page_ids: str) -> Notebook:
    """A stored notebook with these pages: what its making recorded has been taken."""
    notebook = Notebook.create("u" * 32, "Walks", "On foot", {"season": "autumn"}, NOON)
    for page_id in page_ids:
        notebook.add_page(page_id, None, NOON)
    facts(notebook).clear()
    return notebook


def published(notebook: Notebook, **versions: int) -> Notebook:
    notebook.publish(versions, NOON)
    facts(notebook).clear()
    return notebook


def facts(notebook: Notebook) -> list[Any]:
    """Of any kind: each test knows which."""
    return notebook.facts


def kinds(notebook: Notebook) -> list[type]:
    return [type(fact) for fact in facts(notebook)]


def shown(notebook: Notebook) -> list[tuple[str, int]]:
    """What readers see: ``(page id, version)`` in order."""
    return [(page.id, page.version) for page in notebook.publication.pages] if notebook.publication else []


def test_a_new_notebook_is_an_empty_draft() -> None:
    notebook = Notebook.create("u" * 32, "Walks", "", {}, NOON)
    assert (notebook.version, notebook.page_ids, notebook.publication, kinds(notebook)) == (
        1,
        (),
        None,
        [NotebookCreated],
    )
    assert facts(notebook)[0].owner_id == "u" * 32
    assert facts(notebook)[0].notebook_id == notebook.id


def test_an_edit_changes_what_it_names() -> None:
    notebook = a_notebook()
    notebook.edit({"title": "Runs", "metadata": {}}, LATER)
    assert (notebook.title, notebook.description, notebook.metadata) == ("Runs", "On foot", {})
    assert (notebook.version, notebook.updated_at, kinds(notebook)) == (2, LATER, [NotebookEdited])


def test_an_edit_that_changes_nothing_keeps_the_version() -> None:
    notebook = a_notebook()
    notebook.edit({"title": "Walks", "metadata": {"season": "autumn"}}, LATER)
    notebook.edit({}, LATER)
    assert (notebook.version, notebook.updated_at, facts(notebook)) == (1, NOON, [])


@pytest.mark.parametrize(
    ("order", "place", "expected"),
    [(None, 3, "abx"), (1, 1, "xab"), (2, 2, "axb"), (3, 3, "abx"), (4, 3, "abx"), (2**31, 3, "abx")],
)
def test_a_page_gets_the_place_it_is_given_and_the_last_one_by_default(
    order: int | None, place: int, expected: str
) -> None:
    notebook = a_notebook("a", "b")
    assert notebook.add_page("x", order, LATER) == place
    assert "".join(notebook.page_ids) == expected
    assert kinds(notebook) == [PageAdded]
    assert facts(notebook)[0].page_ids == notebook.page_ids


def test_a_notebook_has_room_for_so_many_pages_and_no_more() -> None:
    notebook = a_notebook()
    notebook.page_ids = tuple(str(number) for number in range(MOST_PAGES))
    with pytest.raises(Conflict, match="at most 5000"):
        notebook.add_page("x", None, LATER)
    with pytest.raises(Conflict, match="at most 5000"):
        notebook.restore_page("x", LATER)
    assert facts(notebook) == []


def test_pages_are_put_into_another_order() -> None:
    notebook = a_notebook("a", "b", "c")
    notebook.reorder(("c", "a", "b"), LATER)
    assert (notebook.page_ids, kinds(notebook)) == (("c", "a", "b"), [PagesReordered])


def test_the_order_they_have_already_is_no_change() -> None:
    notebook = a_notebook("a", "b")
    notebook.reorder(("a", "b"), LATER)
    assert facts(notebook) == []


@pytest.mark.parametrize("order", [(), ("a",), ("a", "b", "b"), ("a", "a"), ("a", "x"), ("a", "b", "x")])
def test_an_order_must_name_every_page_once(order: tuple[str, ...]) -> None:
    notebook = a_notebook("a", "b")
    with pytest.raises(Invalid) as refused:
        notebook.reorder(order, LATER)
    assert list(refused.value.errors) == ["page_ids"]
    assert (notebook.page_ids, facts(notebook)) == (("a", "b"), [])


def test_publishing_shows_each_page_at_its_version() -> None:
    notebook = a_notebook("a", "b")
    notebook.publish({"a": 3, "b": 5}, LATER)
    assert notebook.publication is not None
    assert shown(notebook) == [("a", 3), ("b", 5)]
    assert (notebook.publication.title, notebook.publication.metadata) == ("Walks", {"season": "autumn"})
    assert notebook.publication.version == notebook.version == 4
    assert notebook.publication.published_at == LATER
    (fact,) = facts(notebook)
    assert isinstance(fact, NotebookPublished)
    assert fact.changed_page_ids == ("a", "b")


def test_publishing_again_names_only_the_pages_that_are_new_or_different() -> None:
    notebook = published(a_notebook("a", "b"), a=1, b=1)
    notebook.add_page("c", 1, LATER)
    notebook.publish({"a": 1, "b": 2, "c": 1}, LATER)
    assert shown(notebook) == [("c", 1), ("a", 1), ("b", 2)]
    assert facts(notebook)[-1].changed_page_ids == ("c", "b")


def test_publishing_what_readers_see_already_changes_nothing() -> None:
    notebook = published(a_notebook("a"), a=1)
    before = notebook.publication
    notebook.publish({"a": 1}, LATER)
    assert (notebook.publication, facts(notebook)) == (before, [])


def test_an_empty_notebook_can_be_published_and_only_once() -> None:
    notebook = a_notebook()
    notebook.publish({}, NOON)
    notebook.publish({}, LATER)
    assert kinds(notebook) == [NotebookPublished]


CHANGES: dict[str, Callable[[Notebook], None]] = {
    "title": lambda notebook: notebook.edit({"title": "Runs"}, LATER),
    "metadata": lambda notebook: notebook.edit({"metadata": {}}, LATER),
    "order": lambda notebook: notebook.reorder(("b", "a"), LATER),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_draft_leaves_the_publication_and_can_be_published(change: str) -> None:
    notebook = published(a_notebook("a", "b"), a=1, b=1)
    before = notebook.publication
    CHANGES[change](notebook)
    assert notebook.publication == before
    notebook.publish({"a": 1, "b": 1}, LATER)
    assert notebook.publication != before
    assert facts(notebook)[-1].changed_page_ids == ()


def test_a_draft_differs_from_what_is_published_in_versions_order_and_fields() -> None:
    notebook = published(a_notebook("a", "b"), a=1, b=1)
    a, b, newer = PublishedPage(id="a", version=1), PublishedPage(id="b", version=1), PublishedPage(id="b", version=2)
    assert not notebook.differs_from_published((a, b))
    assert notebook.differs_from_published((a, newer))
    assert notebook.differs_from_published((b, a))
    assert notebook.differs_from_published((a,))
    notebook.edit({"description": "By bicycle"}, LATER)
    assert notebook.differs_from_published((a, b))


def test_what_is_not_published_differs_in_nothing() -> None:
    assert not a_notebook("a").differs_from_published((PublishedPage(id="a", version=1),))


def test_unpublishing_takes_the_notebook_from_its_readers_once() -> None:
    notebook = published(a_notebook("a"), a=1)
    notebook.unpublish(LATER)
    notebook.unpublish(LATER)
    assert (notebook.publication, kinds(notebook)) == (None, [NotebookUnpublished])
    assert facts(notebook)[0].withdraws == notebook.id


def test_unpublishing_a_draft_changes_nothing() -> None:
    notebook = a_notebook("a")
    notebook.unpublish(LATER)
    assert facts(notebook) == []


def test_a_trashed_page_is_gone_from_the_draft_and_from_its_readers_at_once() -> None:
    notebook = published(a_notebook("a", "b"), a=1, b=1)
    published_at = notebook.publication and notebook.publication.published_at
    notebook.trash_page("a", LATER)
    assert (notebook.page_ids, shown(notebook)) == (("b",), [("b", 1)])
    (fact,) = facts(notebook)
    assert isinstance(fact, PageTrashed)
    assert (fact.page_id, fact.withdraws) == ("a", "a")
    assert notebook.publication is not None
    assert notebook.publication.published_at == published_at, "it was not published anew"


def test_what_is_not_there_cannot_be_trashed() -> None:
    notebook = a_notebook("a")
    with pytest.raises(NotFound):
        notebook.trash_page("x", LATER)


def test_a_restored_page_comes_last_and_waits_for_the_next_publish() -> None:
    notebook = published(a_notebook("a", "b", "c"), a=1, b=1, c=1)
    notebook.trash_page("a", LATER)
    assert notebook.restore_page("a", LATER) == 3
    assert notebook.page_ids == ("b", "c", "a")
    assert shown(notebook) == [("b", 1), ("c", 1)]
    assert kinds(notebook) == [PageTrashed, PageRestored]
    assert facts(notebook)[-1].withdraws is None


def test_a_notebook_in_the_trash_has_no_readers_and_comes_back_as_a_draft() -> None:
    notebook = published(a_notebook("a"), a=1)
    notebook.trash(LATER)
    assert (notebook.trashed_at, notebook.publication) == (LATER, None)
    notebook.restore(LATER)
    assert (notebook.trashed_at, notebook.publication, notebook.page_ids) == (None, None, ("a",))
    assert kinds(notebook) == [NotebookTrashed, NotebookRestored]
    assert facts(notebook)[0].withdraws == notebook.id


def test_what_is_not_in_the_trash_cannot_be_restored() -> None:
    with pytest.raises(Conflict):
        a_notebook().restore(LATER)


def test_each_fact_counts_one_version_and_tells_the_whole_state() -> None:
    notebook = a_notebook()
    notebook.add_page("a", None, LATER)
    notebook.edit({"title": "Runs"}, LATER)
    notebook.publish({"a": 1}, LATER)
    assert [(number, cast(Any, fact).version) for number, fact in notebook.numbered_facts()] == [(2, 2), (3, 3), (4, 4)]
    assert [(fact.title, fact.page_ids) for fact in facts(notebook)] == [
        ("Walks", ("a",)),
        ("Runs", ("a",)),
        ("Runs", ("a",)),
    ]


def test_time_never_runs_backwards_on_a_notebook() -> None:
    notebook = a_notebook()
    notebook.edit({"title": "got the lock first"}, LATER)
    notebook.edit({"title": "asked first"}, NOON)
    assert [fact.updated_at for fact in facts(notebook)] == [LATER, LATER]
