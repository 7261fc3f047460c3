"""A process that is told to stop at any moment does stop."""

import ast
import subprocess
import sys
import time

import pytest

from infra.settings import CHECKOUT
from infra.stopping import Stop

ROOMS = ("api", "deploy", "domain", "events", "infra", "linguistics", "operate", "queries", "read_models", "seeding")
# Each of these tells a Stop, raises, or is what stood there before.
HANDLERS = {"lambda *_: self.set()", "_end", "_interrupt", "_raise_stop", "break_off", "before", "handler"} | {
    "signal.SIG_IGN",
    "signal.SIG_DFL",
}
PATIENCE = 60
# A signal every thirty microseconds, while the main thread does nothing but begin to wait and end it.
INTERRUPTED = """
import signal, threading
from infra.stopping import Stop
stop = {stop}
signal.signal(signal.SIGALRM, lambda *_: stop.set())
signal.setitimer(signal.ITIMER_REAL, 0.00003, 0.00003)
for _ in range(50_000):
    stop = {stop}
    stop.wait(0.0)
signal.setitimer(signal.ITIMER_REAL, 0)
print("done")
"""


def interrupted(stop: str, patience: float) -> str:
    command = [sys.executable, "-c", INTERRUPTED.format(stop=stop)]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=patience, check=True).stdout


def test_a_handler_may_interrupt_any_step_of_a_wait() -> None:
    assert interrupted("Stop()", PATIENCE) == "done\n"


def test_so_it_may_not_with_an_event() -> None:
    """It waits for ever, or until too many handlers interrupt each other. Should that be mended, ours can go."""
    with pytest.raises((subprocess.TimeoutExpired, subprocess.CalledProcessError)):
        interrupted("threading.Event()", 5)


def test_who_waits_is_told_at_once_and_stays_told() -> None:
    stop = Stop()
    stop.wait(0.0)
    assert not stop.is_set()
    stop.set()
    began = time.monotonic()
    stop.wait(PATIENCE)
    stop.wait(PATIENCE)
    assert time.monotonic() - began < PATIENCE
    assert stop.is_set()


def test_no_other_handler_takes_a_lock() -> None:
    """A new one must be looked at: whatever takes a lock, starts a thread or logs may wait for what it interrupts."""
    found = set()
    paths = [CHECKOUT / "run.py", *(path for room in (*ROOMS, "workers") for path in (CHECKOUT / room).rglob("*.py"))]
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "signal.signal":
                found.add(ast.unparse(node.args[1]))
    assert found <= HANDLERS
    assert "lambda *_: self.set()" in found
