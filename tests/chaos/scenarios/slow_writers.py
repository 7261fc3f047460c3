"""Writers that hold their transactions open, and some that roll back: whatever commits late is handled all the same.

A relay that remembers the last id it has seen runs beside ours as a control. It must lose events, or this scenario
could not tell a relay that does from one that does not.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

from sqlalchemy import Engine, select

from deploy.embedded import EmbeddedServices
from domain.commands.notebooks import CreateNotebook, create_notebook
from domain.commands.pages import CreatePage, EditPage, create_page, edit_page
from domain.page import Page
from domain.unit_of_work import Cause, UnitOfWork, perform
from events import log
from infra.clock import new_id
from infra.database import write_engine
from read_models.revisions import revisions
from tests.chaos.report import Report, Scenario
from tests.chaos.system import WORKERS, System
from tests.chaos.watching import repeated
from tests.comparison import differences

PAGES = 5
ROLLED_BACK = 0.1
LONGEST_SECONDS = 0.2
SETTLE_SECONDS = 600.0

Saved = set[tuple[str, int]]


@dataclass(frozen=True)
class Size:
    writers: int
    events: int


class Writer:
    """Saves all of its pages in one transaction, over and over, and holds it open for a while each time."""

    def __init__(self, engine: Engine, dice: Random) -> None:
        self._engine = engine
        self._dice = dice
        self._cause = Cause(new_id(), "slow-writers")
        notebook = perform(engine, self._cause, lambda uow: create_notebook(CreateNotebook("Slow", "", {}), uow))
        create = CreatePage(notebook.id, "A page", "")
        self._pages = [perform(engine, self._cause, lambda uow: create_page(create, uow)) for _ in range(PAGES)]
        self.committed: Saved = {(page.id, page.version) for page in self._pages}
        self.rolled_back: Saved = set()

    def write(self) -> None:
        with self._engine.connect() as connection:
            uow = UnitOfWork(connection, self._cause)
            saved = {self._save(page, uow) for page in self._pages}
            uow.flush()
            time.sleep(self._dice.uniform(0, LONGEST_SECONDS))
            if self._dice.random() < ROLLED_BACK:
                connection.rollback()
                self.rolled_back |= saved
            else:
                connection.commit()
                self.committed |= saved

    def _save(self, page: Page, uow: UnitOfWork) -> tuple[str, int]:
        saved = edit_page(EditPage(page.notebook_id, page.id, content=f"The heron {new_id()} flew."), uow)
        assert isinstance(saved, Page)
        return saved.id, saved.version


class CursorRelay:
    """The control, as many write it: it asks for ids greater than the last one it has seen."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._last = ""
        self.seen = 0

    def run_once(self) -> None:
        query = select(log.events.c.id).where(log.events.c.id > self._last).order_by(log.events.c.id)
        with self._engine.connect() as connection:
            new = list(connection.scalars(query))
            connection.rollback()
        self.seen += len(new)
        self._last = max([self._last, *new])


def run(services: EmbeddedServices, size: Size, report: Report, folder: Path) -> None:
    with System(services, ("relay", "relay#2", *WORKERS)) as system:
        engine = write_engine(system.settings, pool_size=size.writers)
        control = CursorRelay(system.engine)
        with repeated(control.run_once):
            writers = _write(engine, size, report.seed)
        control.run_once()
        report.figure("seconds to drain", system.settle(SETTLE_SECONDS))
        _compare(report, system, writers, control)
        engine.dispose()


def _write(engine: Engine, size: Size, seed: str) -> Sequence[Writer]:
    writers = [Writer(engine, Random(f"{seed}/{number}")) for number in range(size.writers)]
    times = -(-size.events // (PAGES * size.writers * (1 - ROLLED_BACK)))
    with ThreadPoolExecutor(size.writers) as pool:
        list(pool.map(lambda writer: [writer.write() for _ in range(int(times) + 1)], writers))
    return writers


def _compare(report: Report, system: System, writers: Sequence[Writer], control: CursorRelay) -> None:
    committed = set[tuple[str, int]]().union(*(writer.committed for writer in writers))
    handled = _handled(system.engine)
    logged = _logged(system.engine)
    report.figure("writers", len(writers))
    report.figure("events", logged)
    report.figure("rolled back", sum(len(writer.rolled_back) for writer in writers))
    report.none("committed, never handled", sorted(committed - handled))
    report.none("handled, never committed", sorted(handled - committed))
    report.none("read models apart after a rebuild", differences(system.engine))
    report.at_least("events that the control with a cursor lost", logged - control.seen, 1)


def _handled(engine: Engine) -> Saved:
    """Each save has a revision of its own, whatever came before or after it."""
    with engine.connect() as connection:
        return {
            (page, version) for page, version in connection.execute(select(revisions.c.page_id, revisions.c.version))
        }


def _logged(engine: Engine) -> int:
    with engine.connect() as connection:
        return len(connection.scalars(select(log.events.c.id)).all())


SCENARIO = Scenario(3, "slow_writers", run, full=Size(writers=64, events=50_000), short=Size(writers=16, events=1_000))
