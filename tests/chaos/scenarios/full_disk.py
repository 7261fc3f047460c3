"""The disk is full under the database, Redis, the objects and the logs: nothing is acknowledged and then lost.

Needs a small file system of its own, so root on Linux; elsewhere it says that it did nothing.
"""

import contextlib
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded import EmbeddedServices, ServiceError
from tests.chaos import checker
from tests.chaos.journal import Journal
from tests.chaos.report import Report, Scenario
from tests.chaos.system import FAMILY, System, until
from tests.chaos.watching import repeated
from tests.chaos.writers import Writers
from tests.disks import small_disk

MEGABYTE = 2**20
# The servers take two fifths of it at rest.
DISK_MEGABYTES = 512
BLOCK = bytes(MEGABYTE // 4)
CONVERGED_WITHIN = 120.0
PATIENCE = 120.0


@dataclass(frozen=True)
class Size:
    times: int
    clients: int
    seconds: float


def run(services: EmbeddedServices, size: Size, report: Report, folder: Path) -> None:
    disk = folder / "disk"
    with contextlib.ExitStack() as stack:
        if not stack.enter_context(small_disk(disk, f"{DISK_MEGABYTES}m")):
            report.note("no file system of its own could be mounted here, so nothing was tried")
            report.must("skipped: needs root on Linux", True)
            return
        on_disk = stack.enter_context(EmbeddedServices(disk / "var"))
        system = stack.enter_context(System(on_disk, FAMILY))
        # The journal is outside, as it must be.
        journal = Journal(folder / "journal.jsonl")
        with (
            repeated(lambda: _start_again(on_disk), pause=0.5),
            Writers(system.port, journal, report.seed, size.clients, writes=10**9) as writers,
        ):
            refused = [_fill_for_a_while(disk, journal, size) for _ in range(size.times)]
            sent = journal.sent
            until(lambda: journal.sent > sent + 20 * size.clients, PATIENCE, "the authors to write on")
        system.wait_until_ready()
        report.figure("times full", size.times)
        report.figure("wishes meanwhile", sum(refused))
        statuses = {status: sum(each.statuses[status] for each in writers.authors) for status in (503, 500, None)}
        report.figure("answered 503", statuses[503])
        report.figure("answered 500", statuses[500])
        report.figure("not answered", statuses[None])
        report.at_most("seconds to converge", system.settle(2 * CONVERGED_WITHIN), CONVERGED_WITHIN)
        report.at_least("requests refused while it was full", statuses[503] + statuses[500], 1)
        checker.check(report, system, journal, writers.authors)


def _start_again(services: EmbeddedServices) -> None:
    """A server that ended, as supervisor does: a database may give up when it can't write."""
    for name in services.names:
        process = services.processes.get(name)
        if process is None or process.poll() is not None:
            # With the disk still full it can't start either.
            with contextlib.suppress(ServiceError, OSError):
                services.start_one(name, timeout=20)


def _fill_for_a_while(disk: Path, journal: Journal, size: Size) -> int:
    """Take all that is free, and what comes free, for so long; then give it back. The number of wishes meanwhile."""
    before = journal.sent
    ballast = disk / "ballast"
    stop = threading.Event()
    deadline = threading.Timer(size.seconds, stop.set)
    deadline.start()
    with open(ballast, "ab", buffering=0) as file:
        while not stop.wait(0.05):
            _take_all(file.fileno())
    ballast.unlink()
    return journal.sent - before


def _take_all(descriptor: int) -> None:
    size = len(BLOCK)
    while size:
        try:
            os.write(descriptor, BLOCK[:size])
        except OSError:
            size //= 2


SCENARIO = Scenario(
    14, "full_disk", run, full=Size(times=5, clients=8, seconds=20.0), short=Size(times=1, clients=4, seconds=6.0)
)
