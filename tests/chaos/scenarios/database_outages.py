"""MySQL killed and stopped while authors write: refused in time, answered from caches, and back without a hand."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from signal import SIGCONT, SIGSTOP

import httpx

from deploy.embedded import EmbeddedServices
from tests.chaos import checker, commits
from tests.chaos.client import Answer, Client, no_answer
from tests.chaos.journal import Journal, failures
from tests.chaos.probes import Probe, Wait, percentile, slowest, statuses
from tests.chaos.report import Report, Scenario
from tests.chaos.system import System, until
from tests.chaos.writers import Author, Writers

NO_END = 10**9
REFUSED_WITHIN, STUCK, ALIVE_WITHIN = 5.0, 12.0, 1.0
# What a client may see of a busy machine on top: its own thread and the API's wait for a processor too.
NOISE = 0.5
BACK_WITHIN = 60.0
SETTLED_WITHIN = 300.0
# More than the API has threads: were they all to wait for MySQL, nobody else would be answered.
SAVERS = 20


@dataclass(frozen=True)
class Size:
    clients: int
    kills: int
    stops: int
    stop_seconds: float
    cut_commits: int


@dataclass
class Watching:
    """What clients saw beside the writers; ``back`` is how long each outage lasted after the server was back."""

    saves: list[Probe] = field(default_factory=list)
    reads: list[Probe] = field(default_factory=list)
    healths: list[Probe] = field(default_factory=list)
    back: list[float] = field(default_factory=list)
    outages: list[tuple[float, float]] = field(default_factory=list)

    def during(self, probes: list[Probe], settled: float = 0.0) -> list[Wait]:
        """Answers to what was asked while MySQL was away, ``settled`` seconds after it went and later."""
        spans = [(since + settled, until) for since, until in self.outages]
        return [wait for probe in probes for since, until in spans for wait in probe.between(since, until)]


def run(services: EmbeddedServices, size: Size, report: Report, folder: Path) -> None:
    with System(services) as system:
        journal = Journal(folder / "journal.jsonl")
        workers = system.processes.children("api")
        with Writers(system.port, journal, report.seed, size.clients, NO_END) as writers:
            until(lambda: all(author.pages for author in writers.authors), BACK_WITHIN, "the first pages")
            with watching(system, journal, Random(report.seed)) as seen:
                faults = [kill] * size.kills + [hang(size.stop_seconds)] * size.stops
                Random(report.seed).shuffle(faults)
                for fault in faults:
                    outage(system, journal, seen, fault)
        tell(report, seen)
        report.none("processes that had to be started again", [str(each) for each in system.processes.endings])
        # granian starts those again by itself.
        report.none("workers of the API that ended", sorted(set(workers) - set(system.processes.children("api"))))
        # What of its connections an outage has cut, this one has not noticed yet.
        system.engine.dispose()
        report.figure("seconds to settle", system.settle(SETTLED_WITHIN))
        checker.check(report, system, journal, writers.authors)
    report.none("failures but 503", failures(journal.path))
    commits.check(services, size.cut_commits, Journal(folder / "commits.jsonl"), report)


Fault = Callable[[EmbeddedServices], None]


def kill(services: EmbeddedServices) -> None:
    services.kill("database")
    services.start_one("database")


def hang(seconds: float) -> Fault:
    def stop_for_a_while(services: EmbeddedServices) -> None:
        services.kill("database", SIGSTOP)
        threading.Event().wait(seconds)
        services.kill("database", SIGCONT)

    return stop_for_a_while


def outage(system: System, journal: Journal, seen: Watching, fault: Fault) -> None:
    began = time.monotonic()
    fault(system.services)
    ended = time.monotonic()
    seen.outages.append((began, ended))
    # Someone is served again, of those who never stopped asking.
    until(lambda: any(is_answered(probe, ended) for probe in seen.saves), BACK_WITHIN, "a save")
    seen.back.append(time.monotonic() - ended)
    sent = journal.sent
    until(lambda: journal.sent > sent + 20, BACK_WITHIN, "writers that go on")


def is_answered(probe: Probe, since: float) -> bool:
    return any(wait.status == 200 for wait in probe.between(since, math.inf))


@contextmanager
def watching(system: System, journal: Journal, dice: Random) -> Iterator[Watching]:
    """More savers than the API has threads, a reader of what is published, and one who asks if it lives."""
    owner = Author("owner", Client(system.port), journal, dice)
    owner.sign_up(notebooks=1, pages=1)
    owner.publish()
    notebook, page = owner.pages[0]
    path = f"/notebooks/{notebook}/pages/{page}"
    title = owner.client.ask("GET", path).body["title"]
    seen = Watching()
    with ExitStack() as probes, httpx.Client(base_url=system.url, timeout=30) as anyone:
        for _ in range(SAVERS):
            client = Client(system.port)
            client.token = owner.client.token
            # The title that it has already: a whole transaction, and nothing for the checker to count.
            saver = Probe(partial(client.ask, "PUT", path, {"title": title}), pause=1.0)
            seen.saves.append(probes.enter_context(saver))
        seen.reads.append(probes.enter_context(Probe(partial(Client(system.port).ask, "GET", path))))
        seen.healths.append(probes.enter_context(Probe(partial(is_alive, anyone))))
        # What nobody has read before, no cache can answer.
        until(lambda: is_answered(seen.reads[0], 0.0), BACK_WITHIN, "a first reader")
        yield seen


def is_alive(anyone: httpx.Client) -> Answer:
    try:
        return Answer(anyone.get("/healthz").status_code, {})
    except httpx.HTTPError as error:
        return no_answer(error)


def tell(report: Report, seen: Watching) -> None:
    refused, reads = seen.during(seen.saves), seen.during(seen.reads)
    everything = [wait for probe in (*seen.saves, *seen.reads, *seen.healths) for wait in probe.waits]
    report.figure("outages", len(seen.outages))
    report.figure("saves refused", statuses(refused)[503])
    report.figure("p50 of a refusal, ms", 1000 * percentile(refused, 0.5))
    report.figure("slowest back, s", max(seen.back))
    report.at_most("seconds for a refusal", slowest(refused), REFUSED_WITHIN + NOISE)
    report.at_most("seconds that any thread was stuck", slowest(everything), STUCK)
    report.none("published pages not read", [str(wait) for wait in reads if wait.status != 200])
    report.at_least("published pages read meanwhile", statuses(reads)[200], len(seen.outages))
    alive = [wait for probe in seen.healths for wait in probe.waits]
    report.none("/healthz that was not 200", [str(wait) for wait in alive if wait.status != 200])
    # While the first requests find out, threads may all be taken; from then on it is answered at once.
    report.at_most(
        "seconds for /healthz, once the outage is known", slowest(seen.during(seen.healths, 5)), ALIVE_WITHIN
    )


SCENARIO = Scenario(
    8,
    "database-outages",
    run,
    full=Size(clients=8, kills=20, stops=10, stop_seconds=30.0, cut_commits=1000),
    short=Size(clients=3, kills=1, stops=1, stop_seconds=6.0, cut_commits=10),
    measures_time=True,
)
