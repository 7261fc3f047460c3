"""The service as an operator starts it: `run.py up` on a folder of its own, with real processes to kill."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

import httpx
from redis import Redis

from infra.settings import Settings, load_settings

CHECKOUT = Path(__file__).parent.parent.parent
START_SECONDS = 120.0
STOP_SECONDS = 60.0
# What a test may inherit from the session's own servers would point this service at them.
NOT_INHERITED = (
    "DATABASE_URL",
    "REDIS_URL",
    "S3_ENDPOINT",
    "S3_ACCESS_KEY",
    "S3_SECRET_KEY",
    "JWT_SECRET_KEY",
    "SUPERVISOR_PASSWORD",
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true answer of ``condition``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := condition():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s in vain for {what}")


class Running:
    """``with Running(var) as service``: started, ready, and stopped by SIGINT at the end."""

    def __init__(self, var: Path, checkout: Path = CHECKOUT, **more: str) -> None:
        self.var = var
        self.checkout = checkout
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        self.environment = inherited | {
            "SINPLUMA_VAR": str(var),
            "SINPLUMA_PORT": str(self.port),
            "SINPLUMA_SUPERVISOR_PORT": str(free_port()),
            "PASSWORD_ROUNDS": "4",
            "RATELIMIT_ENABLED": "0",
            **more,
        }

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self.log = open(self.var.parent / f"{self.var.name}.log", "ab")  # noqa: SIM115 - closed in stop()
        self.process = subprocess.Popen(
            [sys.executable, "run.py", "up"], cwd=self.checkout, env=self.environment, stdout=self.log, stderr=self.log
        )
        try:
            wait_for(self._is_ready, START_SECONDS, f"/readyz; see {self.log.name}")
        except BaseException:
            # There is no `with` yet that would stop it.
            self.stop()
            raise

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, Path(self.log.name).read_text()
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        """Ctrl-C; the exit status."""
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            told = (self.var / "log" / "supervisord.log").read_text()
            self.process.kill()
            self.process.wait()
            while self.kill():
                time.sleep(0.05)
            raise AssertionError(f"not stopped after {STOP_SECONDS} s; supervisord:\n{told[-2000:]}") from None
        finally:
            self.log.close()

    @property
    def settings(self) -> Settings:
        return load_settings({"SINPLUMA_VAR": str(self.var), "SINPLUMA_PORT": str(self.port)})

    def redis(self) -> Redis:
        return Redis.from_url(self.settings.redis_url)

    def processes(self, *words: str) -> list[int]:
        """Ids of this service's processes whose command line holds all these words."""
        return [pid for pid, command in _commands(str(self.var)) if all(word in command for word in words)]

    def kill(self, *words: str) -> int:
        """SIGKILL those processes; how many there were."""
        found = self.processes(*words)
        self.kill_these(found)
        return len(found)

    def kill_these(self, pids: Iterable[int]) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
                os.kill(pid, signal.SIGKILL)


def _commands(var: str) -> list[tuple[int, str]]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            ours = f"SINPLUMA_INSTANCE={var}\0".encode() in (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if ours and command:
            found.append((int(folder.name), command))
    return found
