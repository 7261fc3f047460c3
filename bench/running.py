"""The whole service as in production, on private servers: the API, the relay, a worker for each reaction.

All of them are the processes that ``run.py`` starts. A second HTTP server with the same settings answers with one line
of JSON, which is what reads are measured against.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import func, select

from bench.figures import Turn
from bench.load import Plan, run
from bench.processor import children_of
from deploy.embedded import EmbeddedServices, ServiceError, tail
from deploy.private import PORT_RANGE, port_is_free
from events.deliveries import deliveries
from events.log import outbox
from infra import objects
from infra.database import read_engine, write_engine
from infra.migrating import migrate
from infra.proxies import DIRECT
from infra.settings import CHECKOUT, load_settings
from read_models.rebuilding.rebuild import wanted
from workers.reaction_table import MODELS

PATIENCE = 60.0
HOST = "127.0.0.1"
# The server of one line that reads are measured against.
STRANGER = "one-line"


class Running:
    """A context: everything runs inside, nothing is left after."""

    def __init__(self, var: Path) -> None:
        self._services = EmbeddedServices(var)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        # A process of its own, so that making load never waits for the bench's own Python, and made afresh: it must
        # not inherit connections.
        self._loader = ProcessPoolExecutor(1, mp_context=get_context("spawn"))

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self) -> None:
        self.port, self.one_line_port = _free_ports(2)
        self.environment = self._environment(self._services.start())
        # In this process too: what is measured without HTTP runs here.
        self.settings = load_settings(self.environment)
        migrate(self.settings)
        objects.create_bucket(self.settings)
        self.writing = write_engine(self.settings)
        self.reading = read_engine(self.settings)
        self._launch("api", "run.py", "api")
        self._launch(STRANGER, "-m", "bench.one_line", SINPLUMA_PORT=str(self.one_line_port))
        self._launch("background", "run.py", "background")
        self._wait_for("api", self.port, "/readyz")
        self._wait_for(STRANGER, self.one_line_port, "/")
        self._wait_for_tables()

    def _environment(self, of_servers: dict[str, str]) -> dict[str, str]:
        chosen = {
            "SINPLUMA_PORT": str(self.port),
            # Whatever the checkout's .env says: it is the same server for both.
            "DATABASE_READ_URL": of_servers["DATABASE_URL"],
            "RATELIMIT_ENABLED": "0",
            "PASSWORD_ROUNDS": "4",
        }
        return of_servers | chosen

    def start(self, command: str) -> None:
        """Another process of ``run.py``, of which there is one."""
        if command not in self._processes:
            self._launch(command, "run.py", command)

    def pids(self) -> list[int]:
        """Of the whole stack, servers included; not of what it is held against."""
        theirs = {self._processes[STRANGER].pid, *children_of(self._processes[STRANGER].pid)}
        return [pid for pid in self._services.instance.leftovers() if pid not in theirs]

    def start_plain_worker(self, queue: str) -> None:
        self._launch(f"worker-{queue}", "-m", "bench.plain_worker", queue)

    def _launch(self, name: str, *command: str, **more: str) -> None:
        environment = self._services.instance.marked(os.environ | self.environment | more)
        with open(self._log(name), "ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, *command], cwd=CHECKOUT, env=environment, stdout=log, stderr=log, stdin=log
            )

    def _log(self, name: str) -> Path:
        return self._services.var / "log" / f"{name}.log"

    def _wait_for(self, name: str, port: int, path: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not _answers(f"http://{HOST}:{port}{path}"):
            if self._processes[name].poll() is not None or time.monotonic() > deadline:
                raise ServiceError(f"{name} did not start; the end of its log:\n{tail(self._log(name))}")
            time.sleep(0.05)

    def _wait_for_tables(self) -> None:
        """Read models of newer builders than the migrations' are made anew beside the service, and swapped in: what a
        bench had written into the old tables would be gone."""
        deadline = time.monotonic() + PATIENCE
        while wanted(self.writing, MODELS.values()):
            if time.monotonic() > deadline:
                raise ServiceError(f"read models are not made; the end of the log:\n{tail(self._log('background'))}")
            time.sleep(0.05)

    def stop(self) -> None:
        self._loader.shutdown()
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
            # One that was paused would not see that.
            for pid in children_of(process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        for process in self._processes.values():
            process.wait(PATIENCE)
        self._services.instance.stop_leftovers() if self._services.processes else None
        self._services.stop()

    def pause(self, name: str) -> None:
        """One of the family of ``run.py background``, by its name there."""
        os.kill(self._forked(name), signal.SIGSTOP)

    def resume(self, name: str) -> None:
        os.kill(self._forked(name), signal.SIGCONT)

    def _forked(self, name: str) -> int:
        family = children_of(self._processes["background"].pid)
        return next(pid for pid in family if Path(f"/proc/{pid}/comm").read_text().strip() == name)

    def load(self, port: int, plan: Plan) -> Turn:
        """Send a plan's requests from a process of their own."""
        return self._loader.submit(run, HOST, port, plan).result()

    def pending(self) -> int:
        """Events that the relay has not seen, and deliveries that no reaction has handled."""
        counts = (select(func.count()).select_from(each).scalar_subquery() for each in (outbox, deliveries))
        with self.reading.connect() as connection:
            return sum(connection.execute(select(*counts)).one())

    def settle(self, pause: float = 0.05) -> None:
        """Wait until nothing is pending."""
        deadline = time.monotonic() + 4 * PATIENCE
        while self.pending():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.pending()} deliveries never came to an end")
            time.sleep(pause)


def _free_ports(count: int) -> list[int]:
    candidates = random.sample(PORT_RANGE, len(PORT_RANGE))
    free = (port for port in candidates if port_is_free(HOST, port))
    return [next(free) for _ in range(count)]


def _answers(url: str) -> bool:
    try:
        with DIRECT.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
