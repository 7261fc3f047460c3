"""A storm of SIGTERM: the workers are stopped and started again every two seconds while authors write."""

import signal
import threading
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from deploy.embedded import EmbeddedServices
from events import log
from tests.chaos import checker
from tests.chaos.journal import Journal
from tests.chaos.report import Report, Scenario
from tests.chaos.system import WORKERS, System
from tests.chaos.writers import Writers

EVERY_SECONDS = 2.0
CONVERGED_WITHIN = 120.0


@dataclass(frozen=True)
class Size:
    """Nearly every write is one event, some are two."""

    writes: int
    clients: int
    least_events: int
    at_most_seconds: float


def run(services: EmbeddedServices, size: Size, report: Report, folder: Path) -> None:
    with System(services) as system:
        journal = Journal(folder / "journal.jsonl")
        with Writers(system.port, journal, report.seed, size.clients, size.writes) as writers:
            report.figure("times stopped", _storm(system, writers))
            writers.wait(size.at_most_seconds)
        report.at_most("seconds to settle", system.settle(2 * CONVERGED_WITHIN), CONVERGED_WITHIN)
        checker.check(report, system, journal, writers.authors)
        report.at_least("events", _events(system), size.least_events)


def _storm(system: System, writers: Writers) -> int:
    """SIGTERM for all workers at once, as a deployment does, until the authors have written."""
    times, pause = 0, threading.Event()
    while writers.is_writing():
        pause.wait(EVERY_SECONDS)
        for name in WORKERS:
            system.processes.signal(name, signal.SIGTERM)
        times += 1
    return times


def _events(system: System) -> int:
    with system.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(log.events)) or 0


SCENARIO = Scenario(
    7,
    "restarting",
    run,
    full=Size(writes=12_000, clients=8, least_events=10_000, at_most_seconds=600.0),
    short=Size(writes=600, clients=4, least_events=500, at_most_seconds=120.0),
)
