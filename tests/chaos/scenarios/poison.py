"""Some events always fail, and a reaction hangs: what is healthy flows on, what is not is parked, seen and retried."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Engine, func, select, update

from deploy.embedded import EmbeddedServices
from domain.commands.notebooks import CreateNotebook, create_notebook
from domain.commands.pages import CreatePage, EditPage, create_page, edit_page
from domain.unit_of_work import Cause, UnitOfWork, perform
from domain.user import ADMIN, users
from events import log
from events.deliveries import deliveries
from events.log import outbox
from events.pages import PageEdited
from events.subscriptions import INDEX_SEARCH
from infra import crash
from infra.clock import new_id
from tests.chaos.client import Client
from tests.chaos.journal import Journal
from tests.chaos.report import Report, Scenario
from tests.chaos.system import System, until
from tests.chaos.watching import repeated
from tests.chaos.writers import Author
from tests.comparison import differences
from workers.reaction_table import SUBSCRIPTIONS

POISONED = 0.01
PAGES = 20
REACTIONS = SUBSCRIPTIONS[PageEdited.name]
DAMAGED = '{"cut": '
HANGS_AT = 3
SETTLE_SECONDS = 180.0
MOST_WHEN_HUNG = 60.0


@dataclass(frozen=True)
class Size:
    """``share``: how much of the healthy events' lags is looked at, from the shortest on."""

    saves: int
    pause: float
    share: float
    attempts: int = 3


@dataclass
class Lags:
    """How long each save waited for each of its reactions, looked at again and again."""

    engine: Engine
    waiting: dict[tuple[str, str], float] = field(default_factory=dict)
    found: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def expect(self, event_id: str) -> None:
        with self.lock:
            self.waiting.update({(reaction, event_id): time.monotonic() for reaction in REACTIONS})

    def look(self) -> None:
        with self.lock:
            known = set(self.waiting)
        with self.engine.connect() as connection:
            # The outbox first: what moves on meanwhile is then in deliveries.
            unseen = set(connection.scalars(select(outbox.c.event_id)))
            owed = {(row.reaction, row.event_id) for row in connection.execute(select(deliveries))}
            connection.rollback()
        with self.lock:
            for each in known - owed:
                if each[1] not in unseen:
                    self.found[each[0]].append(time.monotonic() - self.waiting.pop(each))

    def of(self, reaction: str, share: float) -> float:
        lags = sorted(self.found[reaction])
        return lags[int(share * (len(lags) - 1))]


class Pages:
    """Saves in turn; a poisoned one is committed with a payload that nobody can read."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._cause = Cause(new_id(), "poison")
        notebook = perform(engine, self._cause, lambda uow: create_notebook(CreateNotebook("Pages", "", {}), uow))
        create = CreatePage(notebook.id, "A page", "")
        self._pages = [perform(engine, self._cause, lambda uow: create_page(create, uow)) for _ in range(PAGES)]
        self.payloads: dict[str, str] = {}

    def save(self, number: int, is_poison: bool) -> str:
        """The event's id."""
        page = self._pages[number % PAGES]
        command = EditPage(page.notebook_id, page.id, content=f"The heron {new_id()} flew.")
        cause = Cause(self._cause.actor_id, new_id())
        with self._engine.connect() as connection:
            uow = UnitOfWork(connection, cause)
            edit_page(command, uow)
            uow.flush()
            mine = log.events.c.correlation_id == cause.correlation_id
            event_id, payload = connection.execute(select(log.events.c.id, log.events.c.payload).where(mine)).one()
            if is_poison:
                self.payloads[event_id] = payload
                connection.execute(update(log.events).where(log.events.c.id == event_id).values(payload=DAMAGED))
            connection.commit()
        return str(event_id)

    def repair(self) -> None:
        with self._engine.begin() as connection:
            for event_id, payload in self.payloads.items():
                connection.execute(update(log.events).where(log.events.c.id == event_id).values(payload=payload))


