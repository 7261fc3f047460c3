"""Deadlocks, lock timeouts, old snapshots and refused certification in three of ten transactions."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from deploy.embedded import EmbeddedServices
from tests.chaos import checker
from tests.chaos.journal import Journal, statuses
from tests.chaos.report import Report, Scenario
from tests.chaos.system import FAMILY, System
from tests.chaos.writers import Writers
from tests.faults import failing
from tests.wire import Fate, Wire, is_refused, passes

# Half of them in the last statement before COMMIT, half in COMMIT itself: 1 - 0.837 ** 2 = 0.3.
SHARE = 0.163
AT_COMMIT = (1180, 1213, 3101)
IN_STATEMENTS = (
    ("INSERT", "outbox"),
    ("DELETE", "outbox"),
    ("INSERT", "deliveries"),
    ("DELETE", "deliveries"),
    ("INSERT", "sessions"),
)
REFUSED_AT_MOST = 0.001
SETTLED_WITHIN = 300.0


@dataclass(frozen=True)
class Size:
    """``spared``: 503s above the promised share, for the sake of few writes."""

    writes: int
    clients: int
    spared: int
    at_most_seconds: float


def run(services: EmbeddedServices, size: Size, report: Report, folder: Path) -> None:
    journal = Journal(folder / "journal.jsonl")
    with (
        Wire(services.environ()["DATABASE_URL"]) as wire,
        System(services, FAMILY, DATABASE_URL=wire.url) as system,
        Writers(system.port, journal, report.seed, size.clients, size.writes) as writers,
    ):
        with spoilt(system, wire, Random(report.seed)) as refused:
            writers.wait(size.at_most_seconds)
            report.figure("seconds to settle", system.settle(SETTLED_WITHIN))
        report.figure("commits refused", f"{refused[True]} of {refused.total()}")
        told = statuses(journal.path)
        failed = sum(count for status, count in told.items() if status is None or status >= 500)
        report.figure("answers", told.total())
        report.figure("5xx", failed)
        report.at_most("share of answers 5xx", max(0, failed - size.spared) / told.total(), REFUSED_AT_MOST)
        checker.check(report, system, journal, writers.authors)


@contextmanager
def spoilt(system: System, wire: Wire, dice: Random) -> Iterator[Counter[bool]]:
    """Three in ten transactions fail inside; yields how many COMMITs were refused and how many not."""
    counted: Counter[bool] = Counter()

    def fate() -> Fate:
        is_bad = dice.random() < SHARE
        counted[is_bad] += 1
        return is_refused(dice.choice(AT_COMMIT)) if is_bad else passes

    with failing(system.engine, *IN_STATEMENTS, share=SHARE):
        wire.at_commit = fate
        yield counted
        wire.at_commit = lambda: passes


SCENARIO = Scenario(
    9,
    "passing-errors",
    run,
    full=Size(writes=20_000, clients=8, spared=0, at_most_seconds=800.0),
    short=Size(writes=300, clients=4, spared=1, at_most_seconds=120.0),
    measures_time=True,
)
