"""Who runs on this SINPLUMA_VAR, and what a killed predecessor left running.

Every process that we start carries SINPLUMA_INSTANCE in its environment, and its
children inherit it. Pid files would miss grandchildren (an RQ work-horse sets its
own process group) and go stale; the environment of a process does neither.
"""

import fcntl
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO

MARK = "SINPLUMA_INSTANCE"
# By the name of the program, the folder of SINPLUMA_VAR that it works in.
_FOLDERS = {"redis-server": "redis", "nginx": "nginx"}


class AlreadyRunning(Exception):
    """Another process holds this SINPLUMA_VAR."""


class Instance:
    def __init__(self, var: Path) -> None:
        self.var = var
        self._lock: IO[str] | None = None

    def marked(self, environ: dict[str, str]) -> dict[str, str]:
        return environ | {MARK: str(self.var)}

    def lock(self) -> None:
        """Hold the instance until this process ends; the kernel lets go even after SIGKILL."""
        self.var.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = open(self.var / "lock", "a+")  # noqa: SIM115 - it stays open as long as we hold it
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            holder = lock.read().strip()
            lock.close()
            raise AlreadyRunning(f"already running as process {holder} on {self.var}") from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock

    def unlock(self) -> None:
        if self._lock:
            self._lock.close()
            self._lock = None

    def leftovers(self) -> list[int]:
        """Processes of this instance, except this one and its ancestors."""
        spared = _ancestors()
        return [pid for pid in _all_pids() if pid not in spared and self._owns(pid)]

    def stop_leftovers(self, patience: float = 30.0) -> list[int]:
        """Ask, wait, then kill. SIGTERM first: a database that is killed must recover on its next start."""
        found = self.leftovers()
        _signal(found, signal.SIGTERM)
        deadline = time.monotonic() + patience
        while (alive := self.leftovers()) and time.monotonic() < deadline:
            # A stopped process receives SIGTERM only once it continues.
            _signal(alive, signal.SIGCONT)
            time.sleep(0.05)
        while alive := self.leftovers():
            _signal(alive, signal.SIGKILL)
            time.sleep(0.05)
        return found

    def _owns(self, pid: int) -> bool:
        process = Path(f"/proc/{pid}")
        try:
            marked = f"{MARK}={self.var}".encode() in (process / "environ").read_bytes().split(b"\0")
            return marked or self._works_here(process)
        except OSError:
            return False  # gone, or someone else's

    def _works_here(self, process: Path) -> bool:
        """Redis and nginx overwrite their environment with a process title, so they are known by their working
        directory."""
        folder = _FOLDERS.get((process / "comm").read_text().strip())
        return folder is not None and (process / "cwd").readlink() == self.var / folder


def _all_pids() -> Iterable[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _ancestors() -> set[int]:
    pids, pid = set[int](), os.getpid()
    while pid > 0:
        pids.add(pid)
        pid = _parent(pid)
    return pids


def _parent(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # The process name, in parentheses, may hold spaces and parentheses itself.
    return int(stat.rpartition(")")[2].split()[1])


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
