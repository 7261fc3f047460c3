"""A poke from who has committed an event to the relay, which sleeps while there is nothing to do.

It is a hint: one that is lost costs a second, since the relay looks by itself as often as that. It is one element in a
list and never more, so nothing piles up while no relay runs.
"""

import threading
import time

from redis import Redis
from redis.exceptions import RedisError

from infra.watch import Watch

KEY = "sinpluma:nudge"
# Whoever was poked stays awake for AWAKE_SECONDS. In half that time no second poke is needed, however many events
# there are: what commits right after the last look that a poke began is found by a later one.
AWAKE_SECONDS = 1.0
PAUSE_SECONDS = AWAKE_SECONDS / 2


class Nudge:
    """The side that pokes; ``redis`` must have short time limits."""

    def __init__(self, redis: Redis, watch: Watch) -> None:
        self._redis = redis
        self._watch = watch
        self._lock = threading.Lock()
        self._next_at = 0.0

    def poke(self) -> None:
        """Wake a relay. Fails in silence: the relay wakes by itself."""
        with self._lock:
            if self._watch.is_down or time.monotonic() < self._next_at:
                return
            self._next_at = time.monotonic() + PAUSE_SECONDS
        try:
            with self._redis.pipeline(transaction=False) as both:
                both.lpush(KEY, "1")
                both.ltrim(KEY, 0, 0)
                both.execute()
        except RedisError:
            self._watch.suspect()


def await_nudge(redis: Redis, seconds: int) -> bool:
    """Sleep until someone pokes, or for so many seconds; whether someone did."""
    return redis.blpop([KEY], seconds) is not None
