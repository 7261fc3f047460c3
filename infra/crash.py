"""Named points at which a test lets this process die, or stand still, as if the power had gone.

``SINPLUMA_CRASH=NAME:N:FILE`` kills the process that is the N-th to pass the point NAME; FILE counts the passes of all
processes, so it happens once, whoever is forked or started again. With ``:stop`` at its end the process is stopped
instead, as by SIGSTOP, and with ``:hang`` it sleeps. Unset, as it always is but in tests, a point is a call that does
nothing.
"""

import os
import signal
import time
from collections.abc import Callable

VARIABLE = "SINPLUMA_CRASH"
HANG_SECONDS = 120.0
_ENDS: dict[str, Callable[[], None]] = {
    "": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "hang": lambda: time.sleep(HANG_SECONDS),
}


def point(name: str) -> None:
    """Tests may kill the process here."""
    if _armed:
        _armed(name)


def arm(wish: str) -> None:
    """What the variable says, for a process that is forked."""
    global _armed
    _armed = _crash_at(wish) if wish else None


def _crash_at(wish: str) -> Callable[[str], None]:
    wanted, number, file, *more = wish.split(":")

    def passed(name: str) -> None:
        if name == wanted and _count(file) == int(number):
            _ENDS[more[0] if more else ""]()

    return passed


def _count(file: str) -> int:
    """How many passes there were, this one included: each leaves a byte, and appending is atomic."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, b".")
        return os.lseek(descriptor, 0, os.SEEK_CUR)
    finally:
        os.close(descriptor)


_armed: Callable[[str], None] | None = None
arm(os.environ.get(VARIABLE, ""))
