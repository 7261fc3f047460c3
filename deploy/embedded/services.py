"""The embedded servers without supervisor: for tests, benches and chaos."""

import atexit
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.embedded.registry import SERVERS, server
from deploy.embedded.server import ServiceError, environment_of, tail, wait_until_ready
from deploy.instance import Instance
from deploy.private import ensure_ports, ensure_secrets
from infra.settings import embedded_database_url, embedded_redis_url, embedded_s3_endpoint, read_private


class EmbeddedServices:
    """The same servers without supervisor: for tests, benches and chaos.

        with EmbeddedServices(var) as services:
            settings = load_settings(services.environ())
            services.kill("redis"); services.start_one("redis")

    One holder per `var`. What an earlier holder left running, killed perhaps, is
    stopped first; what this one starts is stopped at the latest when Python exits.
    """

    def __init__(self, var: Path, names: Iterable[str] = tuple(SERVERS)) -> None:
        self.var = var.resolve()
        self.names = tuple(names)
        self.instance = Instance(self.var)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._private: dict[str, str] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> dict[str, str]:
        """Start all, wait until they answer, and return environ()."""
        self.instance.lock()
        atexit.register(self.stop)
        try:
            self.instance.stop_leftovers()
            ensure_secrets(self.var)
            ensure_ports(self.var)
            self._private = read_private(self.var)
            for name in self.names:
                self._launch(name)
            for name in self.names:
                self.wait_ready(name)
        except BaseException:
            self.stop()
            raise
        return self.environ()

    def environ(self) -> dict[str, str]:
        """All that load_settings() needs to use these servers, and nothing of a running instance."""
        private = self._private
        urls = {
            "database": {"DATABASE_URL": embedded_database_url(private)},
            "redis": {"REDIS_URL": embedded_redis_url(private)},
            "objects": {
                "S3_ENDPOINT": embedded_s3_endpoint(private),
                "S3_ACCESS_KEY": private["S3_ACCESS_KEY"],
                "S3_SECRET_KEY": private["S3_SECRET_KEY"],
            },
        }
        chosen = {"SINPLUMA_VAR": str(self.var)}
        chosen |= {name: private[name] for name in ("JWT_SECRET_KEY", "SUPERVISOR_PASSWORD")}
        for name in self.names:
            chosen |= urls[name]
        return chosen

    def stop(self) -> None:
        """Stop all, the clean way; killed ones too. Harmless when repeated."""
        for name in list(self.processes):
            self.stop_one(name)
        self.instance.unlock()
        atexit.unregister(self.stop)

    def start_one(self, name: str, timeout: float = 60.0) -> None:
        """Start it again after stop_one() or kill(); the data is still there."""
        self._launch(name)
        self.wait_ready(name, timeout)

    def stop_one(self, name: str, timeout: float = 30.0) -> None:
        process = self.processes.pop(name, None)
        if process is None:
            return
        # A server that a test has stopped with SIGSTOP would not see the SIGTERM.
        for number in (signal.SIGTERM, signal.SIGCONT):
            process.send_signal(number)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send any signal; after SIGKILL the process is reaped, so start_one() may follow at once."""
        process = self.processes[name]
        process.send_signal(number)
        if number is signal.SIGKILL:
            process.wait()
            del self.processes[name]

    def pid(self, name: str) -> int:
        return self.processes[name].pid

    def wait_ready(self, name: str, timeout: float = 60.0) -> None:
        process = self.processes[name]
        try:
            wait_until_ready(server(name, self.var), lambda: process.poll() is None, timeout)
        except ServiceError as error:
            raise ServiceError(f"{error}; the end of its log:\n{tail(self._log(name))}") from None

    def _launch(self, name: str) -> None:
        chosen = server(name, self.var)
        chosen.prepare()
        self._log(name).parent.mkdir(exist_ok=True)
        with open(self._log(name), "ab") as log:
            self.processes[name] = subprocess.Popen(
                chosen.command(),
                env=self.instance.marked(environment_of(chosen)),
                cwd=self.var,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C in a test run must not reach the servers before the tests are done with them.
                start_new_session=True,
            )

    def _log(self, name: str) -> Path:
        return self.var / "log" / f"{name}.log"
