"""Counts requests against limits for all processes together, without a Redis round trip per request.

A process fetches permits from Redis in blocks of a twentieth of the limit and hands them out by itself. So nobody ever
gets more than the limit from all processes together, a read does not pay for a round trip, and a limit as small as
that of logins is still counted one by one. What a full window refuses costs no round trip either. Without Redis each
process counts for itself, up to the whole limit, from where it stands.

A window begins with the first request and lasts a minute, where the limit does not say otherwise.
"""

import logging
import math
import threading
import time
from dataclasses import dataclass
from typing import NamedTuple

from redis import Redis
from redis.exceptions import ConnectionError, RedisError, TimeoutError

from infra.watch import Watch

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 60
BLOCKS = 20
# Of one process; the oldest go first. It matters only without Redis, which otherwise remembers.
MOST_WINDOWS = 50_000

_FETCH = """
local total = redis.call('INCRBY', KEYS[1], ARGV[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  left = tonumber(ARGV[2])
  redis.call('PEXPIRE', KEYS[1], left)
end
return {total, left}
"""


@dataclass(frozen=True)
class Limit:
    """At most so many requests a minute, or in as many seconds as it says."""

    name: str
    most: int
    seconds: int = WINDOW_SECONDS

    @property
    def block(self) -> int:
        return max(1, self.most // BLOCKS)


@dataclass(slots=True)
class Window:
    """What one process knows of one holder's minute."""

    limit: Limit
    ends: float
    # When it ends as a client's clock says it.
    resets_at: str = ""
    granted: int = 0
    spent: int = 0
    # By all processes together, as far as known here.
    taken: int = 0
    # There is nothing more to fetch.
    is_full: bool = False

    @property
    def remaining(self) -> int:
        return self.limit.most - self.taken + self.granted - self.spent

    @property
    def seconds_left(self) -> int:
        return max(1, math.ceil(self.ends - time.monotonic()))

    def begin(self, seconds: float) -> None:
        self.ends = time.monotonic() + seconds
        self.resets_at = str(math.ceil(time.time() + seconds))

    def spend(self) -> bool:
        if self.spent >= self.granted:
            return False
        self.spent += 1
        return True

    def grant(self, total: int) -> None:
        """Redis says that all processes have fetched ``total``, this block included."""
        before = self.taken = min(total - self.limit.block, self.limit.most)
        got = min(self.limit.block, self.limit.most - before)
        self.taken = before + got
        self.granted += got
        self.is_full = self.taken == self.limit.most

    def grant_all(self) -> None:
        """Redis says nothing: go on alone."""
        self.granted = self.taken = self.limit.most
        self.is_full = True


class Standing(NamedTuple):
    """Where a holder stands after a request."""

    window: Window
    remaining: int
    is_over: bool


class Limiter:
    """One a process."""

    def __init__(self, redis: Redis, watch: Watch | None = None) -> None:
        self._fetch = redis.register_script(_FETCH)
        self._watch = watch or Watch("Redis", redis.ping)
        self._windows: dict[tuple[str, str], Window] = {}
        self._lock = threading.Lock()

    def count(self, limit: Limit, holder: str, times: int = 1) -> Standing:
        """Count one request of the holder, or what counts as so many."""
        window = self._window(limit, holder)
        is_over = not all(self._spend(window) or self._refill(window, holder) for _ in range(times))
        return Standing(window, window.remaining, is_over)

    def looked_at(self, limit: Limit, holder: str) -> Standing:
        """Where the holder stands without another request, as far as this process knows."""
        window = self._window(limit, holder)
        return Standing(window, window.remaining, window.is_full and window.spent >= window.granted)

    def _window(self, limit: Limit, holder: str) -> Window:
        key = (limit.name, holder)
        window = self._windows.get(key)
        if window is None or window.ends <= time.monotonic():
            window = Window(limit, 0)
            window.begin(limit.seconds)
            self._keep(key, window)
        return window

    def _keep(self, key: tuple[str, str], window: Window) -> None:
        with self._lock:
            self._windows.pop(key, None)
            self._windows[key] = window
            if len(self._windows) > MOST_WINDOWS:
                del self._windows[next(iter(self._windows))]

    def _spend(self, window: Window) -> bool:
        with self._lock:
            return window.spend()

    def _refill(self, window: Window, holder: str) -> bool:
        """Fetch a block and spend one of it, before another thread does."""
        if window.is_full:
            return False
        answer = self._ask(window.limit, holder)
        with self._lock:
            if answer is None:
                window.grant_all()
            else:
                window.grant(answer[0])
                window.begin(answer[1] / 1000)
            return window.spend()

    def _ask(self, limit: Limit, holder: str) -> tuple[int, int] | None:
        """How many all processes have fetched, this block included, and the milliseconds left; None without Redis."""
        if self._watch.is_down:
            return None
        try:
            total, left = self._fetch([f"sinpluma:limit:{limit.name}:{holder}"], [limit.block, limit.seconds * 1000])
        except (ConnectionError, TimeoutError):
            self._watch.suspect()
            return None
        except RedisError as error:
            logger.info("limits are counted without Redis: %s", error)
            return None
        return int(total), int(left)
