"""From a save's acknowledgement to the search that finds it, beside writers at half of the top rate."""

import itertools
import json
import threading
import time
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection
from statistics import quantiles

from bench.client import HOST, Author
from bench.figures import Gauge
from bench.prose import Prose
from bench.running import Running
from bench.works.saving import CHARACTERS, CLIENTS, Saves

PROBES = 60
TEXTS = 300
# Each look is a search, and so a load of its own.
POLL_SECONDS = 0.02
MOST_SECONDS = 30.0
HUNDRED_MILLISECONDS, A_SECOND = 100.0, 1000.0


def works(running: Running) -> Iterator[Gauge]:
    lags = Lags(running)
    beside = f"{CLIENTS} writers at half of the top rate"
    # In this order: the second tells of the run that the first one made.
    yield Gauge("from save to searchable, p50", beside, HUNDRED_MILLISECONDS, "ms", lambda: lags.run()[49])
    yield Gauge("from save to searchable, p99", beside, A_SECOND, "ms", lambda: lags.run()[98])


class Lags:
    def __init__(self, running: Running) -> None:
        self._running = running
        saves = Saves(running)
        top = saves.run()
        running.settle()
        self._pause = 2 * CLIENTS * top.seconds / top.count
        prose = Prose(seed=6)
        # Ahead: to make them meanwhile would take the processor from the service.
        texts = [prose.of_length(CHARACTERS) for _ in range(TEXTS)]
        self._writers = [_Client(running.port, texts) for _ in range(CLIENTS)]
        self._probe = _Client(running.port, texts)

    def run(self) -> list[float]:
        """The percentiles of the lags, in milliseconds."""
        stop = threading.Event()
        writing = [threading.Thread(target=self._write, args=(each, stop)) for each in self._writers]
        for each in writing:
            each.start()
        try:
            lags = [self._probe.lag() for _ in range(PROBES)]
        finally:
            stop.set()
            for each in writing:
                each.join()
        self._running.settle()
        return quantiles((1000 * each for each in lags), n=100, method="inclusive")

    def _write(self, client: "_Client", stop: threading.Event) -> None:
        due = time.monotonic()
        while not stop.is_set():
            client.save(client.text())
            due += self._pause
            stop.wait(due - time.monotonic())


class _Client:
    """An author with one page and one connection."""

    _words = itertools.count(1)
    _numbers = itertools.count(1)

    def __init__(self, port: int, texts: Sequence[str]) -> None:
        author = Author(port)
        self._texts = texts
        self._path = author.page(author.notebook(), "A heron.")
        self._headers = {"Authorization": f"Bearer {author.token}", "Content-Type": "application/json"}
        self._connection = HTTPConnection(HOST, port, timeout=30)

    def text(self) -> str:
        """No two are the same, or a save would be none."""
        number = next(self._numbers)
        return f"{number:08} {self._texts[number % len(self._texts)]}"

    def save(self, text: str) -> None:
        self._ask("PUT", self._path, json.dumps({"content": text}))

    def lag(self) -> float:
        """Save a word that stands nowhere else, and wait until it is found."""
        word = f"qx{next(self._words)}zv"
        self.save(f"{self.text()} {word}")
        began = time.monotonic()
        while not json.loads(self._ask("GET", f"/search?scope=mine&q={word}"))["total"]:
            if time.monotonic() > began + MOST_SECONDS:
                raise TimeoutError(f"a save was not found within {MOST_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)
        return time.monotonic() - began

    def _ask(self, method: str, path: str, body: str | None = None) -> bytes:
        self._connection.request(method, f"/api/v1{path}", body, self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {content!r}")
        return content
