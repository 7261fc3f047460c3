"""Requests that are sent again and again beside the writers, and how long each had to wait."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.chaos.client import Answer

PAUSE = 0.1


@dataclass(frozen=True)
class Wait:
    """``status`` None: there was no answer, and ``problem`` says why."""

    began: float
    seconds: float
    status: int | None
    problem: str = ""


class Probe:
    """``with Probe(ask) as probe``: ``ask`` is called inside again and again, by a thread of its own."""

    def __init__(self, ask: Callable[[], Answer], pause: float = PAUSE) -> None:
        self._ask = ask
        self._pause = pause
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.waits: list[Wait] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._pause):
            began = time.monotonic()
            answer = self._ask()
            problem = "" if answer.status else str(answer.body)
            self.waits.append(Wait(began, time.monotonic() - began, answer.status, problem))

    def between(self, since: float, until: float) -> list[Wait]:
        """Those that began then."""
        return [wait for wait in list(self.waits) if since <= wait.began < until]


def slowest(waits: Iterable[Wait]) -> float:
    return max((wait.seconds for wait in waits), default=0.0)


def percentile(waits: Iterable[Wait], share: float) -> float:
    """The seconds that this share of the answers took at most."""
    seconds = sorted(wait.seconds for wait in waits)
    return seconds[min(len(seconds) - 1, int(share * len(seconds)))] if seconds else 0.0


def statuses(waits: Iterable[Wait]) -> Counter[int | None]:
    return Counter(wait.status for wait in waits)
