"""A limit of time for one piece of work, whatever it does."""

import faulthandler
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# What does not even hear a signal, because it never comes back from a library written in C, ends with its process.
GRACE_SECONDS = 5.0
STDERR = 2


class TookTooLong(Exception):
    """The work was broken off at some point or other; a connection that it used is of no use any more."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Break off what is done within it.

    Raises:
        TookTooLong
    """
    # Only there Python hears signals; tests run reactions elsewhere too.
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def break_off(_: int, __: FrameType | None) -> None:
        raise TookTooLong(f"it took longer than {seconds:g} seconds")

    began = time.monotonic()
    # RQ has a limit of its own on the same clock, for the whole job; it goes on after this.
    before = signal.signal(signal.SIGALRM, break_off)
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    faulthandler.dump_traceback_later(seconds + GRACE_SECONDS, exit=True, file=STDERR)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 0.001))
