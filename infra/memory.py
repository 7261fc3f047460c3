"""What one process remembers, bounded in bytes. All of its caches share one memory, so that one setting bounds them."""

import threading
from collections.abc import Hashable
from typing import Any

from cachetools import LRUCache

# What an entry costs besides its value: its key, and its places in cachetools' three dictionaries.
ENTRY_BYTES = 1024


class Memory:
    """The least recently used entries make room. Keys are tuples whose first part names the cache."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._entries: LRUCache[Hashable, tuple[Any, int]] = LRUCache(most_bytes, getsizeof=_size)
        # A hit changes the order of use, so it needs the lock as well.
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Any:
        """The value, None when it is not here."""
        with self._lock:
            try:
                return self._entries[key][0]
            except KeyError:
                return None

    def put(self, key: Hashable, value: Any, value_bytes: int) -> None:
        """Remember a value of about ``value_bytes``; one that exceeds the whole memory is forgotten at once."""
        size = value_bytes + ENTRY_BYTES
        with self._lock:
            if size > self._most_bytes:
                self._entries.pop(key, None)
            else:
                self._entries[key] = (value, size)

    @property
    def used_bytes(self) -> int:
        return int(self._entries.currsize)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()


def _size(entry: tuple[Any, int]) -> int:
    return entry[1]
