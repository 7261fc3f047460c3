"""A rolling restart under load: every process is replaced by another, the new one beside the old one for a while.

The listening sockets are shared (SO_REUSEPORT): the new API is started on the same port, and when it listens the old
one gets SIGTERM and finishes what it has begun. The new code of the first round makes its read models otherwise, by
newer builders, so it makes them anew under load; the second round takes the update back, and then the older code does.
That code passes by events and fields that it does not know has tests of its own.
"""

import re
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select, update

from deploy.embedded import EmbeddedServices
from infra.clock import now
from infra.settings import CHECKOUT
from read_models.rebuilding.progress import rebuilds
from tests.chaos import checker
from tests.chaos.client import Repeating
from tests.chaos.journal import Journal
from tests.chaos.report import Report, Scenario
from tests.chaos.sockets import is_listening
from tests.chaos.system import FAMILY, System, until
from tests.chaos.writers import Writers
from workers.clock import REBUILD, chores
from workers.reaction_table import MODELS

START_SECONDS = 60.0
# In slices of ten seconds, all of a log of a hundred thousand events, four times.
REBUILD_SECONDS = 900.0
SETTLE_SECONDS = 120.0
MOST_503 = 0.5
_BUILDER = re.compile(r"^BUILDER = (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Size:
    """``pace``: the pause of each client between two writes. ``pause``: the same while the newer code makes its read
    models: behind writers who take all the processor that there is that is never done."""

    rounds: int
    clients: int
    pace: float
    pause: float


def run(services: EmbeddedServices, size: Size, report: Report, folder: Path) -> None:
    newer = _newer_code(folder / "newer")
    with System(services, FAMILY) as system:
        journal = Journal(folder / "journal.jsonl")
        # The old API closes its idle connections, also the one that somebody sends a request on at that moment.
        writers = Writers(system.port, journal, report.seed, size.clients, 10**9, size.pace, client=Repeating)
        with writers:
            _write_some(journal, size)
            for number in range(size.rounds):
                old, new = ("", "#2") if number % 2 == 0 else ("#2", "")
                _replace_all(system, old, new, newer if number == 0 else CHECKOUT)
                if number == 0:
                    writers.pause = size.pause
                    _await_made_by(system, newer=True)
                    writers.pause = size.pace
            # Each model gets a row of the older code, which calls for all the others.
            _write_some(journal, size)
        report.figure("rounds", size.rounds)
        _tell_answers(report, sum((each.statuses for each in writers.authors), Counter()))
        report.figure("seconds to settle", system.settle(SETTLE_SECONDS))
        _await_made_by(system, newer=False)
        checker.check(report, system, journal, writers.authors)


def _write_some(journal: Journal, size: Size) -> None:
    enough = journal.sent + 50 * size.clients
    until(lambda: journal.sent > enough, START_SECONDS, "the authors to write")


def _newer_code(folder: Path) -> Path:
    """A copy in which each read model is made by a newer builder."""
    shutil.copytree(CHECKOUT, folder, ignore=shutil.ignore_patterns(".*", "node_modules", "tests", "var"))
    for module in (folder / "read_models").rglob("*.py"):
        module.write_text(_BUILDER.sub(lambda found: f"BUILDER = {int(found[1]) + 1}", module.read_text()))
    return folder


def _await_made_by(system: System, newer: bool) -> None:
    what = f"the {'newer' if newer else 'older'} code to make its read models"
    until(lambda: _are_made_by(system, newer) or _hurry(system), REBUILD_SECONDS, what, pause=0.5)


def _hurry(system: System) -> bool:
    """Let the clock go on with it at once. False: it is not done yet."""
    mine = chores.c.name == REBUILD
    with system.engine.begin() as connection:
        if connection.scalar(select(chores.c.name).where(mine).with_for_update(skip_locked=True)):
            connection.execute(update(chores).where(mine).values(due_at=now()))
    return False


def _are_made_by(system: System, newer: bool) -> bool:
    """Whether all read models are of the newer code's making, or of ours, and none is being made anew."""
    with system.engine.connect() as connection:
        states = {row.model: row for row in connection.execute(select(rebuilds))}
    wanted = {name: model.builder_version + newer * len(model.builders) for name, model in MODELS.items()}
    return all(
        (states[name].builder_version, states[name].building) == (version, None) for name, version in wanted.items()
    )


def _replace_all(system: System, old: str, new: str, code: Path) -> None:
    for kind in FAMILY:
        system.start(kind + new, code)
    until(lambda: _listens(system, f"api{new}"), START_SECONDS, "the new API to listen", pause=0.2)
    system.processes.stop(*(kind + old for kind in FAMILY))


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


SCENARIO = Scenario(
    15,
    "rolling",
    run,
    full=Size(rounds=10, clients=8, pace=0.0, pause=0.5),
    short=Size(rounds=2, clients=4, pace=0.05, pause=0.1),
    measures_time=True,
)
