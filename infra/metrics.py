"""How many requests of each kind there were, and how long they took: counted by each process, told by any of them.

A scrape reaches one process, so each writes its counts into a file once a second, and whoever is asked adds them up,
those of processes that have died included. A request pays for an addition under a lock: prometheus_client's own way of
sharing costs several times that, each time.
"""

import logging
import os
import threading
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import msgspec
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric

from infra.clock import new_id

logger = logging.getLogger(__name__)

# Few, since each is a number for every route, method and status: a cached read, a save, slow, and what is given up.
BUCKETS = (0.005, 0.02, 0.1, 0.5, 2.0, 5.0)
BOUNDS = (*(str(each) for each in BUCKETS), "+Inf")
LABELS = ("method", "route", "status")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
# What no route matches. Its path is the client's own invention, and there is no end to those.
UNMATCHED = "unmatched"
WRITE_SECONDS = 1.0
# The folder under SINPLUMA_VAR.
METRICS = "metrics"

Kind = tuple[str, str, str]
# How many requests in each bucket, and in the end how many seconds they took together.
Tallies = dict[Kind, list[float]]


def named(route: str | None) -> str:
    """A route's template as people write it: ``/api/v1/notebooks/{notebook_id}``."""
    return (route or UNMATCHED).replace("<", "{").replace(">", "}")


class Requests:
    """What one process has counted."""

    def __init__(self) -> None:
        self._tallies: Tallies = {}
        self._lock = threading.Lock()

    def observe(self, method: str, route: str | None, status: str, seconds: float) -> None:
        """Count a request; ``route`` is its template, such as ``/api/v1/notebooks/<notebook_id>``."""
        kind = (method if method in METHODS else "other", route or UNMATCHED, status)
        bucket = bisect_left(BUCKETS, seconds)
        with self._lock:
            tally = self._tallies.get(kind) or self._tallies.setdefault(kind, [0] * (len(BOUNDS) + 1))
            tally[bucket] += 1
            tally[-1] += seconds

    def counted(self) -> Tallies:
        with self._lock:
            return {kind: list(tally) for kind, tally in self._tallies.items()}


requests = Requests()


class Shared:
    """What all processes with the same folder have counted; without one, what this process has."""

    def __init__(self) -> None:
        self._own: Path | None = None

    def begin(self, folder: Path) -> None:
        """Write what this process counts into the folder, once a second for as long as it lives."""
        folder.mkdir(parents=True, exist_ok=True)
        # The number of a process may come again, and what the first one has counted must stay.
        self._own = folder / f"{os.getpid()}-{new_id()}.json"
        threading.Thread(target=self._go_on, args=[self._own], name="metrics", daemon=True).start()

    def _go_on(self, own: Path) -> None:
        while True:
            threading.Event().wait(WRITE_SECONDS)
            try:
                write(own, requests.counted())
            except OSError as error:
                logger.warning("the counts of requests were not written: %s", error)

    def counted(self) -> Tallies:
        total = requests.counted()
        others = self._own.parent.glob("*.json") if self._own else ()
        for other in others:
            if other != self._own:
                _add(total, read(other))
        return total


shared = Shared()


def write(path: Path, tallies: Tallies) -> None:
    """All at once: whoever reads meanwhile reads what was there before."""
    new = path.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(list(tallies.items())))
    new.replace(path)


def read(path: Path) -> Tallies:
    return dict(msgspec.json.decode(path.read_bytes(), type=list[tuple[Kind, list[float]]]))


def _add(total: Tallies, more: Tallies) -> None:
    for kind, tally in more.items():
        known = total.get(kind)
        total[kind] = [a + b for a, b in zip(known, tally, strict=True)] if known else tally


def collect() -> Iterator[Metric]:
    """The requests of all processes, for Prometheus."""
    totals = CounterMetricFamily("sinpluma_http_requests", "Requests answered.", labels=LABELS)
    durations = HistogramMetricFamily(
        "sinpluma_http_request_duration_seconds", "Until the answer was ready to be sent.", labels=LABELS
    )
    for (method, route, status), (*counts, seconds) in sorted(shared.counted().items()):
        labels = [method, named(route), status]
        totals.add_metric(labels, sum(counts))
        durations.add_metric(labels, list(zip(BOUNDS, accumulate(counts), strict=True)), seconds)
    yield from (totals, durations)
