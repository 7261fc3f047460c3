"""`python3 run.py` and `python3 seed.py` with whatever Python is at hand."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra.settings import CHECKOUT

PROGRAMS = ("run.py", "seed.py")
# A Python without the packages of the one that runs the tests.
BARE = [str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"), "-I"]


def copied(folder: Path) -> Path:
    """As much of a checkout as is needed, with no virtual environment."""
    for name in ("deploy", "events", "seeding", "infra"):
        shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in PROGRAMS:
        shutil.copy(CHECKOUT / name, folder)
    return folder


def started(folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    # -I keeps everything of the environment out, the folder of the program too, but for what the next words add.
    command = [*BARE, "-c", LIKE_A_PROGRAM, program, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


LIKE_A_PROGRAM = """
import os, runpy, sys
sys.argv = sys.argv[1:]
sys.path.insert(0, os.getcwd())
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_starts_itself_again_in_the_virtual_environment(tmp_path: Path, program: str) -> None:
    folder = copied(tmp_path)
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "in .venv: $*"\n')
    python.chmod(0o755)
    answer = started(folder, program, "one", "two words")
    assert answer.stdout == f"in .venv: {program} one two words\n"


@pytest.mark.parametrize("program", PROGRAMS)
def test_without_a_virtual_environment_one_line_says_what_to_do(tmp_path: Path, program: str) -> None:
    answer = started(copied(tmp_path), program)
    assert answer.returncode == 1
    assert answer.stderr.startswith(f"{program}: the Python package ")
    assert "make run" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


@pytest.mark.parametrize(("program", "module"), [("run.py", "events/subscriptions.py"), ("seed.py", "seeding/cli.py")])
def test_ctrl_c_while_it_imports_is_one_line(tmp_path: Path, program: str, module: str) -> None:
    folder = copied(tmp_path)
    # A test run in the background has it ignored, and so would what it starts.
    heard = "import os, signal, time\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    (folder / module).write_text(f"{heard}os.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)\n")
    answer = started(folder, program)
    assert answer.returncode == -signal.SIGINT
    assert answer.stderr == f"{program}: interrupted\n"


def test_a_module_of_ours_that_is_missing_is_a_fault_and_shown_as_one(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / "events" / "subscriptions.py").write_text("import events.nosuch\n")
    assert "ModuleNotFoundError: No module named 'events.nosuch'" in started(folder, "run.py").stderr


def test_a_queue_that_does_not_exist_is_named_with_those_that_do() -> None:
    answer = subprocess.run(
        [sys.executable, "run.py", "worker", "nosuch"], cwd=CHECKOUT, capture_output=True, text=True, timeout=60
    )
    assert answer.returncode == 2
    assert "invalid choice: 'nosuch'" in answer.stderr
    assert "update-views" in answer.stderr
