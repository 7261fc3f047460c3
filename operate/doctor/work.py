"""Background work: relay, workers, clock, rebuilds."""

from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import select

from events import outstanding, parked
from events.subscriptions import REACTIONS
from operate.doctor.finding import Finding, check
from operate.doctor.patient import Patient
from operate.doctor.programs import remedy
from read_models.rebuilding.progress import rebuilds
from workers.clock import chores

BACKGROUND = "background"


@check("work.relay", "database")
def relay(patient: Patient) -> Iterator[Finding]:
    _, oldest = parked.waiting(patient.database)
    if _age(patient, oldest) > patient.limits.lag_seconds:
        yield Finding(
            f"the oldest event that the relay has not handed out is {_age(patient, oldest):.0f} s old",
            "revisions, search and thumbnails stand still",
            f"{remedy(patient, BACKGROUND)}; one more beside: python run.py relay",
        )


@check("work.lag", "database")
def lag(patient: Patient) -> Iterator[Finding]:
    for reaction, oldest in outstanding.oldest_owed(patient.database).items():
        if _age(patient, oldest) > patient.limits.lag_seconds:
            yield Finding(
                f"{reaction} is {_age(patient, oldest):.0f} s behind",
                "what it keeps is old for readers; authors see their own writes",
                f"{remedy(patient, BACKGROUND)}; one more beside: python run.py worker {reaction}",
            )


@check("work.parked", "database")
def given_up(patient: Patient) -> Iterator[Finding]:
    counts = parked.counts(patient.database)
    found = {reaction: count for (reaction, state), count in counts.items() if state == "parked"}
    if found:
        told = ", ".join(f"{count} of {reaction}" for reaction, count in sorted(found.items()))
        yield Finding(
            f"parked after too many tries: {told}",
            "these events have no effect",
            "GET /api/v1/admin/deliveries?state=parked tells why; then python run.py replay",
        )


@check("work.workers", "redis")
def workers(patient: Patient) -> Iterator[Finding]:
    # By plain commands: RQ's own classes would clean up as they look.
    for queue in REACTIONS:
        if not any(patient.redis.exists(name) for name in patient.redis.smembers(f"rq:workers:{queue}")):
            yield Finding(
                f"no worker is on the queue {queue}",
                "its events wait",
                f"{remedy(patient, BACKGROUND)}; one more beside: python run.py worker {queue}",
            )


@check("work.clock", "database")
def clock(patient: Patient) -> Iterator[Finding]:
    for name, due_at in patient.database.execute(select(chores.c.name, chores.c.due_at)):
        late = _age(patient, due_at)
        if late > patient.limits.chore_late_seconds:
            yield Finding(
                f"the chore {name} has been due for {late / 60:.0f} minutes",
                "the clock does not run, or hangs",
                remedy(patient, BACKGROUND),
            )


@check("work.rebuilds", "database")
def unfinished(patient: Patient) -> Iterator[Finding]:
    for model in patient.database.scalars(select(rebuilds.c.model).where(rebuilds.c.building.is_not(None))):
        yield Finding(
            f"the read model {model} is being made anew",
            "readers see the old one until then, and revisions are not thinned",
            f"wait, or python run.py rebuild {model} ends it sooner",
        )


def _age(patient: Patient, at: datetime | None) -> float:
    return (patient.at - at.astimezone(UTC)).total_seconds() if at else 0.0


CHECKS = (relay, lag, given_up, workers, clock, unfinished)
