"""What never changes once it is made: finished bytes, under a key that says of what and in which shape they were made.

A key begins with what kind of answer it is and the shape's digest; ids and versions follow. So nothing here is ever
stale, and nothing has to be thrown away but for want of room. Who may see it is for the caller to know.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, TimeoutError

from infra.database import retried
from infra.memory import Memory
from infra.shared_cache import SharedCache, tell_again_at
from queries.answer import Answer, Shape, encode, etag_of

logger = logging.getLogger(__name__)
Key = tuple[object, ...]
Found = TypeVar("Found")


class Kept:
    """An answer in memory. ``owner_id`` is whose draft it is, None for what readers may see."""

    __slots__ = ("body", "etag", "owner_id", "tell_again_at")

    def __init__(self, body: bytes, etag: str, owner_id: str | None, tell_again_at: float) -> None:
        self.body = body
        self.etag = etag
        self.owner_id = owner_id
        self.tell_again_at = tell_again_at


class Settled:
    def __init__(self, memory: Memory, shared: SharedCache, reading: Engine, replica: Engine | None) -> None:
        self._memory = memory
        self._shared = shared
        self._reading = reading
        self._replica = replica

    # --- drafts: in memory alone -------------------------------------------------------------------------------

    def draft(self, key: Key) -> Kept | None:
        """The answer under this key, if it was made before."""
        kept: Kept | None = self._memory.get(key)
        return kept

    def keep_draft(self, key: Key, owner_id: str, shape: Shape, *found: Any) -> Kept:
        """Make the answer of what was found. Its ETag names the version, for If-Match."""
        presented = shape.present(*found)
        body = encode(presented)
        return self._keep(key, Kept(body, etag_of(body, presented["version"]), owner_id, 0))

    def piece(self, key: Key) -> msgspec.Raw | None:
        """A part of an answer under this key, if it was made before."""
        made: bytes | None = self._memory.get(key)
        return None if made is None else msgspec.Raw(made)

    def keep_piece(self, key: Key, presented: Any) -> msgspec.Raw:
        made = encode(presented)
        self._memory.put(key, made, len(made))
        return msgspec.Raw(made)

    # --- what readers see: in Redis as well --------------------------------------------------------------------

    def shown(self, key: Key) -> Kept | None:
        """The answer under this key, from memory or else from Redis."""
        kept: Kept | None = self._memory.get(key)
        if kept is None:
            body = self._shared.get(_name(key))
            return self._keep(key, Kept(body, etag_of(body), None, 0)) if body is not None else None
        if kept.tell_again_at < time.monotonic():
            kept.tell_again_at = tell_again_at(self._shared.put(_name(key), kept.body))
        return kept

    def keep_shown(self, key: Key, shape: Shape, *found: Any) -> Kept:
        """Make the answer of what was found, and tell the other processes."""
        body = encode(shape.present(*found))
        told = self._shared.put(_name(key), body)
        return self._keep(key, Kept(body, etag_of(body), None, tell_again_at(told)))

    @retried
    def read(self, read: Callable[..., Found | None], *wanted: Any) -> Found:
        """What ``read(connection, …)`` finds of a version that exists. A replica may be asked, and nothing else asks
        one: it lags, so it may not have the version yet, but what it has is right (docs/adr/0014).

        Raises:
            LookupError: the primary has not got it either.
        """
        found = self._of_replica(read, wanted)
        if found is None:
            with self._reading.connect() as connection:
                found = read(connection, *wanted)
        if found is None:
            raise LookupError(f"the log does not hold what it names: {wanted}")
        return found

    def _of_replica(self, read: Callable[..., Found | None], wanted: tuple[Any, ...]) -> Found | None:
        if self._replica is None:
            return None
        try:
            with self._replica.connect() as connection:
                return read(connection, *wanted)
        except (DBAPIError, TimeoutError) as error:
            logger.warning("the replica did not answer: %s", type(error).__name__)
            return None

    # --- bytes of other kinds ----------------------------------------------------------------------------------

    def bytes_of(self, key: Key, make: Callable[..., bytes], *wanted: Any) -> bytes:
        """Small bytes that never change under their key, in memory alone."""
        found: bytes | None = self._memory.get(key)
        if found is None:
            found = make(*wanted)
            self._memory.put(key, found, len(found))
        return found

    def _keep(self, key: Key, kept: Kept) -> Kept:
        self._memory.put(key, kept, len(kept.body))
        return kept


def answer_of(kept: Kept, is_public: bool) -> Answer:
    return Answer(kept.body, kept.etag, is_public)


def _name(key: Key) -> str:
    return "answer:" + ":".join(map(str, key))
