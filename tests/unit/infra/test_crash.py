"""The points at which a test lets a process die."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra import crash

PASSES = """
from infra import crash
for name in "ababa":
    crash.point(name)
    print(name, end="", flush=True)
"""


def run(wish: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {crash.VARIABLE: wish}
    return subprocess.run([sys.executable, "-c", PASSES], env=environment, capture_output=True, text=True)


def test_a_point_does_nothing_unless_it_is_wished_for() -> None:
    assert (run("").stdout, run("").returncode) == ("ababa", 0)


@pytest.mark.parametrize(("number", "lived"), [(1, ""), (2, "ab"), (3, "abab"), (4, "ababa")])
def test_a_process_dies_at_the_pass_that_was_wished_for(tmp_path: Path, number: int, lived: str) -> None:
    died = run(f"a:{number}:{tmp_path / 'passes'}")
    assert died.returncode == (0 if lived == "ababa" else -signal.SIGKILL)
    assert died.stdout == lived


def test_it_dies_once_whoever_is_started_again(tmp_path: Path) -> None:
    wish = f"a:4:{tmp_path / 'passes'}"
    assert [run(wish).returncode for _ in range(4)] == [0, -signal.SIGKILL, 0, 0]


def test_a_process_may_be_stopped_instead(tmp_path: Path) -> None:
    environment = os.environ | {crash.VARIABLE: f"b:1:{tmp_path / 'passes'}:stop"}
    process = subprocess.Popen([sys.executable, "-c", PASSES], env=environment, stdout=subprocess.PIPE, text=True)
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    process.send_signal(signal.SIGCONT)
    assert process.communicate()[0] == "ababa"


def test_a_process_may_hang_instead(tmp_path: Path) -> None:
    environment = os.environ | {crash.VARIABLE: f"b:1:{tmp_path / 'passes'}:hang"}
    process = subprocess.Popen([sys.executable, "-c", PASSES], env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.read(1) == "a"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.kill()
    assert process.communicate()[0] == ""
