"""Turns: so many at a time for each name, across processes, and none lost."""

import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from infra.settings import CHECKOUT
from infra.turns import NoTurn, Turns


def turns(tmp_path: Path, patience: float = 0.0, waiting: int = 2) -> Turns:
    return Turns(tmp_path / "turns", 2, patience, waiting)


def test_a_name_has_two_turns_and_another_name_its_own(tmp_path: Path) -> None:
    ours, others = turns(tmp_path), turns(tmp_path)
    with ours.of("ana"), others.of("ana"):
        with pytest.raises(NoTurn), ours.of("ana"):
            pass
        with ours.of("ben"):
            pass
    with ours.of("ana"), ours.of("ana"):
        pass


def test_a_third_waits_a_moment(tmp_path: Path) -> None:
    ours = turns(tmp_path, patience=20.0)
    with ExitStack() as first:
        first.enter_context(ours.of("ana"))
        with ours.of("ana"):
            threading.Timer(0.2, first.close).start()
            with ours.of("ana"):
                pass


def test_those_who_wait_hold_few_threads(tmp_path: Path) -> None:
    ours = turns(tmp_path, patience=1.0, waiting=2)
    refused = []

    def wait() -> None:
        try:
            with ours.of("ana"):
                pass
        except NoTurn:
            refused.append(time.monotonic())

    with ours.of("ana"), ours.of("ana"):
        began = time.monotonic()
        threads = [threading.Thread(target=wait) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(when - began >= 1.0 for when in refused) == 2
    assert len(refused) == 6


def test_a_process_that_dies_gives_its_turn_back(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from infra.turns import Turns; turns = Turns(pathlib.Path(sys.argv[1]), 2, 0, 1)\n"
        "with turns.of('ana'), turns.of('ana'):\n    print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "turns")]
    with subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(NoTurn), turns(tmp_path).of("ana"):
            pass
        holder.kill()
        holder.wait()
    with turns(tmp_path).of("ana"):
        pass
