"""A lease: how long one process may go on believing what it has read.

A value read at time t may be used until t + ``seconds``. Whoever takes something away (logout, unpublish, delete)
commits and then waits ``seconds`` before acknowledging, so that every process has asked again by then. That makes
the hottest reads cost nothing and revocation immediate, with no message that could get lost (docs/adr/0004).
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Lease(NamedTuple, Generic[Value]):
    value: Value
    renew_at: float
    ends_at: float


class Leases(Generic[Key, Value]):
    """A bounded map whose entries are trusted for ``seconds`` after the read that made them *began*."""

    def __init__(self, seconds: float, size: int = 4096) -> None:
        self.seconds = seconds
        self._size = size
        self._leases: OrderedDict[Key, Lease[Value]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key, renew: Callable[[Value | None], Value]) -> Value:
        """The value under ``key``; when its lease is over ``renew(the old value or None)`` reads it again."""
        lease = self._leases.get(key)
        asked = time.monotonic()
        if lease and asked < lease.renew_at:
            return lease.value
        if lease and asked < lease.ends_at:
            # In its second half one caller renews it while the others go on: at its end all would ask at once.
            self._keep(key, lease._replace(renew_at=lease.ends_at))
        value = renew(lease.value if lease else None)
        self._keep(key, Lease(value, asked + self.seconds / 2, asked + self.seconds))
        return value

    def _keep(self, key: Key, lease: Lease[Value]) -> None:
        with self._lock:
            self._leases[key] = lease
            self._leases.move_to_end(key)
            while len(self._leases) > self._size:
                self._leases.popitem(last=False)

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
