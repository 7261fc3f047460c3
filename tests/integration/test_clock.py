"""The clock and its chores: each done once however many clocks there are, and what is erased is gone for good."""

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from domain import erasure
from domain.commands import trash as trash_commands
from domain.commands.revisions import LabelRevision, label_revision
from domain.receipts import receipts
from events import log
from events.deliveries import deliveries
from events.event import encode
from events.pages import PageFact, history_of, text_revision_id
from infra import leftovers
from infra.clock import new_id, now
from infra.database import metadata
from infra.settings import Settings
from read_models import references, revisions, views
from read_models.rebuilding import rebuild
from read_models.rebuilding.rebuild import Rebuild
from read_models.search import refresh
from read_models.search.index import search_entries
from tests.chaos.system import until
from tests.conftest import PATIENCE
from tests.integration.writing import do, held_at, is_at
from tests.service import Author, Service
from workers import clock as clock_module
from workers.clock import (
    TRY_AGAIN,
    Chore,
    Clock,
    all_chores,
    chores,
    compact_search,
    purge_receipts,
    purge_sessions,
    renew_read_models,
)
from workers.reaction_table import MODELS as ALL_MODELS
from workers.thinning import thin_revisions
from workers.trash import empty_trash

Work = Callable[[Engine, Settings, datetime], int]
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def once(*answers: int) -> Work:
    """Work that answers this, one after the other, then 0."""
    left = [*answers]
    return lambda *_: left.pop(0) if left else 0


def counted(calls: list[str], name: str, work: Work | None = None) -> Chore:
    def do(engine: Engine, settings: Settings, at: datetime) -> int:
        calls.append(name)
        return work(engine, settings, at) if work else 0

    return Chore(name, HOUR, do)


def due_at(engine: Engine, name: str) -> datetime:
    with engine.connect() as connection:
        found: datetime = connection.execute(select(chores.c.due_at).where(chores.c.name == name)).scalar_one()
        return found


# --- the clock --------------------------------------------------------------------------------------------------------


def test_a_chore_is_done_when_it_is_due_and_not_again_before_its_time(db: Engine, settings: Settings) -> None:
    calls: list[str] = []
    clock = Clock(db, settings, (counted(calls, "one"), counted(calls, "two")))
    assert clock.run_due() == ["one", "two"]
    assert clock.run_due() == []
    assert calls == ["one", "two"]
    with db.begin() as connection:
        connection.execute(update(chores).where(chores.c.name == "two").values(due_at=now() - timedelta(days=300)))
    assert clock.run_due() == ["two"]
    assert due_at(db, "two") > now() + HOUR - timedelta(minutes=1)


def test_a_chore_goes_on_until_nothing_is_left(db: Engine, settings: Settings) -> None:
    calls: list[str] = []
    Clock(db, settings, (counted(calls, "long", once(7, 7, 1)),)).run_due()
    assert len(calls) == 4


def test_two_clocks_at_once_do_a_chore_once(db: Engine, settings: Settings) -> None:
    begun, other_is_done = threading.Event(), threading.Event()
    calls: list[str] = []

    def work(*_: Any) -> int:
        calls.append("work")
        begun.set()
        assert other_is_done.wait(PATIENCE)
        return 0

    clocks = [Clock(db, settings, (Chore("shared", HOUR, work),)) for _ in range(2)]
    first = threading.Thread(target=clocks[0].run_due)
    first.start()
    assert begun.wait(PATIENCE)
    assert clocks[1].run_due() == []
    other_is_done.set()
    first.join(PATIENCE)
    assert clocks[1].run_due() == []
    assert calls == ["work"]


def test_a_clock_that_dies_in_the_middle_leaves_its_chore_to_the_next_at_once(db: Engine, settings: Settings) -> None:
    def die(*_: Any) -> int:
        raise KeyboardInterrupt

    calls: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        Clock(db, settings, (Chore("shared", HOUR, die),)).run_due()
    assert Clock(db, settings, (counted(calls, "shared"),)).run_due() == ["shared"]
    assert calls == ["shared"]


