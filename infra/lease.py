"""A lease: how long one process may go on believing what it has read.

A value read at time t may be used until t + ``seconds``. Whoever takes something away (logout, unpublish, delete)
commits and then waits ``seconds`` before acknowledging, so that every process has asked again by then. That makes
the hottest reads cost nothing and revocation immediate, with no message that could get lost (docs/adr/0004).
"""

import time
from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

from infra.memory import Memory

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Lease(NamedTuple, Generic[Value]):
    value: Value
    renew_at: float
    ends_at: float


def _few_bytes(_: object) -> int:
    """What a row without long texts takes, key and all."""
    return 1024


class Leases(Generic[Key, Value]):
    """Values that are trusted for ``seconds`` after the read that made them *began*. They lie in a memory that is
    shared with others, under the name of their ``kind``; ``weigh`` says how many bytes a value takes."""

    def __init__(self, seconds: float, memory: Memory, kind: str, weigh: Callable[[Value], int] = _few_bytes) -> None:
        self._seconds = seconds
        self._memory = memory
        self._kind = kind
        self._weigh = weigh

    def get(self, key: Key, renew: Callable[[Key, Value | None], Value]) -> Value:
        """The value under ``key``; when its lease is over ``renew(key, the old value or None)`` reads it again."""
        lease: Lease[Value] | None = self._memory.get((self._kind, key))
        asked = time.monotonic()
        if lease and asked < lease.renew_at:
            return lease.value
        if lease and asked < lease.ends_at:
            # In its second half one caller renews it while the others go on: at its end all would ask at once.
            self._keep(key, lease._replace(renew_at=lease.ends_at))
        value = renew(key, lease.value if lease else None)
        self._keep(key, Lease(value, asked + self._seconds / 2, asked + self._seconds))
        return value

    def _keep(self, key: Key, lease: Lease[Value]) -> None:
        self._memory.put((self._kind, key), lease, self._weigh(lease.value))


def wait_out(seconds: float) -> None:
    """Return when every lease of so many seconds that was given before this call, in any process, is over."""
    time.sleep(seconds)
