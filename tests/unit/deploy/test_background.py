"""Processes forked from one: started again when they end, and stopped together."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.settings import CHECKOUT

PATIENCE = 20.0

# Each member writes a line when it starts and one when it is told to stop.
PROGRAM = """
import os, signal, sys, time
from pathlib import Path
from deploy import background

folder = Path(sys.argv[1])

def tell(name, word):
    with open(folder / name, "a") as file:
        file.write(f"{word} {os.getpid()}\\n")

def long(name):
    def main():
        stopped = []
        signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
        tell(name, "started")
        while not stopped:
            time.sleep(0.01)
        time.sleep(0.2)
        tell(name, "stopped")
    return main

def short():
    tell("short", "started")
    sys.exit(3)

background.FIRST_PAUSE_SECONDS = 0.05
background.Background({"one": long("one"), "two": long("two"), "short": short}).run()
"""


def wait_for(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)], cwd=CHECKOUT) as process:
        try:
            yield process
        finally:
            process.kill()


def told(folder: Path, name: str, word: str) -> list[int]:
    """Who said this word, in order."""
    file = folder / name
    lines = file.read_text().splitlines() if file.exists() else []
    return [int(line.split()[1]) for line in lines if line.startswith(word)]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_who_ends_is_started_again_with_growing_pauses(process: subprocess.Popen[bytes], tmp_path: Path) -> None:
    wait_for(lambda: len(told(tmp_path, "short", "started")) == 4)
    wait_for(lambda: told(tmp_path, "one", "started"))
    os.kill(told(tmp_path, "one", "started")[0], signal.SIGKILL)
    wait_for(lambda: len(told(tmp_path, "one", "started")) == 2)
    assert len(told(tmp_path, "two", "started")) == 1
    assert len(set(told(tmp_path, "short", "started"))) >= 4


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_passed_on_once_and_waited_for(
    process: subprocess.Popen[bytes], tmp_path: Path, number: signal.Signals
) -> None:
    wait_for(lambda: told(tmp_path, "one", "started") and told(tmp_path, "two", "started"))
    process.send_signal(number)
    assert process.wait(PATIENCE) == 0
    assert len(told(tmp_path, "one", "stopped")) == len(told(tmp_path, "two", "stopped")) == 1


def test_nobody_outlives_a_killed_parent(process: subprocess.Popen[bytes], tmp_path: Path) -> None:
    wait_for(lambda: told(tmp_path, "one", "started"))
    (pid,) = told(tmp_path, "one", "started")
    process.kill()
    wait_for(lambda: not is_alive(pid))
    assert told(tmp_path, "one", "stopped") == [pid], "told as by a stop, so that it ends what it is at"