def test_what_was_missed_while_no_clock_ran_is_done_at_once_and_once(db: Engine, settings: Settings) -> None:
    calls: list[str] = []
    clock = Clock(db, settings, tuple(counted(calls, name) for name in ("one", "two", "three")))
    clock.run_due()
    calls.clear()
    with db.begin() as connection:
        connection.execute(update(chores).values(due_at=now() - timedelta(days=30)))
    # Seven hundred hours were missed by an hourly chore; what it does then is what is left to do.
    assert [clock.run_due(), clock.run_due()] == [["one", "two", "three"], []]
    assert calls == ["one", "two", "three"]


def test_the_search_index_is_made_anew_when_much_of_it_has_changed(
    service: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    author = service.author()
    notebook = author.notebook()["id"]
    author.page(notebook, "Heron", "One heron.")
    service.drain()
    engine = service.engine
    renew_read_models(engine, settings, now())
    author.page(notebook, "Stork", "One stork.")
    service.drain()
    have_counted(engine)
    for changes, wanted_now in ((1000, []), (1, ["search"])):
        monkeypatch.setattr(clock_module, "COMPACT_CHANGES", changes)
        assert compact_search(engine, settings, now()) == 0
        assert [each.name for each in rebuild.wanted(engine, ALL_MODELS.values())] == wanted_now
    renew_read_models(engine, settings, now())
    assert rebuild.wanted(engine, ALL_MODELS.values()) == []
    assert author.get("/search?q=heron")["total"] == 1
    assert compact_search(engine, settings, now()) == 0
    assert rebuild.wanted(engine, ALL_MODELS.values()) == [], "nothing has changed since it was made"


def test_what_a_killed_process_left_of_a_picture_is_cleared_away(
    db: Engine, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = Path(tempfile.mkdtemp(prefix=leftovers.CLEANED))
    os.utime(left, (0, 0))
    chore = next(each for each in all_chores(settings) if each.name == "clear-leftovers")
    assert Clock(db, settings, (chore,)).run_due() == ["clear-leftovers"]
    assert not left.exists()


def have_counted(engine: Engine) -> None:
    """The server's estimate of the index' size is of now."""
    with engine.begin() as connection:
        connection.execute(text("ANALYZE TABLE search_entries")).all()


def test_a_large_search_index_is_made_anew_when_a_twentieth_of_it_has_changed(
    service: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    author = service.author()
    notebook = author.notebook()["id"]
    for number in range(60):
        author.page(notebook, f"Heron {number}", "One heron.")
    service.drain()
    engine = service.engine
    for _ in Rebuild(engine, refresh.MODEL).run():
        pass
    have_counted(engine)
    monkeypatch.setattr(clock_module, "COMPACT_CHANGES", 1)
    for wanted_now in ([], [], [], ["search"]):
        compact_search(engine, settings, now())
        assert [each.name for each in rebuild.wanted(engine, ALL_MODELS.values())] == wanted_now
        author.page(notebook, "Stork", "One stork.")


def test_a_chore_that_fails_stops_no_other_and_is_tried_again_soon(
    db: Engine, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> int:
        raise RuntimeError("broken")

    calls: list[str] = []
    assert Clock(db, settings, (Chore("bad", HOUR, fail), counted(calls, "good"))).run_due() == ["bad", "good"]
    assert calls == ["good"]
    assert "a chore failed" in caplog.text
    assert due_at(db, "bad") < now() + TRY_AGAIN + timedelta(seconds=1)


def test_a_chore_that_finds_the_server_away_has_not_failed_and_is_due_as_before(
    db: Engine, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    def cut_off(engine: Engine, *_: Any) -> int:
        with engine.connect() as connection:
            connection.execute(text("KILL CONNECTION_ID()"))
        return 0

    with pytest.raises(DBAPIError):
        Clock(db, settings, (Chore("cut off", HOUR, cut_off),)).run_due()
    assert due_at(db, "cut off") <= now()
    assert "a chore failed" not in caplog.text


def test_a_clock_that_is_stopped_ends_between_two_batches_and_the_rest_is_due_at_once(
    db: Engine, settings: Settings
) -> None:
    def work(*_: Any) -> int:
        clock.stop.set()
        return 1

    clock = Clock(db, settings, (Chore("endless", HOUR, work), Chore("never", HOUR, work)))
    assert clock.run_due() == ["endless"]
    assert due_at(db, "endless") <= now()


def test_the_clock_knows_its_chores(settings: Settings) -> None:
    names = [chore.name for chore in all_chores(settings)]
    assert len(names) == len(set(names))
    assert {"renew-read-models", "compact-search"} <= set(names)
    assert {"empty-trash", "thin-revisions", "purge-receipts", "purge-sessions"} <= set(names)


@pytest.mark.parametrize("purge", [purge_receipts, purge_sessions])
def test_a_purge_takes_a_batch_at_a_time(
    service: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch, purge: Work
) -> None:
    monkeypatch.setattr(clock_module, "BATCH", 2)
    for number in range(5):
        service.author().post("/notebooks", {"title": "Walks"}, headers={"Idempotency-Key": str(number)})
    assert [purge(service.engine, settings, now() + 400 * DAY) for _ in range(4)] == [2, 2, 1, 0]


def test_a_purge_of_receipts_waits_for_no_request_under_way(db: Engine, impatient: Engine, settings: Settings) -> None:
    def made(ages: timedelta, numbers: range) -> list[dict[str, Any]]:
        done = {"key": "k", "request": "PUT /x", "body_hmac": "0" * 64, "status": 200, "headers": {}, "body": "{}"}
        return [done | {"holder": f"{each:04}", "created_at": now() - ages} for each in numbers]

    # In the order of the primary key the old ones are among the others: whoever looks there meets those.
    old = made(30 * DAY, range(0, 1000, 10))
    with db.begin() as connection:
        connection.execute(insert(receipts), [*old, *made(DAY, range(5, 1000, 10))])
    with db.connect() as working:
        working.execute(insert(receipts), made(0 * DAY, range(7, 1000, 10)))
        assert purge_receipts(impatient, settings, now()) == len(old)
        working.rollback()


# --- the trash --------------------------------------------------------------------------------------------------------

SECRET = "Xylophonwald"


def rows(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    with engine.connect() as connection:
        return {each.name: [tuple(row) for row in connection.execute(select(each))] for each in metadata.sorted_tables}


def holding(engine: Engine, word: str) -> set[str]:
    """The tables in which some row holds this, in whatever column and case."""
    return {name for name, found in rows(engine).items() if any(word.lower() in repr(row).lower() for row in found)}


def empty(service: Service, after: timedelta | None = None) -> None:
    """What the clock does, as if so much time had passed."""
    at = now() + (after or timedelta(days=service.settings.trash_days, minutes=1))
    while empty_trash(service.engine, service.settings, at):
        pass


@pytest.fixture
def author(service: Service) -> Author:
    return service.author()


def lived_in(author: Author) -> tuple[dict[str, Any], dict[str, Any]]:
    """A notebook and a page of it with all that can happen to them."""
    notebook = author.notebook(f"{SECRET} notebook", description=SECRET, metadata={"x": SECRET})
    page = author.page(notebook["id"], f"{SECRET} page", f"{SECRET} first ![](/media/{'a' * 32}/small)")
    place = f"/notebooks/{notebook['id']}/pages/{page['id']}"
    author.post(f"/notebooks/{notebook['id']}/publish", expect=200)
    author.put(place, {"content": f"{SECRET} second", "autosave": True})
    author.put(place, {"content": f"{SECRET} third"})
    refused = author.put(place, {"content": f"{SECRET} refused"}, expect=412, headers={"If-Match": '"1-1"'})
    author.put(f"/pages/{page['id']}/revisions/{refused['conflict_revision_id']}", {"label": f"{SECRET} label"})
    return notebook, page


def test_a_page_long_in_the_trash_is_gone_from_every_table(service: Service, author: Author) -> None:
    notebook, page = lived_in(author)
    author.put(f"/notebooks/{notebook['id']}", {"title": "kept", "description": "", "metadata": {}})
    kept = author.page(notebook["id"], "stays", "stays as well")
    author.delete(f"/notebooks/{notebook['id']}/pages/{page['id']}")
    service.drain()
    empty(service)
    service.drain()
    # The notebook's own earlier titles are still in its log: it lives.
    gone = [(kind, page["id"]) for kind in ("pages", "revisions", "page_views", "revision_labels")]
    found = rows(service.engine)
    assert [(table, key) for table, key in gone if any(key in repr(row) for row in found[table])] == []
    assert holding(service.engine, f"{SECRET} second") | holding(service.engine, f"{SECRET} label") == set()
    assert holding(service.engine, f"{SECRET} first") | holding(service.engine, f"{SECRET} refused") == set()
    assert streams(service.engine, page["id"], history_of(page["id"])) == [("page.purged", 4)]
    assert author.get(f"/notebooks/{notebook['id']}")["pages"][0]["id"] == kept["id"]
    author.post(f"/notebooks/{notebook['id']}/pages/{page['id']}/restore", expect=404)


def streams(engine: Engine, *ids: str) -> list[tuple[str, int]]:
    columns = log.events.c
    with engine.connect() as connection:
        query = select(columns.type, columns.version).where(columns.aggregate_id.in_(ids))
        return [(row.type, row.version) for row in connection.execute(query)]


def test_a_notebook_long_in_the_trash_leaves_nothing_that_anyone_wrote(service: Service, author: Author) -> None:
    notebook, page = lived_in(author)
    thrown = author.page(notebook["id"], SECRET, SECRET)
    author.delete(f"/notebooks/{notebook['id']}/pages/{thrown['id']}")
    other = author.notebook("other")
    author.delete(f"/notebooks/{notebook['id']}")
    service.drain()
    assert holding(service.engine, SECRET) >= {"events", "pages", "notebooks", "revisions", "page_views"}
    empty(service)
    service.drain()
    assert holding(service.engine, SECRET) == set()
    ids = {notebook["id"], page["id"], thrown["id"]}
    left = {name for name, found in rows(service.engine).items() if any(key in repr(found) for key in ids)}
    # In the index only until that is made anew: read_models/search/index.py says why.
    assert left == {"events", "search_entries"}
    assert streams(service.engine, notebook["id"])[0][0] == "notebook.purged"
    assert [each["id"] for each in author.get("/notebooks")["items"]] == [other["id"]]
    assert author.get("/notebooks?trashed=true")["total"] == 0
    author.post(f"/notebooks/{notebook['id']}/restore", expect=404)


def test_nothing_goes_before_its_time(service: Service, author: Author) -> None:
    notebook, page = lived_in(author)
    author.delete(f"/notebooks/{notebook['id']}")
    before = rows(service.engine)
    empty(service, timedelta(days=service.settings.trash_days, minutes=-1))
    assert rows(service.engine) == before
    author.post(f"/notebooks/{notebook['id']}/restore", expect=200)
    empty(service)
    assert author.get(f"/notebooks/{notebook['id']}/pages/{page['id']}")["content"] == f"{SECRET} third"


def test_what_is_restored_while_the_clock_looks_at_it_stays(service: Service, author: Author) -> None:
    notebook, page = lived_in(author)
    author.delete(f"/notebooks/{notebook['id']}/pages/{page['id']}")
    author.post(f"/notebooks/{notebook['id']}/pages/{page['id']}/restore", expect=200)
    for command, handler in (
        (trash_commands.PurgePage(page["id"], now()), trash_commands.purge_page),
        (trash_commands.PurgeNotebook(notebook["id"], now()), trash_commands.purge_notebook),
    ):
        do(service.engine, handler, command)
    author.get(f"/notebooks/{notebook['id']}/pages/{page['id']}")
    with service.engine.connect() as connection:
        assert connection.execute(select(erasure.erasures)).all() == []


def test_what_was_still_owed_about_it_brings_nothing_back(service: Service, author: Author) -> None:
    notebook, page = lived_in(author)
    author.delete(f"/notebooks/{notebook['id']}")
    # Some wait for the relay, some for a worker, some are parked for an operator.
    service.relay.run_once()
    with service.engine.begin() as connection:
        columns = deliveries.c
        connection.execute(update(deliveries).where(columns.aggregate_id == page["id"]).values(state="parked"))
    empty(service, timedelta(days=service.settings.trash_days, seconds=30))
    service.drain()
    assert holding(service.engine, SECRET) == set()
    with service.engine.connect() as connection:
        assert connection.execute(select(deliveries)).all() == []


def test_a_rebuild_from_the_log_brings_nothing_back(service: Service, author: Author) -> None:
    notebook, _ = lived_in(author)
    author.delete(f"/notebooks/{notebook['id']}")
    service.drain()
    empty(service)
    service.drain()
    kept = rebuilt(service.engine)
    assert not any(SECRET in repr(found) for found in kept.values())


MODELS = {
    "page_views": views.project,
    "notebook_views": views.project,
    "published_notebooks": views.project,
    "published_pages": views.project,
    "revisions": revisions.project,
    "revision_labels": revisions.project,
    "reference_sources": references.project,
    "picture_references": references.project,
    "search_entries": refresh.refresh,
    "search_notebooks": refresh.refresh,
}


def rebuilt(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """The read models as the log alone makes them."""
    with engine.begin() as connection:
        for name in MODELS:
            connection.execute(delete(metadata.tables[name]))
        ids = connection.scalars(select(log.events.c.id).order_by(log.events.c.id)).all()
        for event in log.load(connection, ids):
            for project in dict.fromkeys(MODELS.values()):
                project(connection, [event])
    found = rows(engine)
    return {name: sorted(found[name], key=repr) for name in MODELS}


def test_a_page_with_a_long_history_goes_in_small_transactions(service: Service, author: Author) -> None:
    notebook = author.notebook()
    page = author.page(notebook["id"])
    place = f"/notebooks/{notebook['id']}/pages/{page['id']}"
    author.delete(place)
    with service.engine.begin() as connection:
        (event,) = log.load(connection, ids_of(connection, page["id"]))
        copies = [replace(event, id=new_id(), version=number) for number in range(2, 2 * trash_commands.BATCH + 5)]
        connection.execute(insert(log.events), [log._row(copy) for copy in copies])
    at = now() + timedelta(days=service.settings.trash_days, minutes=1)
    taken = []
    while done := empty_trash(service.engine, service.settings, at):
        taken.append(done)
    assert len(taken) >= 3
    assert max(taken) <= trash_commands.BATCH + 2
    assert streams(service.engine, page["id"]) == [("page.purged", 2)]


def ids_of(connection: Any, stream_id: str) -> list[str]:
    return list(connection.scalars(select(log.events.c.id).where(log.events.c.aggregate_id == stream_id)))


# --- thinning ---------------------------------------------------------------------------------------------------------

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


class Aged:
    """A page whose saves are as old as a test wants them."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.author = service.author()
        self.notebook = self.author.notebook()
        self.page = self.author.page(self.notebook["id"], content="text at the beginning")
        self.id = self.page["id"]
        self.place = f"/notebooks/{self.notebook['id']}/pages/{self.id}"
        self.times = {1: NOON - timedelta(days=100)}

    def save(self, at: datetime, **more: Any) -> int:
        version: int = self.author.put(self.place, {"content": f"text of {at.isoformat()} {more}", **more})["version"]
        self.times[version] = at
        return version

    def settle(self) -> None:
        """Make log and revisions say that it all happened at those times."""
        self.service.drain()
        with self.service.engine.begin() as connection:
            for event in log.load(connection, ids_of(connection, self.id)):
                assert isinstance(event.fact, PageFact)
                fact = replace(event.fact, updated_at=self.times[event.version])
                values = {"payload": encode(fact), "occurred_at": self.times[event.version]}
                connection.execute(update(log.events).where(log.events.c.id == event.id).values(values))
        rebuilt(self.service.engine)

    def thin(self, at: datetime) -> list[int]:
        """The versions of the revisions that are left, oldest first."""
        while thin_revisions(self.service.engine, self.service.settings, at):
            pass
        return self.kept()

    def kept(self) -> list[int]:
        listed = self.author.get(f"/pages/{self.id}/revisions?per_page=100")["items"]
        return sorted(each["version"] for each in listed if each["kind"] != "conflict")

    def logged(self) -> list[int]:
        return sorted(version for _, version in streams(self.service.engine, self.id))

    def label(self, version: int, name: str) -> None:
        listed = self.author.get(f"/pages/{self.id}/revisions?per_page=100")["items"]
        (revision,) = (each for each in listed if each["version"] == version)
        self.author.put(f"/pages/{self.id}/revisions/{revision['id']}", {"label": name})


@pytest.fixture
def aged(service: Service) -> Aged:
    return Aged(service)


def minutes(*numbers: int) -> Iterator[datetime]:
    return (NOON + timedelta(minutes=number) for number in numbers)


def test_everything_is_kept_for_a_day_then_one_an_hour(aged: Aged) -> None:
    for moment in minutes(0, 10, 20, 59, 60, 90, 125):
        aged.save(moment)
    aged.settle()
    everything = [1, 2, 3, 4, 5, 6, 7, 8]
    assert aged.thin(NOON + DAY) == everything
    assert aged.thin(NOON + DAY + timedelta(minutes=59)) == everything
    assert aged.thin(NOON + DAY + HOUR) == [1, 5, 6, 7, 8]
    assert aged.thin(NOON + DAY + 2 * HOUR) == [1, 5, 7, 8]
    assert aged.thin(NOON + 29 * DAY) == [1, 5, 7, 8]


def test_after_a_month_one_a_day_is_kept_and_the_newest_for_ever(aged: Aged) -> None:
    for day in range(3):
        for moment in minutes(0, 60, 120):
            aged.save(moment + day * DAY)
    aged.settle()
    assert aged.thin(NOON + 30 * DAY) == list(range(1, 11))
    assert aged.thin(NOON + 31 * DAY) == [1, 4, 5, 6, 7, 8, 9, 10]
    assert aged.thin(NOON + 300 * DAY) == [1, 4, 7, 10]
    assert aged.author.get(aged.place)["version"] == 10


def test_named_published_restored_and_refused_texts_are_kept_for_ever(aged: Aged) -> None:
    named, shown, first, *_ = [aged.save(moment) for moment in minutes(0, 1, 2)]
    aged.settle()
    aged.label(named, "a good one")
    # More than one, as of each kind: the last of a window stays in any case.
    for refused in ("refused", "refused again"):
        aged.author.put(aged.place, {"content": refused}, expect=412, headers={"If-Match": '"1-1"'})
    oldest = aged.author.get(f"/pages/{aged.id}/revisions?per_page=100")["items"][-1]["id"]
    restored = aged.author.post(f"/pages/{aged.id}/revisions/{oldest}/restore", expect=200)["version"]
    aged.times[restored] = NOON + timedelta(minutes=3)
    passing = [aged.save(moment) for moment in minutes(4, 5)]
    aged.author.post(f"/notebooks/{aged.notebook['id']}/publish", expect=200)
    published = aged.author.get(aged.place)["version"]
    assert published == passing[-1]
    newest = aged.save(NOON + timedelta(minutes=6))
    aged.settle()
    aged.thin(NOON + 400 * DAY)
    kept = [
        (each["kind"], each["version"]) for each in aged.author.get(f"/pages/{aged.id}/revisions?per_page=100")["items"]
    ]
    assert {("save", 1), ("save", named), ("restore", restored), ("publish", published), ("save", newest)} <= set(kept)
    assert kept.count(("conflict", 1)) == 2
    assert {("save", shown), ("save", first), ("save", passing[0])} & set(kept) == set()


def test_a_run_of_autosaves_leaves_the_log_but_for_its_end(aged: Aged) -> None:
    for moment in minutes(0, 1, 2, 3):
        aged.save(moment, autosave=True)
    aged.save(NOON + 10 * DAY)
    aged.settle()
    assert aged.logged() == [1, 2, 3, 4, 5, 6]
    assert aged.thin(NOON + DAY) == [1, 5, 6]
    assert aged.logged() == [1, 2, 3, 4, 5, 6]
    assert aged.thin(NOON + 2 * DAY) == [1, 5, 6]
    assert aged.logged() == [1, 5, 6]


def test_the_log_makes_the_same_revisions_after_thinning_as_before(aged: Aged) -> None:
    for number, moment in enumerate(minutes(*range(0, 400, 7))):
        aged.save(moment, autosave=bool(number % 3))
        if number % 10 == 0:
            aged.author.post(f"/notebooks/{aged.notebook['id']}/publish", expect=200)
    aged.settle()
    aged.label(20, "twenty")
    aged.service.drain()
    count = len(aged.kept())
    aged.thin(NOON + 40 * DAY)
    assert len(aged.kept()) < count / 2
    left = {name: sorted(found, key=repr) for name, found in rows(aged.service.engine).items() if name in MODELS}
    assert {name: found for name, found in rebuilt(aged.service.engine).items() if name != "search_entries"} == {
        name: found for name, found in left.items() if name != "search_entries"
    }


def test_the_published_and_the_newest_text_stay_in_the_log_even_without_revisions(aged: Aged) -> None:
    # No revision has the published text: it was autosaved, and so was what came next.
    shown = aged.save(NOON, autosave=True)
    aged.author.post(f"/notebooks/{aged.notebook['id']}/publish", expect=200)
    for moment in minutes(1, 2):
        aged.save(moment, autosave=True)
    newest = aged.save(NOON + timedelta(minutes=3))
    aged.settle()
    with aged.service.engine.begin() as connection:
        columns = revisions.revisions.c
        lost = (columns.kind == "publish") | (columns.version == newest)
        connection.execute(delete(revisions.revisions).where(lost))
    aged.thin(NOON + 100 * DAY)
    assert {shown, newest} <= set(aged.logged())
    with aged.service.engine.begin() as connection:
        connection.execute(delete(metadata.tables["published_pages"]))
    aged.service.redis.flushall()
    shown_text = Service(aged.service.settings, aged.service.engine, wipe=False).anyone().get(aged.place)
    assert (shown_text["version"], shown_text["content"]) == (shown, f"text of {NOON.isoformat()} {{'autosave': True}}")


def test_a_label_that_no_worker_has_seen_yet_protects_its_revision(aged: Aged) -> None:
    named, *_ = [aged.save(moment) for moment in minutes(0, 1, 2)]
    aged.settle()
    aged.label(named, "just now")
    with aged.service.engine.begin() as connection:
        connection.execute(delete(revisions.revision_labels))
    assert named in aged.thin(NOON + 50 * DAY)


def test_a_label_that_is_being_given_at_this_moment_protects_its_revision(aged: Aged, settings: Settings) -> None:
    engine = aged.service.engine
    named, *_ = [aged.save(moment) for moment in minutes(0, 1, 2)]
    aged.settle()
    command = LabelRevision(aged.id, text_revision_id(aged.id, named), "a good one")
    with ThreadPoolExecutor(2) as pool, held_at(settings, "COMMIT") as slow:
        naming = pool.submit(lambda: do(slow.engine, label_revision, command, str(aged.author.id)))
        assert slow.begun.wait(PATIENCE)
        thinning = pool.submit(aged.thin, NOON + 50 * DAY)
        until(lambda: thinning.done() or is_at(engine, "FROM pages", "FOR UPDATE"), PATIENCE, "the thinning")
        slow.go_on.set()
        naming.result(PATIENCE)
        assert named in thinning.result(PATIENCE)


def test_what_a_reaction_still_owes_about_a_page_keeps_all_of_it(aged: Aged) -> None:
    for moment in minutes(0, 1, 2):
        aged.save(moment)
    aged.settle()
    with aged.service.engine.begin() as connection:
        (event_id, *_) = ids_of(connection, aged.id)
        row = {"event_id": event_id, "type": "page.created", "aggregate_id": aged.id, "version": 1, "attempts": 8}
        more = {"owner_id": aged.author.id, "occurred_at": aged.times[2], "due_at": now(), "state": "parked"}
        connection.execute(insert(deliveries).values(reaction="track-references", **row, **more))
    assert aged.thin(NOON + 50 * DAY) == [1, 2, 3, 4]


def test_pictures_of_revisions_that_are_gone_are_used_no_longer(aged: Aged) -> None:
    picture = "b" * 32
    version = aged.author.put(aged.place, {"content": f"![](/media/{picture}/small)"})["version"]
    aged.times[version] = NOON
    for moment in minutes(1, 2):
        aged.save(moment)
    aged.settle()
    assert "picture_references" in holding(aged.service.engine, picture)
    aged.thin(NOON + 50 * DAY)
    assert holding(aged.service.engine, picture) == set()


def test_more_pages_than_a_batch_holds_are_all_thinned(aged: Aged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.thinning.BATCH", 2)
    others = [Aged(aged.service) for _ in range(4)]
    for each in (aged, *others):
        for moment in minutes(0, 1, 2):
            each.save(moment)
    for each in (aged, *others):
        each.settle()
    assert [each.thin(NOON + 50 * DAY) for each in (aged, *others)] == [[1, 4]] * 5


def test_terms_of_what_is_gone_are_not_in_the_index(service: Service, author: Author) -> None:
    notebook, _ = lived_in(author)
    author.delete(f"/notebooks/{notebook['id']}")
    service.drain()
    empty(service)
    service.drain()
    with service.engine.connect() as connection:
        left = connection.execute(select(search_entries)).all()
    written = ("notebook_id", "author_id", "notebook_title", "title", "body", "title_terms", "body_terms")
    assert {getattr(row, name) for row in left for name in written} == {""}
