"""A hundred thousand events that nobody has seen yet, and a purge of a million old rows beside those who write.

What is done leaves no row in ``deliveries`` to purge: it is deleted where it is done. The largest purge that the
service knows is that of old receipts, so that is the one measured.
"""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from signal import SIGCONT, SIGSTOP

from sqlalchemy import Engine, exists, func, insert, select, text, update

from bench.prose import Prose
from deploy.embedded import EmbeddedServices
from domain.commands.notebooks import CreateNotebook, create_notebook
from domain.commands.pages import CreatePage, EditPage, create_page, edit_page
from domain.page import Page
from domain.receipts import receipts
from domain.unit_of_work import Cause, UnitOfWork, perform
from infra.clock import new_id, now
from tests.chaos.journal import Journal
from tests.chaos.report import Report, Scenario
from tests.chaos.system import System, until
from tests.chaos.writers import Writers
from tests.comparison import differences
from workers.clock import chores

WRITERS = 4
PAGES = 40
WORDS = 300
# What the bench drains; the pace that the backlog is held to.
BENCH_EVENTS = 2_200
SETTLE_SECONDS = 900.0
PURGE_SECONDS = 600.0
LONG_AGO = timedelta(days=30)
_IS_PURGE = chores.c.name == "purge-receipts"


@dataclass(frozen=True)
class Size:
    """``pause`` of each client between two writes while old rows are purged: loaded and not full, or the p99 is one of
    waiting for a processor."""

    events: int
    least_pace: float
    old_rows: int
    clients: int
    pause: float
    calm_seconds: float
    most_p99: float


def run(services: EmbeddedServices, size: Size, report: Report, folder: Path) -> None:
    with System(services) as system:
        bench = _drained(system, min(BENCH_EVENTS, size.events))
        backlog = _drained(system, size.events)
        report.figure("events pending", size.events)
        report.figure("events a second, as in the bench", bench)
        report.figure("events a second", backlog)
        report.at_least("pace of the backlog, times the bench's", backlog / bench, size.least_pace)
        report.none("read models apart after a rebuild", differences(system.engine))
    with System(services) as system:
        _purge_beside_writers(system, size, report, folder)


def _drained(system: System, events: int) -> float:
    """Events a second through all reactions, from a relay that finds so many."""
    system.settle(SETTLE_SECONDS)
    system.processes.signal("relay", SIGSTOP)
    authors = [Saving(system.engine, seed) for seed in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(lambda author: author.save(events // WRITERS), authors))
    system.processes.signal("relay", SIGCONT)
    return events / system.settle(SETTLE_SECONDS)


class Saving:
    """Saves many pages in each transaction."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self._engine = engine
        self._prose = Prose(seed=seed)
        self._cause = Cause(new_id(), "backlog")
        notebook = perform(engine, self._cause, lambda uow: create_notebook(CreateNotebook("Backlog", "", {}), uow))
        create = CreatePage(notebook.id, "A page", "")
        self._pages = [perform(engine, self._cause, lambda uow: create_page(create, uow)) for _ in range(PAGES)]

    def save(self, times: int) -> None:
        for start in range(0, times, PAGES):
            some = self._pages[: min(PAGES, times - start)]
            perform(self._engine, self._cause, lambda uow, some=some: self._edit(uow, some))  # type: ignore[misc]

    def _edit(self, uow: UnitOfWork, pages: list[Page]) -> None:
        for page in pages:
            edit_page(EditPage(page.notebook_id, page.id, content=self._prose.text(WORDS)), uow)


def _purge_beside_writers(system: System, size: Size, report: Report, folder: Path) -> None:
    # Done once at the start, and not due again for an hour. A chore that is new is due at the moment it was noted.
    later = now() + timedelta(minutes=5)
    purged_once = select(func.count()).where(_IS_PURGE, chores.c.due_at > later)
    until(lambda: _count(system.engine, purged_once), SETTLE_SECONDS, "the clock to begin")
    _fill(system.engine, size.old_rows)
    journal = Journal(folder / "journal.jsonl")
    with Writers(system.port, journal, report.seed, size.clients, writes=10**9, pause=size.pause) as writers:
        until(lambda: journal.sent > 20 * size.clients, SETTLE_SECONDS, "the authors to write")
        calm = _p99(writers, lambda: time.sleep(size.calm_seconds))
        purged = _p99(writers, lambda: _purge(system))
    report.figure("old rows", size.old_rows)
    report.figure("p99 of a write, calm", f"{1000 * calm:.0f} ms")
    report.figure("p99 of a write, purging", f"{1000 * purged:.0f} ms")
    report.at_most("p99 while purging, times the calm one", purged / calm, size.most_p99)


def _p99(writers: Writers, meanwhile: object) -> float:
    began = [len(author.seconds) for author in writers.authors]
    meanwhile()  # type: ignore[operator]
    taken = sorted(itertools.chain(*(each.seconds[n:] for each, n in zip(writers.authors, began, strict=True))))
    return taken[int(0.99 * (len(taken) - 1))]


def _fill(engine: Engine, rows: int) -> None:
    """Doubled on the server until there are enough."""
    row = {"holder": "h", "key": "k", "request": "PUT /x", "body_hmac": "0" * 64, "status": 200}
    more = {"headers": {}, "body": "{}", "created_at": now() - LONG_AGO}
    # A day's worth: each at a moment of its own.
    some_time = "created_at - INTERVAL FLOOR(RAND() * 86400000000) MICROSECOND"
    copied = f"holder, UUID(), request, body_hmac, status, headers, body, {some_time}"
    with engine.connect() as connection:
        connection.execute(insert(receipts).values(**row, **more))
        there = 1
        while there < rows:
            some = min(there, rows - there, 100_000)
            connection.execute(text(f"INSERT INTO receipts SELECT {copied} FROM receipts LIMIT {some}"))
            connection.commit()
            there += some


def _purge(system: System) -> None:
    """The clock does it, from the moment that it may."""
    with system.engine.begin() as connection:
        connection.execute(update(chores).where(_IS_PURGE).values(due_at=now()))
    old = select(exists().where(receipts.c.created_at < now() - timedelta(days=5)))
    until(lambda: not _count(system.engine, old), PURGE_SECONDS, "the old receipts to go", pause=1.0)


def _count(engine: Engine, query: object) -> int:
    with engine.connect() as connection:
        return connection.scalar(query) or 0  # type: ignore[call-overload]


SCENARIO = Scenario(
    13,
    "backlog",
    run,
    full=Size(
        events=100_000, least_pace=0.8, old_rows=1_000_000, clients=8, pause=0.25, calm_seconds=60.0, most_p99=1.2
    ),
    # Too short for the figures to mean much: that it drains and purges is what counts.
    short=Size(events=600, least_pace=0.2, old_rows=5_000, clients=2, pause=0.0, calm_seconds=2.0, most_p99=10.0),
    measures_time=True,
)
