"""What the hottest requests may cost, in numbers, beside thousands of pages of others: a statement more, or a look at
rows that are not wanted, shows here long before anybody could measure it."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, func, select, table

from bench import copying
from events.deliveries import deliveries
from events.subscriptions import MAKE_THUMBNAILS
from infra.database import metadata
from infra.settings import Settings
from tests.emptying import emptied
from tests.integration.crowd import Cost, World, be_handled, cost_of, settle
from workers.reaction import Reactor
from workers.reaction_table import REACTIONS

Request = Callable[[World], Any]
numbers = itertools.count()


@pytest.fixture(scope="module")
def world(engine: Engine, settings: Settings) -> Iterator[World]:
    emptied(engine)
    yield settle(engine, settings)
    emptied(engine)


def get(path: str) -> Request:
    return lambda world: world.author.get(in_world(path, world))


def post(path: str, expect: int = 200) -> Request:
    return lambda world: world.author.post(in_world(path, world), expect=expect)


def delete(path: str) -> Request:
    return lambda world: world.author.delete(in_world(path, world))


def put(path: str, headers: dict[str, str] | None = None, **more: Any) -> Request:
    def save(world: World) -> None:
        sent = {name: value.format(next(numbers)) for name, value in (headers or {}).items()}
        body = {"content": f"A heron, for the {next(numbers)}th time.", **more}
        world.author.put(in_world(path, world), body, headers=sent)

    return save


def in_world(path: str, world: World) -> str:
    return path.format(w=world)


def both(*steps: Request) -> Request:
    return lambda world: [step(world) for step in steps]


SAVE, SAVE_OLD = put("{w.draft}"), put("{w.old_draft}")
LIST = get("/notebooks")
BUDGETS: dict[str, tuple[Request, Cost]] = {
    "a draft": (get("{w.draft}"), Cost(1, 0, 2)),
    "a published page": (get("{w.draft}?view=published"), Cost(0, 0, 0)),
    "a notebook of one's own": (get("/notebooks/{w.notebook}"), Cost(3, 0, 8)),
    "one's notebooks": (LIST, Cost(1, 0, 12)),
    # All 1,204 are counted, in the index.
    "what is published": (get("/notebooks?public=true"), Cost(4, 0, 1260)),
    # What waits for the index is counted and told: a thousand new events, and a thousand handed out.
    "a search": (get(f"/search?q={copying.word_of(5)}"), Cost(5, 0, 4200)),
    "the revisions of a page": (get("/pages/{w.page}/revisions"), Cost(4, 0, 14)),
    # All 4,002 are counted, in the index.
    "4,000 revisions of a page": (get("/pages/{w.old_page}/revisions"), Cost(4, 0, 4080)),
    "a notebook of 300 pages": (get("/notebooks/{w.long_notebook}"), Cost(3, 0, 320)),
    # Each change asks how much text its author has: three rows on MySQL, two on MariaDB.
    "a save": (SAVE, Cost(5, 1, 8)),
    "an autosave under a key": (put("{w.draft}", {"Idempotency-Key": "{}"}, autosave=True), Cost(8, 1, 10)),
    "a draft just saved": (both(SAVE, get("{w.draft}")), Cost(9, 1, 13)),
    # The list says itself that it is behind, and is asked for once more when it has caught up.
    "one's notebooks after a save": (both(SAVE, LIST), Cost(18, 1, 44)),
    "a save among 300 pages, for the 2,000th time": (SAVE_OLD, Cost(5, 1, 8)),
    "a draft just saved, among as many": (both(SAVE_OLD, get("{w.old_draft}")), Cost(9, 1, 13)),
    # Seven: two of three quotas are asked for.
    "a new notebook": (lambda world: world.author.notebook(), Cost(7, 1, 9)),
    "a new page": (lambda world: world.author.page(world.notebook), Cost(6, 1, 5)),
}


@pytest.mark.parametrize("name", BUDGETS)
def test_a_request_stays_within_its_budget(world: World, name: str) -> None:
    request, budget = BUDGETS[name]
    # The first one opens connections and fills caches.
    request(world)
    be_handled(world)
    cost = cost_of(world.service, lambda: request(world))
    assert all(spent <= most for spent, most in zip(cost, budget, strict=True)), f"{cost}, and not {budget}"


RARER: tuple[Request, ...] = (
    get("/search?q=%22heron+stood%22+her*"),
    get("/notebooks?trashed=true"),
    get("/users/me"),
    get("/uploads/images?unused=true"),
    post("/notebooks/{w.notebook}/publish"),
    delete("{w.draft}"),
    get("/notebooks/{w.notebook}/pages?trashed=true"),
    post("{w.draft}/restore"),
    delete("/notebooks/{w.notebook}"),
    post("/notebooks/{w.notebook}/restore"),
    lambda world: world.service.author(),
)
# What stands in it is all that is wanted.
QUEUES = {"outbox"}
# Of fewer rows any way to read them is as good as any other.
FEW = 250
# Lists that a statement brings along, and what it is to find by them.
GIVEN = {"given", "chosen"}


def test_no_request_and_nothing_that_follows_it_reads_a_table_from_end_to_end(world: World) -> None:
    # What is taken from readers is acknowledged when all leases are over.
    world.service.app.extensions["sinpluma"].reads.current._lease_seconds = 0
    with statements() as said:
        for request in (*(request for request, _ in BUDGETS.values()), *RARER):
            request(world)
        world.service.relay.run_once()
        for name in set(REACTIONS) - {MAKE_THUMBNAILS}:
            react(world, name)
    with world.service.engine.connect() as connection:
        scans = {what: found for what, given in said.items() if (found := list(scanned(connection, what, given)))}
    assert scans == {}
    assert len(said) > 80, "those of reads, commands, the relay and the reactions"


@contextmanager
def statements() -> Iterator[dict[str, Any]]:
    """What all engines send that reads, each once, with what it was sent with."""
    said: dict[str, Any] = {}

    def hear(_: Any, __: Any, statement: str, given: Any, ___: Any, many: bool) -> None:
        for one, its_own in one_by_one(statement, given[0] if many else given):
            if one.startswith(("SELECT", "UPDATE", "DELETE")) or " SELECT " in one:
                said.setdefault(one, its_own)

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield said
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


def one_by_one(packet: str, given: Any) -> Iterator[tuple[str, Any]]:
    """The statements of a packet (infra/together.py), each with its own values."""
    if not isinstance(given, tuple):
        yield packet, given
        return
    values = iter(given)
    for statement in packet.split("; "):
        yield statement, tuple(itertools.islice(values, statement.count("%s")))


def react(world: World, reaction: str) -> None:
    columns = deliveries.c
    newest = select(columns.event_id).where(columns.reaction == reaction).order_by(columns.event_id.desc()).limit(50)
    with world.service.engine.connect() as connection:
        event_ids = list(connection.scalars(newest))
        connection.rollback()
    Reactor(world.service.engine, world.service.settings, reaction, REACTIONS[reaction]).handle(event_ids)


def scanned(connection: Connection, statement: str, given: Any) -> Iterator[str]:
    """The tables that the server would read from end to end for a statement."""
    for row in connection.exec_driver_sql(f"EXPLAIN FORMAT=TRADITIONAL {statement}", given).mappings().all():
        name = row["table"]
        if name is None or name.startswith("<") or name in QUEUES | GIVEN:
            continue
        assert name in metadata.tables, f"which table is {name}?"
        if row["type"] in ("ALL", "index") and rows_of(connection, name) > FEW:
            yield name


def rows_of(connection: Connection, name: str) -> int:
    return connection.scalar(select(func.count()).select_from(table(name))) or 0
