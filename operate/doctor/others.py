"""Redis and the object store."""

from collections.abc import Iterator
from typing import Any

from redis.exceptions import RedisError, ResponseError

from domain.commands import sweeping
from infra.objects import Store
from infra.queue_depths import dropped
from operate.doctor.finding import Finding, check
from operate.doctor.patient import Patient
from workers.sweep import Sweep, SweepRefused

MOST_TOLD = 3
OLDEST_REDIS = (6, 2)
KEEPS_QUEUES = frozenset({"noeviction", "volatile-lru", "volatile-lfu", "volatile-ttl", "volatile-random"})


def _info(patient: Patient) -> dict[str, Any]:
    found: dict[str, Any] = patient.redis.info()
    return found


@check("redis.version", "redis")
def version(patient: Patient) -> Iterator[Finding]:
    found = str(_info(patient)["redis_version"])
    if tuple(int(part) for part in found.split(".")[:2]) < OLDEST_REDIS:
        yield Finding(f"Redis is {found}", "RQ needs commands that came with 6.2", "install a newer Redis")


@check("redis.eviction", "redis")
def eviction(patient: Patient) -> Iterator[Finding]:
    policy = str(_info(patient)["maxmemory_policy"])
    if policy not in KEEPS_QUEUES:
        yield Finding(
            f"maxmemory-policy is {policy}",
            "when it is full, Redis throws jobs away; their events are sent again after half a minute",
            "redis-cli CONFIG SET maxmemory-policy volatile-lru, and the same in redis.conf",
        )


@check("redis.memory", "redis")
def memory(patient: Patient) -> Iterator[Finding]:
    info = _info(patient)
    most = int(info["maxmemory"])
    if most and int(info["used_memory"]) > patient.limits.redis_share * most:
        yield Finding(
            f"Redis uses {info['used_memory']} of {most} bytes",
            "when it is full, background work stands still",
            "redis-cli --bigkeys tells what it is; docs/runbook.md, Memory",
        )


@check("redis.disk", "redis")
def disk(patient: Patient) -> Iterator[Finding]:
    info = _info(patient)
    bad = [name for name in ("aof_last_write_status", "aof_last_bgrewrite_status") if info.get(name, "ok") != "ok"]
    if bad:
        yield Finding(
            f"Redis says {', '.join(f'{name}: {info[name]}' for name in bad)}",
            "it refuses writes, or soon will",
            "make room on its disk; docs/runbook.md, The disk is full",
        )


@check("redis.writes", "redis")
def writes(patient: Patient) -> Iterator[Finding]:
    try:
        patient.redis.set("sinpluma:doctor", "1", ex=10)
    except ResponseError as error:
        yield Finding(
            f"Redis refuses to write: {error}",
            "background work stands still",
            "redis-cli INFO; docs/runbook.md, Memory",
        )


@check("redis.strangers", "redis")
def strangers(patient: Patient) -> Iterator[Finding]:
    try:
        count = dropped(patient.redis)
    except RedisError:
        return
    if count:
        yield Finding(
            f"{count} jobs were dropped because they were not the relay's",
            "someone else reaches this Redis",
            "give it a password and a network of its own; docs/runbook.md, Jobs are dropped",
        )


@check("objects.pictures", "objects", "database")
def pictures(patient: Patient) -> Iterator[Finding]:
    """Rows whose objects are missing; and whether the sweep would work."""
    sweep = Sweep(patient.engine, patient.settings, patient.at, dry_run=True)
    try:
        sweep.run()
    except SweepRefused as refusal:
        yield Finding(
            f"the sweep removes nothing: {refusal}",
            "what is not needed piles up",
            "docs/runbook.md, The sweep of pictures is braked",
        )
        return
    if sweep.missing:
        more = f" and {len(sweep.missing) - MOST_TOLD} more" if len(sweep.missing) > MOST_TOLD else ""
        yield Finding(
            f"the store does not have {', '.join(sweep.missing[:MOST_TOLD])}{more}",
            "these pictures are 404",
            "python run.py restore BACKUP --verify tells whether a backup has them; put them back under the same keys",
        )


@check("objects.orphans", "database")
def orphans(patient: Patient) -> Iterator[Finding]:
    with patient.engine.connect() as connection:
        size = sweeping.orphan_bytes(connection)
    if size > patient.limits.orphan_bytes:
        yield Finding(
            f"{size // 1_000_000} MB of objects have no row",
            "they take room, and the sweep has not taken them",
            "python run.py sweep --dry-run tells why",
        )


@check("objects.clock", "objects")
def clock(patient: Patient) -> Iterator[Finding]:
    theirs = Store(patient.settings).now()
    apart = abs((theirs - patient.at).total_seconds()) if theirs else 0
    if apart > patient.limits.clock_seconds:
        yield Finding(
            f"the clocks of this machine and of the object store are {apart:.0f} s apart",
            "signed requests are refused when it is a quarter of an hour",
            "timedatectl set-ntp true on both",
        )


CHECKS = (version, eviction, memory, disk, writes, strangers, pictures, orphans, clock)
