"""A worker that forks less often: the process that it forked for a job stays, and takes what falls due meanwhile.

A fork costs more than many events, most of it the kernel's copies of page tables (docs/adr/0042). Whoever stays claims
exactly as the relay does, so which of them sends an event changes nothing about when it is done, tried again or parked.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.job import Job

from events import holds
from infra import reporting
from workers.reaction import Reactor, reactor_of

logger = logging.getLogger(__name__)

# Most of the forks are saved by then, and a worker that is told to stop waits for it. Less than relay.RESEND_AFTER by
# far, so that a job that waits behind is begun before its events fall due again.
STAY_SECONDS = 2.0


class StayingWorker(Worker):
    def perform_job(self, job: Job, queue: Queue) -> bool:
        """In the forked process: do the job, and stay unless there is work for several."""
        reaction, event_ids, *again = job.args
        reactor = reactor_of(reaction)
        if any(again) or len(event_ids) >= reactor.reaction.at_once:
            return super().perform_job(job, queue)
        with _held(self.connection, reaction):
            is_done = super().perform_job(job, queue)
            if is_done:
                stay(self.connection, reactor)
        return is_done


def stay(redis: Redis, reactor: Reactor, seconds: float = STAY_SECONDS) -> None:
    """Claim and handle what is due, batch after batch with the reaction's pause before each, until there is nothing, or
    a full batch: that is a backlog, of which workers elsewhere shall have their part."""
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            time.sleep(reactor.reaction.pause)
            holds.hold(redis, reactor.name)
            event_ids = reactor.claim()
            reactor.work_off(event_ids)
            if not 0 < len(event_ids) < reactor.reaction.at_once:
                return
    except Exception as error:
        # What was claimed falls due again by itself.
        logger.warning("%s: the process stays no longer", reactor.name, exc_info=error)
    finally:
        reporting.flush()


@contextmanager
def _held(redis: Redis, reaction: str) -> Iterator[None]:
    """A hint: the job is done without it."""
    with suppress(RedisError):
        holds.hold(redis, reaction)
    try:
        yield
    finally:
        with suppress(RedisError):
            holds.release(redis, reaction)