def run(services: EmbeddedServices, size: Size, report: Report, folder: Path) -> None:
    with System(services, DELIVERY_MAX_ATTEMPTS=str(size.attempts)) as system:
        pages = Pages(system.engine)
        before = _save_all(system, pages, size, poisoned=set())
        worker = f"worker-{INDEX_SEARCH}"
        system.processes.stop(worker)
        dying: dict[str, Any] = {crash.VARIABLE: f"reaction begun:{HANGS_AT}:{folder / 'passes'}:hang"}
        system.start(worker, **dying)
        dice = Random(report.seed)
        # A page whose newest event nobody can read keeps its other events from being indexed; so never the last round.
        chosen = set(dice.sample(range(size.saves - PAGES), max(1, round(size.saves * POISONED))))
        after = _save_all(system, pages, size, chosen)
        for reaction in REACTIONS:
            _compare(report, reaction, before, after, size.share)
        report.figure("healthy", size.saves - len(chosen))
        report.figure("poisoned", len(chosen))
        report.must("a reaction hung", (folder / "passes").stat().st_size >= HANGS_AT)
        _judge_parked(report, system, pages, folder)


def _save_all(system: System, pages: Pages, size: Size, poisoned: set[int]) -> Lags:
    """At a fixed pace; returns when all healthy ones are handled."""
    lags = Lags(system.engine)
    with repeated(lags.look):
        for number in range(size.saves):
            event_id = pages.save(number, number in poisoned)
            if number not in poisoned:
                lags.expect(event_id)
            time.sleep(size.pause)
        until(lambda: not lags.waiting, SETTLE_SECONDS, "the healthy events to be handled")
    return lags


def _compare(report: Report, reaction: str, before: Lags, after: Lags, share: float) -> None:
    usual, now = before.of(reaction, share), after.of(reaction, share)
    report.figure(f"{reaction} lag", f"{usual:.2f} s → {now:.2f} s")
    if reaction == INDEX_SEARCH:
        # The one that hangs: its own events wait until the batch is broken off and they are tried alone.
        report.at_most(f"{reaction}, which hung: the worst lag in seconds", after.of(reaction, 1.0), MOST_WHEN_HUNG)
    else:
        report.at_most(f"{reaction}: lag of the healthy, times as long", now / usual, 2.0)


def _judge_parked(report: Report, system: System, pages: Pages, folder: Path) -> None:
    expected = len(pages.payloads) * len(REACTIONS)
    until(lambda: _owed(system, "pending") == 0, SETTLE_SECONDS, "the poison to be parked")
    admin = _admin(system, folder)
    listed = admin.client.ask("GET", "/admin/deliveries?state=parked&per_page=100").body
    report.must("parked is what fails, and nothing else", (_owed(system, "parked"), listed["total"]) == (expected,) * 2)
    pages.repair()
    while items := admin.client.ask("GET", "/admin/deliveries?state=parked&per_page=100").body["items"]:
        _retry(admin, (item["id"] for item in items))
    system.settle(SETTLE_SECONDS)
    report.none("read models apart after a rebuild", differences(system.engine))


def _retry(admin: Author, delivery_ids: Iterable[str]) -> None:
    for delivery_id in delivery_ids:
        admin.client.ask("POST", f"/admin/deliveries/{delivery_id}/retry")


def _owed(system: System, state: str) -> int:
    query = select(func.count()).select_from(deliveries).where(deliveries.c.state == state)
    with system.engine.connect() as connection:
        return connection.scalar(query) or 0


def _admin(system: System, folder: Path) -> Author:
    admin = Author("operator", Client(system.port), Journal(folder / "operator.jsonl"), Random(0))
    admin.sign_up(notebooks=0, pages=0)
    with system.engine.begin() as connection:
        connection.execute(update(users).values(role=ADMIN))
    admin.sign_in()
    return admin


SCENARIO = Scenario(
    12,
    "poison",
    run,
    full=Size(saves=2_000, pause=0.03, share=0.9),
    short=Size(saves=80, pause=0.05, share=0.5),
    measures_time=True,
)
