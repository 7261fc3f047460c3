"""A breaker: what has failed a few times in a row is left alone for a moment, so that nobody waits for it."""

import threading
import time

MOST_FAILURES = 3
PROBE_SECONDS = 1.0


class Breaker:
    """Open after ``MOST_FAILURES`` in a row; then one caller a second may try again."""

    def __init__(self) -> None:
        self._failures = 0
        self._retry_at = 0.0
        self._lock = threading.Lock()

    def is_open(self) -> bool:
        if self._failures < MOST_FAILURES:
            return False
        with self._lock:
            if time.monotonic() < self._retry_at:
                return True
            self._retry_at = time.monotonic() + PROBE_SECONDS
            return False

    def failed(self) -> None:
        with self._lock:
            self._failures += 1
            self._retry_at = time.monotonic() + PROBE_SECONDS

    def worked(self) -> None:
        self._failures = 0
