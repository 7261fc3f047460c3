"""Redis wiped, killed, gone for minutes and stopped under load: nobody who writes or reads may notice."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from signal import SIGCONT, SIGSTOP

from deploy.embedded import EmbeddedServices
from tests.chaos import checker
from tests.chaos.client import Client
from tests.chaos.journal import Journal, failures
from tests.chaos.probes import Probe, Wait, percentile, slowest, statuses
from tests.chaos.report import Report, Scenario
from tests.chaos.system import FAMILY, System, until
from tests.chaos.writers import Author, Writers

NO_END = 10**9
READY_WITHIN = 60.0
WAITS_AT_MOST = 1.0
DRAINED_WITHIN = 120.0


@dataclass(frozen=True)
class Size:
    """``pause`` of each client between two writes, so that the machine is loaded and not full: a p99 of requests that
    wait for a processor says nothing of Redis."""

    clients: int
    pause: float
    baseline_seconds: float
    wipes: int
    kills: int
    gone_seconds: float
    stop_seconds: float
    times_slower: float


@dataclass(frozen=True)
class Beside:
    """Who saves beside the writers and is timed, and who tries a token that was revoked."""

    saver: Probe
    intruder: Probe


def run(services: EmbeddedServices, size: Size, report: Report, folder: Path) -> None:
    # With limits: they are what each request may ask Redis for.
    with System(services, FAMILY, RATELIMIT_ENABLED="1") as system:
        journal = Journal(folder / "journal.jsonl")
        with Writers(system.port, journal, report.seed, size.clients, NO_END, pause=size.pause) as writers:
            until(lambda: all(author.pages for author in writers.authors), READY_WITHIN, "the first pages")
            with beside(system, journal, Random(report.seed)) as seen:
                baseline = during(seen.saver, lambda: pause(size.baseline_seconds))
                spoilt = [during(seen.saver, partial(fault, system.services)) for fault in faults(system, size)]
        report.at_most("seconds to drain after the last", system.settle(2 * DRAINED_WITHIN), DRAINED_WITHIN)
        tell(report, seen, baseline, spoilt, size)
        checker.check(report, system, journal, writers.authors)
    report.none("failures but 503", failures(journal.path))


Fault = Callable[[EmbeddedServices], None]


def faults(system: System, size: Size) -> list[Fault]:
    wipes = [partial(wipe, system)] * size.wipes
    return [*wipes, *[killed_for(1.0)] * size.kills, stopped_for(size.stop_seconds), killed_for(size.gone_seconds)]


def wipe(system: System, services: EmbeddedServices) -> None:
    system.redis.flushall()
    pause(1.0)


def killed_for(seconds: float) -> Fault:
    def fault(services: EmbeddedServices) -> None:
        services.kill("redis")
        pause(seconds)
        services.start_one("redis")

    return fault


def stopped_for(seconds: float) -> Fault:
    def fault(services: EmbeddedServices) -> None:
        services.kill("redis", SIGSTOP)
        pause(seconds)
        services.kill("redis", SIGCONT)

    return fault


def pause(seconds: float) -> None:
    threading.Event().wait(seconds)


def during(probe: Probe, fault: Callable[[], None]) -> list[Wait]:
    began = time.monotonic()
    fault()
    return probe.between(began, time.monotonic())


@contextmanager
def beside(system: System, journal: Journal, dice: Random) -> Iterator[Beside]:
    owner = Author("owner", Client(system.port), journal, dice)
    owner.sign_up(notebooks=1, pages=1)
    path = "/notebooks/{}/pages/{}".format(*owner.pages[0])
    title = owner.client.ask("GET", path).body["title"]
    intruder = Author("owner", Client(system.port), journal, dice)
    intruder.sign_in()
    assert intruder.client.ask("POST", "/auth/logout").status == 204
    # The title that it has already: a whole transaction, and nothing for the checker to count.
    with (
        Probe(partial(owner.client.ask, "PUT", path, {"title": title}), pause=0.06) as saver,
        Probe(partial(intruder.client.ask, "GET", "/users/me"), pause=0.5) as dead,
    ):
        yield Beside(saver, dead)


def tell(report: Report, seen: Beside, baseline: list[Wait], spoilt: list[list[Wait]], size: Size) -> None:
    during_faults = [wait for waits in spoilt for wait in waits]
    normal, spoilt_p99 = percentile(baseline, 0.99), percentile(during_faults, 0.99)
    report.figure("faults", len(spoilt))
    report.figure("timed saves", len(during_faults))
    report.figure("p99 before, ms", 1000 * normal)
    report.figure("p99 meanwhile, ms", 1000 * spoilt_p99)
    report.at_most("p99 of a save, times the one before", spoilt_p99 / normal, size.times_slower)
    report.at_most(
        "seconds for a save, above the slowest before", slowest(during_faults) - slowest(baseline), WAITS_AT_MOST
    )
    report.none("saves that failed", sum(n for status, n in statuses(seen.saver.waits).items() if status != 200))
    tried = statuses(seen.intruder.waits)
    report.at_least("tries with a revoked token", tried[401], 2 * len(spoilt))
    report.none("revoked tokens let in", tried.total() - tried[401])


SCENARIO = Scenario(
    5,
    "redis-outages",
    run,
    full=Size(
        clients=8,
        pause=0.25,
        baseline_seconds=60.0,
        wipes=5,
        kills=5,
        gone_seconds=300.0,
        stop_seconds=60.0,
        times_slower=2.0,
    ),
    # The p99 of a few dozen saves is their worst: it says next to nothing.
    short=Size(
        clients=2,
        pause=0.1,
        baseline_seconds=2.0,
        wipes=1,
        kills=1,
        gone_seconds=2.0,
        stop_seconds=3.0,
        times_slower=20.0,
    ),
    measures_time=True,
)
