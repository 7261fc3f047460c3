"""The facts and the log that keeps them: names are for ever, versions are unique, what is damaged says so."""

from collections.abc import Iterator
from dataclasses import MISSING, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast, get_type_hints

import msgspec
import pytest
from sqlalchemy import Engine, update
from sqlalchemy.exc import IntegrityError

from events import log
from events.accounts import ProfileEdited, UserRegistered
from events.event import DamagedEvent, Event, Fact, UnknownEvent, decode, encode, named
from events.notebooks import (
    NotebookCreated,
    NotebookEdited,
    NotebookPublished,
    NotebookPurged,
    NotebookRestored,
    NotebookTrashed,
    NotebookUnpublished,
    PageAdded,
    PageRestored,
    PagesReordered,
    PageTrashed,
    Publication,
    PublishedPage,
)
from events.pages import (
    EditRefused,
    PageAutosaved,
    PageCreated,
    PageEdited,
    PageFact,
    PagePurged,
    PageReverted,
    RevisionLabelled,
)
from events.pictures import (
    PictureFailed,
    PictureMadeReady,
    PictureRemoved,
    PictureRetried,
    PictureUploaded,
    Thumbnail,
)
from events.subscriptions import REACTIONS
from infra import together
from infra.clock import new_id
from tests.integration.writing import a_page, dump, in_threads, save, versions
from workers.reaction_table import SUBSCRIPTIONS

NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
OWNER, NOTEBOOK, PAGE = "a" * 32, "b" * 32, "c" * 32

# What lies in logs out there. To change a line of this is to lose those events; a new kind adds a line.
STORED_NAMES = {
    UserRegistered: "user.registered",
    ProfileEdited: "user.profile_edited",
    NotebookCreated: "notebook.created",
    NotebookEdited: "notebook.edited",
    PageAdded: "notebook.page_added",
    PagesReordered: "notebook.pages_reordered",
    PageTrashed: "notebook.page_trashed",
    PageRestored: "notebook.page_restored",
    NotebookPublished: "notebook.published",
    NotebookUnpublished: "notebook.unpublished",
    NotebookTrashed: "notebook.trashed",
    NotebookRestored: "notebook.restored",
    PageCreated: "page.created",
    PageEdited: "page.edited",
    PageAutosaved: "page.autosaved",
    PageReverted: "page.reverted",
    EditRefused: "page.edit_refused",
    RevisionLabelled: "page.revision_labelled",
    PagePurged: "page.purged",
    NotebookPurged: "notebook.purged",
    PictureUploaded: "picture.uploaded",
    PictureMadeReady: "picture.made_ready",
    PictureFailed: "picture.failed",
    PictureRetried: "picture.retried",
    PictureRemoved: "picture.removed",
}
# Kept as history alone: a picture is read from its own row.
HEARD_BY_NOBODY = {PictureMadeReady, PictureFailed, PictureRemoved}

_PUBLICATION = Publication(
    version=3,
    published_at=NOON,
    title="Walks",
    description="",
    metadata={"deep": [1, 2.5, None, {"学": True}]},
    pages=(PublishedPage(id=PAGE, version=2),),
)
# One value of each type that facts are made of.
_VALUES = {
    str: "Señora “学而”, \\ and \u2028 and 🙂 and \x1f",
    str | None: "someone",
    int: 3,
    datetime: NOON,
    datetime | None: NOON,
    dict[str, Any]: {"deep": [1, 2.5, None, {"学": True}]},
    tuple[str, ...]: (PAGE, NOTEBOOK),
    Publication | None: _PUBLICATION,
    tuple[Thumbnail, ...]: (
        Thumbnail(size="small", stored_as="large", mime="image/webp", width=3, height=2, bytes=99, sha256="0" * 64),
    ),
}
_IDS = {"owner_id": OWNER, "notebook_id": NOTEBOOK, "page_id": PAGE}


def a_fact(kind: type[Fact]) -> Fact:
    hints = get_type_hints(kind)
    values: dict[str, Any] = {each.name: _IDS.get(each.name, _VALUES[hints[each.name]]) for each in fields(kind)}
    return kind(**values)


def facts() -> Iterator[Fact]:
    """One of each kind."""
    return map(a_fact, STORED_NAMES)


def an_event(fact: Fact, aggregate_id: str | None = None, version: int = 1) -> Event:
    return Event(
        id=new_id(),
        aggregate_id=aggregate_id or new_id(),
        version=version,
        actor_id=OWNER,
        correlation_id="a-request",
        occurred_at=NOON,
        fact=fact,
    )


def keep(db: Engine, *events: Event) -> None:
    with db.begin() as connection:
        together.say(connection, log.appended(events))


def test_no_stored_name_ever_changes() -> None:
    assert set(SUBSCRIPTIONS) <= set(STORED_NAMES.values())
    assert {name: kind for kind, name in STORED_NAMES.items() if cast(type[Fact], kind).name != name} == {}


def test_every_kind_of_fact_has_someone_who_reacts() -> None:
    assert set(STORED_NAMES.values()) - set(SUBSCRIPTIONS) == set()
    for name, reactions in SUBSCRIPTIONS.items():
        assert bool(reactions) != (name in {kind.name for kind in HEARD_BY_NOBODY}), f"{name}: {reactions}"
        assert set(reactions) <= set(REACTIONS)


