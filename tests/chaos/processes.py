"""Real processes, started again when they end, as supervisor does; and every way to make them end."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.instance import Instance
from infra.settings import CHECKOUT

POLL_SECONDS = 0.02
# As supervisor: not at once, or a program that can't start would spin.
RESTART_SECONDS = 0.2
STOP_SECONDS = 60.0


@dataclass(frozen=True)
class Program:
    """What is run under a name: arguments of Python, and settings of its own."""

    command: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Ending:
    """A process that ended without being asked to; ``status`` is negative for a signal."""

    name: str
    status: int


class Processes:
    """``start`` keeps a program running until ``stop``. Safe to use from several threads."""

    def __init__(self, instance: Instance, environment: Mapping[str, str], logs: Path) -> None:
        self._instance = instance
        self._environment = environment
        self._logs = logs
        self._programs: dict[str, Program] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ended_at: dict[str, float] = {}
        self.endings: list[Ending] = []
        self._lock = threading.RLock()
        self._closed = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def start(self, name: str, *command: str, **environment: str) -> None:
        with self._lock:
            self._programs[name] = Program(command, environment)
            self._launch(name)

    def _launch(self, name: str) -> None:
        program = self._programs[name]
        environment = self._instance.marked({**os.environ, **self._environment, **program.environment})
        with open(self.log(name), "ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, *program.command],
                cwd=CHECKOUT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def log(self, name: str) -> Path:
        return self._logs / f"chaos-{name}.log"

    def _keep(self) -> None:
        while not self._closed.wait(POLL_SECONDS):
            with self._lock:
                for name in list(self._programs):
                    self._restart_if_ended(name)

    def _restart_if_ended(self, name: str) -> None:
        process = self._running.get(name)
        status = process.poll() if process else None
        if process and status is not None:
            self.endings.append(Ending(name, status))
            self._ended_at[name] = time.monotonic()
            del self._running[name]
        elif process is None and time.monotonic() - self._ended_at.get(name, 0.0) > RESTART_SECONDS:
            self._launch(name)

    def names(self, beginning: str = "") -> list[str]:
        return [name for name in self._programs if name.startswith(beginning)]

    def pid(self, name: str) -> int | None:
        """None while it is between two lives."""
        with self._lock:
            process = self._running.get(name)
            return process.pid if process and process.poll() is None else None

    def children(self, name: str) -> list[int]:
        """The processes that it has forked: an API's workers, the work-horse of an RQ worker."""
        pid = self.pid(name)
        return children_of(pid) if pid else []

    def signal(self, name: str, number: signal.Signals = signal.SIGKILL) -> bool:
        """Whether there was a process to get it."""
        pid = self.pid(name)
        return pid is not None and send(pid, number)

    def stop(self, *names: str) -> None:
        """Ask them to end, as supervisor does, all at the same time, and do not start them again."""
        with self._lock:
            chosen = [process for name in names if (process := self._forget(name))]
        for process in chosen:
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGCONT)
        for process in chosen:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _forget(self, name: str) -> subprocess.Popen[bytes] | None:
        self._programs.pop(name, None)
        return self._running.pop(name, None)

    def close(self, spared: Iterable[int]) -> None:
        """Stop all, and whatever a killed one has left behind, but for the ``spared``."""
        self.stop(*self.names())
        self._closed.set()
        self._keeper.join()
        keep = set(spared)
        deadline = time.monotonic() + STOP_SECONDS
        while (left := [pid for pid in self._instance.leftovers() if pid not in keep]) and time.monotonic() < deadline:
            for pid in left:
                send(pid, signal.SIGKILL)
            time.sleep(POLL_SECONDS)


def children_of(pid: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # The name, in parentheses, may hold spaces; the parent comes second after it.
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(folder.name))
    return found


def send(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def state_of(pid: int) -> str:
    """The kernel's letter: R and S for one that runs, T for one that is stopped; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
