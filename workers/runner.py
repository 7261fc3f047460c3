"""An RQ worker on exactly one queue."""

import contextlib
import logging
import os
import time
from typing import Any

from redis.exceptions import RedisError, ResponseError
from rq import Worker
from rq.exceptions import NoSuchJobError, StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer

from events import relay
from events.subscriptions import REACTIONS
from infra import broker
from infra.queue_depths import DROPPED_JOBS
from infra.rq_json import forbid_pickle
from infra.settings import Settings
from workers.reaction import prepare
from workers.staying import StayingWorker

logger = logging.getLogger(__name__)

# RQ gives a job that lost its worker back only in maintenance; its default is ten minutes.
MAINTENANCE_SECONDS = 15
WORKER_TTL_SECONDS = 30
PAUSE_SECONDS = 2.0


class RelayedJob(Job):
    """A job as the relay makes it; for RQ there are no others.

    Whoever can reach Redis can leave anything there. RQ imports and calls whatever a job names; and a worker that
    meets an id or a time it can't read dies of it, then of its remains at each new start.
    """

    @classmethod
    def fetch(cls, id: str, *arguments: Any, **options: Any) -> Job:
        """
        Raises:
            NoSuchJobError: also for a job that is not the relay's; RQ passes over it.
            StopRequested: SIGTERM came while it was read.
        """
        try:
            job = super().fetch(id, *arguments, **options)
            problem = None if _is_the_relays(job) else f"it calls {job.func_name}"
        except RedisError:
            raise
        except Exception as error:
            # SIGTERM raises it wherever the worker is, here too, and RQ wraps what is raised while it deserializes.
            # Taken for a damaged job, it would be forgotten, and the worker would wait for jobs until it is killed.
            if isinstance(error, StopRequested) or isinstance(error.__cause__, StopRequested):
                raise StopRequested from error
            problem = f"unreadable: {error}"
        if problem is not None:
            connection = options.get("connection") or arguments[0]
            # RQ passes over it and leaves it where it is, for ever; its id as well, until it looks for lost jobs.
            if connection.unlink(cls.key_for(id)):
                logger.error("dropped a job that is not ours", extra={"problem": problem[:200]})
                with contextlib.suppress(ResponseError):  # whoever made the job may have put something else there, too
                    connection.incr(DROPPED_JOBS)
            raise NoSuchJobError
        return job


def _is_the_relays(job: Job) -> bool:
    """Whether it calls ``workers.reaction.react`` as it is declared."""
    match [job.func_name, *job.args]:
        case [relay.REACT, str(reaction), list(ids)] | [relay.REACT, str(reaction), list(ids), bool()]:
            return not job.kwargs and reaction in REACTIONS and all(_is_id(each) for each in ids)
    return False


def _is_id(value: object) -> bool:
    return isinstance(value, str) and value.isascii()


def main(settings: Settings, queue: str) -> None:
    """Work until SIGTERM; the job under way is finished first."""
    # Forking keeps a job's memory and its crash to itself; the modules are imported here, once, before the fork.
    prepare()
    forbid_pickle()
    _await_redis(settings)
    make_worker(settings, queue).work(with_scheduler=False, logging_level="WARNING")


def _await_redis(settings: Settings) -> None:
    """Wait here: RQ's worker ends where it finds no Redis, and to be started again takes a second of the processor each
    time, from those who write meanwhile."""
    redis = broker.connect(settings)
    while True:
        try:
            redis.ping()
            return
        except RedisError as error:
            logger.warning("the worker waits for Redis: %s", error)
            time.sleep(PAUSE_SECONDS)
        finally:
            redis.close()


def make_worker(settings: Settings, queue: str) -> Worker:
    # One queue a worker: on several RQ pops before it registers, and a worker that dies in between loses the job.
    # The connection is its own: RQ raises the time limits of the pool that it is given.
    return StayingWorker(
        [queue],
        connection=broker.connect(settings, timeout=None),
        name=f"{queue}-{os.uname().nodename}-{os.getpid()}",
        serializer=JSONSerializer,
        job_class=RelayedJob,
        maintenance_interval=MAINTENANCE_SECONDS,
        worker_ttl=WORKER_TTL_SECONDS,
    )
