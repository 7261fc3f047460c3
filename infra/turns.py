"""So many at a time for each name, in all processes of this machine together.

A turn is a lock on one byte of a shared file, whose place follows from the name. The kernel gives it back when its
holder dies, so nothing has to be cleaned up, and no server is asked.
"""

import fcntl
import hashlib
import os
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_SECONDS = 0.05
# Of a file's possible offsets, which end at 2 ** 63.
PLACES = 2**59


class NoTurn(Exception):
    """None became free in time, or too many wait already."""


class Turns:
    """``at_once`` turns for each name. Of one process ``waiting`` threads may wait, each for ``patience`` seconds: who
    waits holds a thread that others need."""

    def __init__(self, file: Path, at_once: int, patience: float, waiting: int) -> None:
        self._file, self._at_once, self._patience = file, at_once, patience
        self._waiting = threading.BoundedSemaphore(waiting)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Take a turn for as long as the block runs.

        Raises:
            NoTurn
        """
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Open for each turn: these locks belong to what was opened, those of POSIX to the whole process.
        handle = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._take(handle, _place(name) * self._at_once)
            yield
        finally:
            os.close(handle)

    def _take(self, handle: int, first: int) -> None:
        if self._is_taken(handle, first):
            return
        if not self._waiting.acquire(blocking=False):
            raise NoTurn
        try:
            until = time.monotonic() + self._patience
            while time.monotonic() < until:
                time.sleep(POLL_SECONDS)
                if self._is_taken(handle, first):
                    return
        finally:
            self._waiting.release()
        raise NoTurn

    def _is_taken(self, handle: int, first: int) -> bool:
        return any(_locked(handle, first + number) for number in range(self._at_once))


def _place(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % PLACES


def _locked(handle: int, place: int) -> bool:
    # struct flock: type, whence, start, length, process (0: none).
    wanted = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, place, 1, 0)
    try:
        fcntl.fcntl(handle, fcntl.F_OFD_SETLK, wanted)
    except (BlockingIOError, PermissionError):
        return False
    return True
