"""What the service takes while nobody uses it."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.client import Author
from bench.figures import Gauge
from bench.processor import is_python, megabytes, seconds
from bench.running import Running

REST_SECONDS = 60.0
SETTLE_SECONDS = 10.0


def works(_: Running) -> Iterator[Gauge]:
    # Beside whatever other rows have left: a service that has just been started, with what `run.py up` starts.
    with tempfile.TemporaryDirectory(prefix="sinpluma-bench-") as folder, Running(Path(folder)) as running:
        yield from _asleep(running)


def _asleep(running: Running) -> Iterator[Gauge]:
    running.start("linguistics")
    # With nothing to do they would be taken for asleep also if they were not there.
    author = Author(running.port)
    author.page(author.notebook(), "A heron.")
    running.settle()
    # What starts takes seconds to come to rest, and the clock does then what is due.
    time.sleep(SETTLE_SECONDS)
    yield Gauge("processor at rest", "the whole stack, servers included, of one core", 2.0, "%", lambda: _busy(running))
    yield Gauge("memory at rest", "PSS of API, relay, clock and workers", 400.0, "MB", lambda: _memory(running))


def _busy(running: Running) -> float:
    pids = running.pids()
    before, began = seconds(pids), time.monotonic()
    time.sleep(REST_SECONDS)
    return 100 * (seconds(pids) - before) / (time.monotonic() - began)


def _memory(running: Running) -> float:
    return megabytes(pid for pid in running.pids() if is_python(pid))
