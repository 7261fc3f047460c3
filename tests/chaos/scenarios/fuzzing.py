"""What the OpenAPI document allows, and much that it does not, sent to every operation: no answer is a 500, and none is
outside of the document."""

import itertools
from dataclasses import dataclass
from pathlib import Path
from random import Random

from deploy.embedded import EmbeddedServices
from tests.chaos.report import Report, Scenario
from tests.chaos.system import System
from tests.fuzzing import MODES, World, fuzz, operation_ids
from tests.service import Service

# Enough to see whether they are one fault or many.
MOST_FAILURES = 5


@dataclass(frozen=True)
class Size:
    calls: int
    # To one operation, before it is the turn of the next.
    at_once: int


def run(services: EmbeddedServices, size: Size, report: Report, folder: Path) -> None:
    # What is taken from readers is waited for as long as a lease; here much is taken.
    with System(services, programs=(), LEASE_SECONDS="0.005") as system:
        made, failures = _fuzz(Service(system.settings, system.engine), size, Random(report.seed))
    report.figure("calls", made)
    report.at_least("calls", made, size.calls)
    report.none("answers that are a 500 or outside of the document", failures)


def _fuzz(service: Service, size: Size, dice: Random) -> tuple[int, list[str]]:
    made = 0
    failures: list[str] = []
    for operation_id, mode in itertools.cycle(itertools.product(operation_ids(), MODES)):
        if made >= size.calls or len(failures) >= MOST_FAILURES:
            break
        try:
            # A token lives for ten minutes, so each has a world of its own.
            made += fuzz(World(service), operation_id, MODES[mode], size.at_once, dice.getrandbits(64))
        # What schemathesis raises is a group, and no Exception.
        except (Exception, BaseExceptionGroup) as error:
            failures.append(f"{operation_id}, {mode}: {error}")
    return made, failures


SCENARIO = Scenario(16, "fuzzing", run, full=Size(10_000, 30), short=Size(60, 1))
