"""A watch over a server that requests ask.

A server that hangs makes each request that asks it wait out its timeout; a few dozen of them take all threads, and then
requests wait that need no server. So the first request that fails sets the watch: the others do without at once, and a
thread probes the server until it answers. No request is ever the one that tries (docs/adr/0013, docs/adr/0022).
"""

import logging
import threading
from collections.abc import Callable

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 0.25


class Watch:
    """``probe`` asks the server, briefly, and raises when it does not answer."""

    def __init__(self, name: str, probe: Callable[[], object]) -> None:
        self._name = name
        self._probe = probe
        self._lock = threading.Lock()
        self._pause = threading.Event()
        self.is_down = False

    def suspect(self) -> None:
        """The server left someone waiting or could not be reached: nobody else is to ask it until it answers."""
        with self._lock:
            if self.is_down:
                return
            self.is_down = True
        logger.warning("%s does not answer: nobody waits for it until it does", self._name)
        threading.Thread(target=self._wait_for_answer, name="watch", daemon=True).start()

    def _wait_for_answer(self) -> None:
        while not self._answers():
            self._pause.wait(PAUSE_SECONDS)
        self.is_down = False
        logger.warning("%s answers again", self._name)

    def _answers(self) -> bool:
        try:
            self._probe()
        except Exception as error:
            logger.debug("no answer yet: %s", error)
            return False
        return True
