"""The only bridge from MySQL to Redis.

Each round turns new events into deliveries and sends what is due, in batches of ids. A reaction that has jobs enough
waiting gets no more for now: under load the batches grow instead of the queue, so Redis stays small and a wiped
Redis costs little.
"""

import logging
import math
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import TypeVar

from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from events import deliveries, holds
from events.log import requests_of
from events.subscriptions import AGAIN_QUEUE, REACTIONS, Subscriptions
from infra import broker, crash
from infra.database import BACKGROUND_SECONDS, retrying, write_engine
from infra.nudge import AWAKE_SECONDS, await_nudge
from infra.settings import Settings
from infra.stopping import Stop

log = logging.getLogger(__name__)

Result = TypeVar("Result")

FAN_OUT = 1000
# Each of them alone, in a transaction of its own.
AGAIN_BATCH = 50
BATCH = 1000
# A job hands back what it has not begun after ten seconds (workers/reaction.py). So one that waits behind no more than
# the job under way is as a rule done before it falls due again; sent twice, it would be tried event by event, which
# takes five times as long.
MOST_WAITING = 1
RESEND_AFTER = timedelta(seconds=30)
ROUND_SECONDS = 0.02
# Pokes get lost, and the clock and the workers send none.
LONGEST_SLEEP_SECONDS = 1
# The relay's statements are small: one that takes longer hangs, and another connection may not.
STATEMENT_SECONDS = 10.0
REACT = "workers.reaction.react"
# Gone when Redis has been wiped or replaced, and with it every job that was sent.
SENTINEL_KEY = "sinpluma:queues-alive"
NO_PAUSES = dict.fromkeys(REACTIONS, 0.0)


class Relay:
    """One round is ``run_once``; everything it does may be done twice, by several relays, and in any order.

    ``pauses``: how many seconds must lie between two jobs of a reaction. ``tells``: whether the
    log says which requests' events were handed out.
    """

    def __init__(
        self,
        engine: Engine,
        redis: Redis,
        subscriptions: Subscriptions,
        pauses: Mapping[str, float] = NO_PAUSES,
        tells: bool = True,
    ) -> None:
        self._engine = engine
        self._redis = redis
        self._subscriptions = subscriptions
        self._pauses = pauses
        self._tells = tells
        self._sent_at = dict.fromkeys(REACTIONS, -math.inf)
        # Whether the last round left something that is due: a queue was full, or its reaction had just had a job.
        self.is_behind = False

    def run_once(self) -> int:
        """Fan out and send; the number of things done, 0 when there was nothing to do."""
        if self._redis.set(SENTINEL_KEY, "1", nx=True):
            self._resend_all()
        return self._fan_out() + self._send_due()

    def _fan_out(self) -> int:
        # Most rounds find nothing, and a plain SELECT is cheaper than a locking transaction; the same goes for what is
        # due.
        if not self._commit(deliveries.has_new):
            return 0
        taken = self._commit(lambda connection: deliveries.fan_out(connection, self._subscriptions, FAN_OUT))
        crash.point("fan-out committed")
        if taken and self._tells:
            requests = self._commit(lambda connection: requests_of(connection, taken))
            log.info("handed out %d events", len(taken), extra={"requests": requests})
        return len(taken)

    def _commit(self, work: Callable[[Connection], Result]) -> Result:
        def transaction() -> Result:
            with self._engine.begin() as connection:
                return work(connection)

        return retrying(transaction, BACKGROUND_SECONDS)

    def _send_due(self) -> int:
        lanes = self._commit(deliveries.due_now)
        self.is_behind = bool(lanes)
        rested = [(reaction, again) for reaction, again in lanes if again or self._has_rested(reaction)]
        held = holds.held(self._redis, {reaction for reaction, again in rested if not again})
        return sum(self._send(reaction, again) for reaction, again in rested if again or reaction not in held)

    def _has_rested(self, reaction: str) -> bool:
        return time.monotonic() >= self._sent_at[reaction] + self._pauses[reaction]

    def _resend_all(self) -> None:
        try:
            resent = self._commit(deliveries.resend_all)
        except DBAPIError:
            # Delete the sentinel again, so that the next round retries this.
            self._redis.delete(SENTINEL_KEY)
            raise
        log.warning("the queues were empty or new: everything pending is due again", extra={"deliveries": resent})

    def _send(self, reaction: str, again: bool) -> int:
        if again:
            # The queue belongs to another reaction: with one more job allowed than that reaction may have waiting, it
            # cannot crowd this one out.
            return self._send_to(AGAIN_QUEUE, MOST_WAITING + 1, reaction, AGAIN_BATCH, again)
        sent = self._send_to(reaction, MOST_WAITING, reaction, BATCH, again)
        if sent:
            self._sent_at[reaction] = time.monotonic()
        return sent

    def _send_to(self, queue_name: str, most_waiting: int, reaction: str, limit: int, again: bool) -> int:
        queue = broker.queue(self._redis, queue_name)
        if queue.count >= most_waiting:
            return 0
        # Commit before enqueue: a crash in between costs a pause of RESEND_AFTER, never an event. The other way
        # round a job could run before its claim was visible.
        event_ids = self._commit(lambda owed: deliveries.claim_due(owed, reaction, limit, RESEND_AFTER, again))
        if event_ids:
            crash.point("relay claimed")
            arguments = (reaction, event_ids, again) if again else (reaction, event_ids)
            options = {"result_ttl": 0, "failure_ttl": broker.FAILED_JOB_SECONDS, "description": reaction}
            queue.enqueue(REACT, args=arguments, **options)
            crash.point("relay enqueued")
        return len(event_ids)


def run(relay: Relay, stop: Stop, sleep: Callable[[], bool]) -> None:
    """One round after the other until stopped: without a pause while there is more to do than one round takes, and
    with a short one as long as anything is due, or was a moment ago. Then ``sleep``, which says whether it was woken.
    """
    awake_until = 0.0
    while not stop.is_set():
        try:
            done = relay.run_once()
            is_busy = done > 0 or relay.is_behind
            if is_busy or time.monotonic() < awake_until:
                stop.wait(0.0 if done >= FAN_OUT else ROUND_SECONDS)
            else:
                is_busy = sleep()
            if is_busy:
                awake_until = time.monotonic() + AWAKE_SECONDS
        except (RedisError, DBAPIError) as error:
            log.warning("the relay waits for a server: %s", error)
            stop.wait(1.0)


def main(settings: Settings, subscriptions: Subscriptions, pauses: Mapping[str, float]) -> None:
    """Run until SIGTERM or SIGINT; the round under way is finished first."""
    stop = Stop()
    stop.on_signals()
    redis = broker.connect(settings)
    engine = write_engine(settings, pool_size=1, patience=STATEMENT_SECONDS)
    relay = Relay(engine, redis, subscriptions, pauses, tells=settings.access_log != "none")
    run(relay, stop, partial(await_nudge, redis, LONGEST_SLEEP_SECONDS))
