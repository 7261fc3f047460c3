"""A database as it is after years: one author among many others with as much, and work of theirs that waits."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, delete, func, insert, select, text

from bench import copying
from events.deliveries import deliveries
from events.log import events, outbox
from events.subscriptions import REACTIONS
from infra.database import metadata
from infra.settings import Settings
from read_models import freshness
from tests.service import Author, Service

COPIES = 300
NOTEBOOKS, PAGES_EACH = 4, 3
PENDING = 1000
# Of the longest notebook, and of the page that was saved most often. Not more: the server would rather read all of a
# table than a fifth of it row by row.
LONGEST, MOST_SAVES = 300, 2000


class Cost(NamedTuple):
    """``statements`` are those that the server was sent, COMMIT too; ``redis`` how often Redis had something to read;
    ``rows`` what the server read of tables and indexes, its own temporary tables among them."""

    statements: int
    redis: int
    rows: int


@dataclass
class World:
    """``service`` is the author's, and its leases never end, so that what a request costs is all its own."""

    service: Service
    author: Author
    notebook: str
    page: str
    long_notebook: str
    old_page: str

    @property
    def draft(self) -> str:
        return f"/notebooks/{self.notebook}/pages/{self.page}"

    @property
    def old_draft(self) -> str:
        return f"/notebooks/{self.long_notebook}/pages/{self.old_page}"


def be_handled(world: World) -> None:
    """Let the author's views be up to date and nothing of theirs be waiting, as a moment after a save."""
    engine, author_id = world.service.engine, str(world.author.id)
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        freshness.catch_up(connection, engine, author_id)
        connection.execute(delete(outbox).where(outbox.c.owner_id == author_id))


def settle(engine: Engine, settings: Settings) -> World:
    """Into an empty database."""
    service = Service(settings, engine)
    author = service.author()
    (notebook, page), *_, (long_notebook, old_page) = [_write(author) for _ in range(NOTEBOOKS)]
    service.drain()
    with engine.connect() as connection:
        copying.copy(connection, str(author.id), 1, COPIES)
        copying.lengthen(connection, long_notebook, old_page, COPIES + 1, LONGEST - PAGES_EACH)
        copying.revise(connection, old_page, COPIES + LONGEST, MOST_SAVES)
        _leave_undone(connection, str(author.id))
        for each in metadata.sorted_tables:
            # The optimizer has to know how many rows there are.
            connection.execute(text(f"ANALYZE TABLE {each.name}")).all()
    held = Service(replace(settings, lease_seconds=3600.0), engine, wipe=False)
    author.client = held.client()
    return World(held, author, notebook, page, long_notebook, old_page)


def _write(author: Author) -> tuple[str, str]:
    """A notebook, published, and its first page."""
    notebook = author.notebook()
    words = f"A heron stood still. {copying.own_word(str(author.id))}"
    pages = [author.page(notebook["id"], f"Page {number}", words) for number in range(PAGES_EACH)]
    author.post(f"/notebooks/{notebook['id']}/publish", expect=200)
    return str(notebook["id"]), str(pages[0]["id"])


def _leave_undone(connection: Connection, author_id: str) -> None:
    """Let the relay have yet to see what others did, and each reaction have yet to do as much."""
    columns = events.c
    same = {
        "type": columns.type,
        "aggregate_id": columns.aggregate_id,
        "version": columns.version,
        "owner_id": columns.actor_id,
        "occurred_at": columns.occurred_at,
    }
    others = select(events).where(columns.actor_id != author_id).limit(PENDING)
    new = others.with_only_columns(columns.id, *same.values()).order_by(columns.id)
    connection.execute(insert(outbox).from_select(["event_id", *same], new))
    for reaction in REACTIONS:
        more = {"reaction": text(f"'{reaction}'"), "state": text("'pending'"), "attempts": text("0")}
        owed = others.with_only_columns(columns.id, *same.values(), *more.values(), func.utc_timestamp(6))
        owed = owed.order_by(columns.id.desc())
        connection.execute(insert(deliveries).from_select(["event_id", *same, *more, "due_at"], owed))
    connection.commit()


def cost_of(service: Service, request: Callable[[], Any]) -> Cost:
    """What the servers had to do for a request; what it costs to ask them that is taken off."""
    with service.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        _, before, meanwhile = (_spent(service, connection) for _ in range(3))
        request()
        after = _spent(service, connection)
    return Cost(*(c - b - (b - a) for a, b, c in zip(before, meanwhile, after, strict=True)))


def _spent(service: Service, connection: Connection) -> Cost:
    counters = {row[0]: row[1] for row in connection.execute(text("SHOW GLOBAL STATUS"))}
    rows = sum(int(value) for name, value in counters.items() if name.startswith("Handler_read_"))
    return Cost(int(counters["Questions"]), service.redis.info("stats")["total_reads_processed"], rows)
