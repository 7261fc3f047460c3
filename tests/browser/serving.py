"""The service for a browser: the API as a process of its own that can be killed, and the rest of it in this one."""

import os
import signal
import subprocess
import sys

import httpx
from sqlalchemy import Engine

from infra.settings import Settings
from tests.e2e.running import CHECKOUT, free_port, wait_for
from tests.service import Service

START_SECONDS = 120.0
# Few enough to be used up in a test.
MOST_NOTEBOOKS = 3


class Serving:
    """``with Serving(…) as service``: an API that answers at ``url``, on the servers of this session."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.service = Service(settings, engine, wipe=False)
        # The settings of this session are in the environment; see tests/conftest.py.
        more = {"SINPLUMA_PORT": str(self.port), "API_WORKERS": "1", "QUOTA_NOTEBOOKS": str(MOST_NOTEBOOKS)}
        self.environment = {**os.environ, **more}
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Serving":
        self.start()
        try:
            wait_for(self._is_up, START_SECONDS, "the API")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGTERM)

    def start(self) -> None:
        command = [sys.executable, "run.py", "api"]
        self.process = subprocess.Popen(command, cwd=CHECKOUT, env=self.environment, stdout=subprocess.DEVNULL)

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """SIGKILL unless something milder is asked for; its children die with it."""
        assert self.process
        self.process.send_signal(how)
        self.process.wait(30)

    def drain(self) -> None:
        """Run relay and workers until nothing is pending: revisions are cut, texts indexed."""
        self.service.drain()

    def _is_up(self) -> bool:
        assert self.process
        assert self.process.poll() is None, "the API did not start"
        try:
            return httpx.get(f"{self.url}/healthz").status_code == 200
        except httpx.TransportError:
            return False
