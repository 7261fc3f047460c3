"""The whole service as real processes on real servers, empty at the start, for one scenario."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from redis import Redis
from sqlalchemy import func, select, update

from deploy.embedded import EmbeddedServices, tail
from deploy.nginx import socket_of
from events.deliveries import deliveries
from events.log import outbox
from events.subscriptions import REACTIONS
from infra import broker, objects
from infra.clock import now
from infra.database import retrying, write_engine
from infra.migrating import migrate
from infra.settings import CHECKOUT, load_settings
from tests.chaos.processes import Processes
from tests.e2e.running import free_port
from tests.emptying import emptied

START_SECONDS = 60.0
HURRY_SECONDS = 2.0
WORKERS = tuple(f"worker-{reaction}" for reaction in REACTIONS)
ALL = ("api", "relay", "clock", *WORKERS)
# The same as supervisor runs them: all but the API forked from one process, so that Python imports it all twice and not
# eight times.
FAMILY = ("api", "background")


class System:
    """``with System(services) as system``: the processes named in ``programs`` run inside, and none after.

    A name is what ``run.py`` is told to run, with dashes for spaces; a further instance of the same has ``#2`` and so
    on at its end; ``nginx`` stands before the API. ``more``: settings for all of them.
    """

    # As short forms want it: ``settle`` does not wait until what died with its process is sent again.
    is_hurried = False

    def __init__(self, services: EmbeddedServices, programs: Iterable[str] = ALL, **more: str) -> None:
        self.services = services
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        chosen = {"SINPLUMA_PORT": str(self.port), "RATELIMIT_ENABLED": "0", "PASSWORD_ROUNDS": "4"}
        of_servers = services.environ()
        if "nginx" in programs:
            # Without a word of the store it is the embedded one, which nginx serves pictures of.
            chosen |= {"API_SOCKET": str(socket_of(services.var)), "S3_ENDPOINT": ""}
        # Whatever the checkout's .env says: it is the same server for both.
        self.environment = of_servers | {"DATABASE_READ_URL": of_servers["DATABASE_URL"]} | chosen | more
        self.settings = load_settings(self.environment)
        self.programs = tuple(programs)

    def __enter__(self) -> Self:
        migrate(self.settings)
        objects.create_bucket(self.settings)
        self.engine = write_engine(self.settings, pool_size=16)
        emptied(self.engine)
        self.redis: Redis = broker.connect(self.settings)
        self.redis.flushall()
        logs = self.services.var / "log"
        logs.mkdir(exist_ok=True)
        self.processes = Processes(self.services.instance, self.environment, logs)
        try:
            for name in self.programs:
                self.start(name)
            if "api" in self.programs:
                self.wait_until_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.processes.close(spared=[process.pid for process in self.services.processes.values()])
        self.engine.dispose()
        self.redis.close()

    def start(self, name: str, code: Path = CHECKOUT, **environment: str) -> None:
        """Run a program, and again whenever it ends; of this code, or of a copy of it."""
        kind = name.partition("#")[0]
        if kind == "nginx":
            self.processes.start(name, "-m", "deploy.nginx", **environment)
            return
        words = kind.split("-", 1) if kind.startswith("worker-") else [kind]
        self.processes.start(name, str(code / "run.py"), *words, **environment)

    def wait_until_ready(self) -> None:
        until(self._is_ready, START_SECONDS, lambda: f"/readyz; api said:\n{tail(self.processes.log('api'), 5)}")

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def pending(self) -> int:
        """Events that the relay has not seen, and deliveries that no reaction has handled; parked ones too."""
        query = select(*(select(func.count()).select_from(each).scalar_subquery() for each in (outbox, deliveries)))

        def count() -> int:
            with self.engine.connect() as connection:
                return sum(connection.execute(query).one())

        # Our own connections may have died with a server that was killed.
        return retrying(count)

    def settle(self, within: float) -> float:
        """Wait until nothing is pending; the seconds that took."""
        began = time.monotonic()
        hurry_at = began + HURRY_SECONDS

        def is_settled() -> bool:
            nonlocal hurry_at
            if self.pending() and self.is_hurried and time.monotonic() > hurry_at:
                retrying(self._end_leases)
                hurry_at = time.monotonic() + HURRY_SECONDS
            return not self.pending()

        until(is_settled, within, lambda: f"{self.pending()} deliveries to come to an end")
        return time.monotonic() - began

    def _end_leases(self) -> None:
        """As if the half minute were over after which the relay sends again what nobody has done."""
        late = (deliveries.c.state == "pending", deliveries.c.due_at > now())
        with self.engine.begin() as connection:
            connection.execute(update(deliveries).where(*late).values(due_at=now()))


def until(condition: Callable[[], Any], seconds: float, what: str | Callable[[], str], pause: float = 0.05) -> Any:
    """The first true answer of ``condition``."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s in vain for {what if isinstance(what, str) else what()}")
        time.sleep(pause)
    return answer
