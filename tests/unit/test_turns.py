"""The suite's own turns: tests marked ``alone`` run beside nobody's, and get their turn."""

import fcntl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from tests.chaos.system import until
from tests.conftest import PATIENCE
from tests.turns import Turns


def test_tests_run_beside_each_other(tmp_path: Path) -> None:
    with Turns(tmp_path).hold(alone=False), Turns(tmp_path).hold(alone=False):
        pass


def test_one_alone_waits_for_the_others_and_the_next_wait_behind_it(tmp_path: Path) -> None:
    order: list[str] = []
    is_first, is_alone = Event(), Event()

    def take(name: str, alone: bool, entered: Event, leave: Event) -> None:
        with Turns(tmp_path).hold(alone):
            order.append(name)
            entered.set()
            assert leave.wait(PATIENCE)
            order.append(f"{name} ends")

    done = Event()
    done.set()
    may_end = Event()
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(take, "first", False, is_first, may_end)
        assert is_first.wait(PATIENCE)
        alone = pool.submit(take, "alone", True, is_alone, done)
        _until_shut(tmp_path)
        last = pool.submit(take, "last", False, Event(), done)
        may_end.set()
        for each in (first, alone, last):
            each.result(PATIENCE)
    assert order == ["first", "first ends", "alone", "alone ends", "last", "last ends"]


def _until_shut(folder: Path) -> None:
    """Until somebody stands in the door."""

    def is_shut() -> bool:
        with (folder / "door").open("w") as door:
            try:
                fcntl.flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    until(is_shut, PATIENCE, "the one alone to wait", pause=0.005)
