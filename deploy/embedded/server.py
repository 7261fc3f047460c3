"""What the embedded servers have in common: how one is found, started and waited for."""

import contextlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

# Debian keeps servers in sbin, which is not on everyone's PATH.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])


class ServiceError(Exception):
    """An embedded server is missing, does not start or does not stop; says what to do."""


class Server(Protocol):
    name: str
    # The setting that replaces this server by one of the operator's own.
    setting: str

    def prepare(self) -> None: ...
    def command(self) -> list[str]: ...
    def environment(self) -> dict[str, str]: ...
    def ready(self) -> bool: ...


def find(*programs: str) -> str | None:
    """The first of `programs` that is there."""
    return next((path for name in programs if (path := shutil.which(name, path=SEARCH_PATH))), None)


def environment_of(chosen: Server) -> dict[str, str]:
    """Our environment without a user's own settings for rclone or MySQL."""
    foreign = ("RCLONE_", "MYSQL_", "MARIADB_")
    return {k: v for k, v in os.environ.items() if not k.startswith(foreign)} | chosen.environment()


def wait_until_ready(chosen: Server, alive: Callable[[], bool], timeout: float = 60.0) -> None:
    deadline = time.monotonic() + timeout
    while not chosen.ready():
        if not alive():
            raise ServiceError(f"the embedded {chosen.name} ended while it started")
        if time.monotonic() > deadline:
            raise ServiceError(f"the embedded {chosen.name} was not ready after {timeout:.0f} s")
        time.sleep(0.05)


def tail(log: Path, lines: int = 30) -> str:
    with contextlib.suppress(FileNotFoundError):
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    return "(no log)"
