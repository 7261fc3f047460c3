"""How a process that runs until SIGTERM learns of it."""

import contextlib
import signal
from queue import Empty, SimpleQueue


class Stop:
    """Told by a signal, or by ``set``; for whoever works in the main thread.

    A handler runs in the main thread, between any two steps of what that does. ``threading.Event`` takes a lock to be
    set: should the main thread hold it then, since it is about to wait, both wait for ever. The queue's ``put`` is made
    to be called from there (Python's documentation of ``queue.SimpleQueue``).
    """

    def __init__(self) -> None:
        self._told: SimpleQueue[bool] = SimpleQueue()

    def on_signals(self) -> None:
        """Let SIGTERM and SIGINT tell, in place of what they did."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.set())

    def set(self) -> None:
        self._told.put(True)

    def is_set(self) -> bool:
        return not self._told.empty()

    def wait(self, seconds: float) -> None:
        """Until told, and no longer than that."""
        with contextlib.suppress(Empty):
            self._told.get(timeout=seconds)
            self.set()