def test_every_kind_of_fact_comes_back_from_the_log_as_it_went_in(db: Engine) -> None:
    events = [an_event(fact) for fact in facts()]
    keep(db, *events)
    with db.connect() as connection:
        loaded = log.load(connection, [event.id for event in events])
    assert loaded == sorted(events, key=lambda event: event.id)


@pytest.mark.parametrize(
    ("kind", "what"), [(PageTrashed, PAGE), (NotebookUnpublished, NOTEBOOK), (NotebookTrashed, NOTEBOOK)]
)
def test_what_takes_something_from_readers_says_what(kind: type[Fact], what: str) -> None:
    assert a_fact(kind).withdraws == what


def test_nothing_else_takes_anything_from_readers() -> None:
    taking = {PageTrashed, NotebookUnpublished, NotebookTrashed}
    assert {type(fact) for fact in facts() if fact.withdraws} == taking


def test_old_code_reads_what_newer_code_wrote() -> None:
    for fact in facts():
        written = msgspec.json.decode(encode(fact)) | {"a_field_of_tomorrow": {"x": [1]}}
        assert decode(fact.name, msgspec.json.encode(written).decode()) == fact


def test_a_type_that_nobody_knows_says_so() -> None:
    with pytest.raises(UnknownEvent, match=r"page\.teleported"):
        decode("page.teleported", "{}")


@pytest.mark.parametrize("payload", ["", "{", "[]", "null", "{}", "\ud800", '{"owner_id": 1}', '"x"', "{} {}"])
def test_a_payload_that_is_not_what_its_type_says_is_damaged(payload: str) -> None:
    for name in STORED_NAMES.values():
        with pytest.raises(DamagedEvent):
            decode(name, payload)


def test_a_fact_without_one_of_its_fields_is_damaged() -> None:
    for fact in facts():
        written = msgspec.json.decode(encode(fact))
        optional = {each.name for each in fields(fact) if each.default is not MISSING}
        for missing in written.keys() - optional:
            rest = {name: value for name, value in written.items() if name != missing}
            with pytest.raises(DamagedEvent):
                decode(fact.name, msgspec.json.encode(rest).decode())


def test_two_kinds_of_fact_cannot_share_a_name() -> None:
    with pytest.raises(ValueError, match=r"page\.edited"):

        @named("page.edited")
        class Another(PageFact):
            pass


def test_the_log_refuses_a_second_event_of_the_same_version(db: Engine) -> None:
    first = an_event(next(facts()), "d" * 32, 7)
    keep(db, first)
    before = dump(db)
    with pytest.raises(IntegrityError, match="uq_events_aggregate_version"):
        keep(db, an_event(first.fact, "d" * 32, 8), replace(first, id=new_id()))
    assert dump(db) == before


def test_the_log_answers_for_the_newest_and_for_any_version(db: Engine) -> None:
    page = a_page(db, content="one")
    save(db, page, "two")
    save(db, page, "three")
    with db.connect() as connection:
        newest = log.newest(connection, page.id)
        assert newest is not None
        assert (newest.version, newest.fact.content) == (3, "three")
        assert [log.at(connection, page.id, v).fact.content for v in (1, 2, 3)] == ["one", "two", "three"]  # type: ignore[union-attr]
        assert log.at(connection, page.id, 4) is None
        assert log.at(connection, page.id, 0) is None
        assert log.newest(connection, "f" * 32) is None
        assert log.newest_versions(connection, [page.id, "f" * 32, page.notebook_id]) == {
            page.id: 3,
            "f" * 32: 0,
            page.notebook_id: 2,
        }
        each = log.newest_of_each(connection, {page.id, "f" * 32, page.notebook_id})
        assert {event.aggregate_id: event.version for event in each} == {page.id: 3, page.notebook_id: 2}
        assert log.newest_of_each(connection, []) == []
        wanted = [(page.id, 3), (page.id, 1), (page.id, 9), ("f" * 32, 1)]
        assert sorted(event.version for event in log.load_versions(connection, wanted)) == [1, 3]
        assert log.load_versions(connection, []) == []


def test_an_event_that_the_log_does_not_hold_is_left_out(db: Engine) -> None:
    event = an_event(next(facts()))
    keep(db, event)
    with db.connect() as connection:
        assert log.load(connection, ["f" * 32, event.id]) == [event]


def test_one_damaged_event_cannot_be_read_past(db: Engine) -> None:
    good, bad = an_event(next(facts())), an_event(next(facts()))
    keep(db, good, bad)
    with db.begin() as connection:
        connection.execute(update(log.events).where(log.events.c.id == bad.id).values(payload='{"cut": '))
    with db.connect() as connection, pytest.raises(DamagedEvent):
        log.load(connection, [good.id, bad.id])


def test_ids_sort_by_the_time_they_were_made_and_are_never_the_same() -> None:
    made = [each for ids in in_threads(lambda _: [new_id() for _ in range(2000)], range(4)) for each in ids]
    assert len(set(made)) == len(made) == 8000
    assert all(len(each) == 32 and int(each, 16) >= 0 for each in made)
    moments = [int(each[:12], 16) for each in made[:2000]]
    assert moments == sorted(moments)
    age = datetime.now(UTC) - datetime.fromtimestamp(moments[0] / 1000, UTC)
    assert timedelta(seconds=-1) < age < timedelta(minutes=5)


def test_versions_of_pages_and_notebooks_count_their_own_changes_only(db: Engine) -> None:
    page = a_page(db)
    save(db, page, "a save of a page is no change of its notebook")
    assert (versions(db, page.id), versions(db, page.notebook_id)) == ([1, 2], [1, 2])
