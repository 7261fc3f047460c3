"""A lease: how long one process may go on believing what it has read.

A value read at time t may be used until t + ``seconds``. Whoever takes something away (logout, unpublish, delete)
commits and then waits ``seconds`` before acknowledging, so that every process has asked again by then. That makes
the hottest reads cost nothing and revocation immediate, with no message that could get lost (docs/adr/0004).
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Leases(Generic[Key, Value]):
    """A bounded map whose entries are trusted for ``seconds`` after the read that made them *began*."""

    def __init__(self, seconds: float, size: int = 4096) -> None:
        self.seconds = seconds
        self._size = size
        self._entries: OrderedDict[Key, tuple[float, Value]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key, renew: Callable[[Value | None], Value]) -> Value:
        """The value under ``key``; when its lease is over ``renew(the old value or None)`` reads it again."""
        entry = self._entries.get(key)
        asked = time.monotonic()
        if entry is not None and asked < entry[0]:
            return entry[1]
        value = renew(entry[1] if entry else None)
        with self._lock:
            self._entries[key] = (asked + self.seconds, value)
            self._entries.move_to_end(key)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)
        return value

    def wait_out(self) -> None:
        """Return when every lease given before this call, in any process with the same setting, is over."""
        time.sleep(self.seconds)


class Lru(Generic[Key, Value]):
    """The least recently used entries go first; for values that never change under their key."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[Key, Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        value = self._entries.get(key)
        if value is None:
            value = make()
            self.put(key, value)
        return value

    def put(self, key: Key, value: Value) -> None:
        with self._lock:
            self._entries[key] = value
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)
