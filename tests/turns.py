"""Who of the processes of one test run may run a test now: all at once, or one alone.

The suite runs in several processes, each with servers of its own. A few tests measure time or start so many programs
that they need the machine for themselves; they are marked ``alone``. The turns are locks of the kernel, so a process
that dies gives its turn back.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

MARK = "alone: needs the machine for itself; the other processes of the run wait"


class Turns:
    """Among the processes that share a folder.

    ``room`` is held in common by whoever runs a test, by one alone exclusively. ``door`` is passed on the way in: who
    waits for the whole room keeps it shut, so that the others' next tests do not get in first for ever.
    """

    def __init__(self, folder: Path) -> None:
        self._door, self._room = folder / "door", folder / "room"

    @contextmanager
    def hold(self, alone: bool) -> Iterator[None]:
        """Blocks until it is this process's turn."""
        with self._room.open("w") as room:
            with self._door.open("w") as door:
                fcntl.flock(door, fcntl.LOCK_EX)
                fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield


class Giving:
    """In the process that starts the others: tells each where the turns are taken."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="sinpluma-turns-")

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["turns"] = self._folder.name

    def pytest_unconfigure(self) -> None:
        self._folder.cleanup()


class Taking:
    """In each of the others: every test waits for its turn."""

    def __init__(self, folder: str) -> None:
        self._turns = Turns(Path(folder))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        with self._turns.hold(alone=item.get_closest_marker("alone") is not None):
            return (yield)


def plugin(config: pytest.Config) -> Giving | Taking:
    given: dict[str, str] | None = getattr(config, "workerinput", None)
    return Giving() if given is None else Taking(given["turns"])
