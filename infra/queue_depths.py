"""How full the queues in Redis are, by plain commands: this is for looking, and nothing here can enqueue."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from redis import Redis

from infra.clock import now

# Where RQ keeps them: a list of ids, the oldest first, and a hash for each job.
_QUEUE = "rq:queue:{}"
_JOB = "rq:job:{}"
# Where workers count the jobs that a stranger has put there, since Redis was last emptied.
DROPPED_JOBS = "sinpluma:dropped-jobs"


class Depth(NamedTuple):
    jobs: int
    # Of the oldest; 0 when there is none.
    seconds: float


def depths(redis: Redis, names: Sequence[str]) -> dict[str, Depth]:
    """The jobs that wait in each queue, in two round trips."""
    with redis.pipeline(transaction=False) as first:
        for name in names:
            first.llen(_QUEUE.format(name))
            first.lindex(_QUEUE.format(name), 0)
        told = first.execute()
    counts, oldest = told[::2], told[1::2]
    with redis.pipeline(transaction=False) as second:
        for job_id in oldest:
            second.hget(_JOB.format((job_id or b"").decode()), "enqueued_at")
        times = second.execute()
    return {name: Depth(count, _age(at)) for name, count, at in zip(names, counts, times, strict=True)}


def dropped(redis: Redis) -> int:
    """How many jobs workers have dropped because they were not the relay's."""
    return int(redis.get(DROPPED_JOBS) or 0)


def _age(enqueued_at: bytes | None) -> float:
    """Seconds since; a job that has ended meanwhile, or can't be read, is no old one."""
    try:
        at = datetime.fromisoformat((enqueued_at or b"").decode())
    except ValueError:
        return 0.0
    return max((now() - at.replace(tzinfo=at.tzinfo or UTC)).total_seconds(), 0.0)
