"""SIGKILL over API, relay, workers and their children while authors write."""

import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random
from signal import SIGKILL

from deploy.embedded import EmbeddedServices
from tests.chaos import checker
from tests.chaos.journal import Journal
from tests.chaos.processes import Processes, send
from tests.chaos.report import Report, Scenario
from tests.chaos.system import System, until
from tests.chaos.writers import Writers

CONVERGED_WITHIN = 120.0


@dataclass(frozen=True)
class Size:
    writes: int
    clients: int
    kills: int
    at_most_seconds: float


def run(services: EmbeddedServices, size: Size, report: Report, folder: Path) -> None:
    dice = Random(report.seed)
    with System(services) as system:
        journal = Journal(folder / "journal.jsonl")
        with Writers(system.port, journal, report.seed, size.clients, size.writes) as writers:
            killed = kill_at_intervals(system.processes, journal, size, dice)
            writers.wait(size.at_most_seconds)
        report.figure("kills", killed.total())
        report.figure("killed", ", ".join(f"{name} {count}" for name, count in sorted(killed.items())))
        system.wait_until_ready()
        report.at_most("seconds to converge", system.settle(2 * CONVERGED_WITHIN), CONVERGED_WITHIN)
        checker.check(report, system, journal, writers.authors)
        report.at_least("kills that hit a process", killed.total(), size.kills)


def kill_at_intervals(processes: Processes, journal: Journal, size: Size, dice: Random) -> Counter[str]:
    """Spread over the writing: whenever another part of the wishes is sent, one process dies."""
    killed: Counter[str] = Counter()
    pause = threading.Event()
    for number in range(1, size.kills + 1):
        sent = size.writes * number // (size.kills + 1)
        until(lambda sent=sent: journal.sent >= sent, size.at_most_seconds, f"{sent} wishes")  # type: ignore[misc]
        while not (victim := kill_one(processes, dice)):
            pause.wait(0.05)
        killed[victim] += 1
    return killed


def kill_one(processes: Processes, dice: Random) -> str | None:
    """One of the service's processes or of their children; what it was, None when it was gone already."""
    name = dice.choice(processes.names())
    kind = name.partition("-")[0]
    if dice.random() < 0.5:
        return kind if processes.signal(name) else None
    children = processes.children(name)
    return f"child of {kind}" if children and send(dice.choice(children), SIGKILL) else None


SCENARIO = Scenario(
    1,
    "killing",
    run,
    full=Size(writes=20_000, clients=8, kills=60, at_most_seconds=850.0),
    short=Size(writes=400, clients=4, kills=8, at_most_seconds=120.0),
)
