"""A rolling restart under load: every process is replaced by another, the new one beside the old one for a while.

The listening sockets are shared (SO_REUSEPORT): the new API is started on the same port, and when it listens the old
one gets SIGTERM and finishes what it has begun. Old and new are of one version here; that old code passes by what newer
code wrote has tests of its own.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded import EmbeddedServices
from tests.chaos import checker
from tests.chaos.client import Repeating
from tests.chaos.journal import Journal
from tests.chaos.report import Report, Scenario
from tests.chaos.sockets import is_listening
from tests.chaos.system import ALL, System, until
from tests.chaos.writers import Writers

START_SECONDS = 60.0
SETTLE_SECONDS = 120.0
MOST_503 = 0.5


@dataclass(frozen=True)
class Size:
    rounds: int
    clients: int


def run(services: EmbeddedServices, size: Size, report: Report, folder: Path) -> None:
    with System(services) as system:
        journal = Journal(folder / "journal.jsonl")
        # The old API closes its idle connections, also the one that somebody sends a request on at that moment.
        with Writers(system.port, journal, report.seed, size.clients, writes=10**9, client=Repeating) as writers:
            until(lambda: journal.sent > 50 * size.clients, START_SECONDS, "the authors to write")
            for number in range(size.rounds):
                _replace_all(system, number)
        report.figure("rounds", size.rounds)
        _tell_answers(report, sum((each.statuses for each in writers.authors), Counter()))
        system.settle(SETTLE_SECONDS)
        checker.check(report, system, journal, writers.authors)


def _replace_all(system: System, number: int) -> None:
    for kind in ALL:
        old, new = (kind, f"{kind}#2") if number % 2 == 0 else (f"{kind}#2", kind)
        system.start(new)
        if kind == "api":
            until(lambda new=new: _listens(system, new), START_SECONDS, "the new API to listen")  # type: ignore[misc]
        system.processes.stop(old)


def _listens(system: System, name: str) -> bool:
    """Whether all of its workers do."""
    workers = [pid for pid in system.processes.children(name) if is_listening(pid, system.port)]
    return len(workers) >= system.settings.api_workers


def _tell_answers(report: Report, statuses: Counter[int | None]) -> None:
    total = statuses.total()
    report.figure("requests", total)
    report.none("requests without an answer", statuses[None])
    report.none("other failures", sum(count for status, count in statuses.items() if (status or 0) in (500, 502, 504)))
    report.at_most("% answered 503", 100 * statuses[503] / total, MOST_503)


SCENARIO = Scenario(15, "rolling", run, full=Size(rounds=10, clients=8), short=Size(rounds=1, clients=4))
