"""`run.py up`: the whole service in the foreground, from an empty folder to the URLs, until Ctrl-C.

Everything that can be refused is refused before anything is started: settings, ports, servers,
a database that is not ours. Then supervisord runs what is in supervisord.conf, started by us in
order. It is tied to this process, so that even SIGKILL here stops all of it.
"""

import configparser
import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import xmlrpc.client
from collections.abc import Callable, Iterable
from functools import partial
from types import FrameType
from typing import Any, NoReturn

from deploy.database_check import DatabaseRefused, check_database
from deploy.embedded import SERVERS, Server, ServiceError, server, tail, wait_until_ready
from deploy.instance import AlreadyRunning, Instance
from deploy.parent import die_with_parent
from deploy.private import ensure_ports, ensure_secrets, port_is_free
from infra.settings import (
    CHECKOUT,
    SECRETS_FILE,
    Settings,
    SettingsError,
    explicit_environment,
    load_settings,
    var_folder,
)

CONFIGURATION = CHECKOUT / "supervisord.conf"
READY_SECONDS = 60.0
# Every program's own stopwaitsecs ends sooner, and supervisor kills it then; this one is for supervisor itself.
STOP_SECONDS = 220.0


class CannotStart(Exception):
    """Says in one message what is in the way, and what to do."""


class _Stop(BaseException):
    """Ctrl-C or SIGTERM. No Exception: nothing on the way may take it for a failure of its own."""


def say(line: str) -> None:
    print(f"sinpluma: {line}", flush=True)


def up() -> int:
    """The exit status: 0 when asked to stop, 1 when it could not start or supervisord died."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _raise_stop)
    try:
        return _up()
    except (CannotStart, SettingsError, ServiceError, DatabaseRefused, AlreadyRunning) as error:
        print(f"sinpluma: cannot start: {error}", file=sys.stderr, flush=True)
        return 1
    except _Stop:
        return 0


def _raise_stop(number: int, frame: FrameType | None) -> NoReturn:
    # Once is enough: a second Ctrl-C must not interrupt the stopping.
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    raise _Stop


def _up() -> int:
    given = {name for name, value in explicit_environment().items() if value.strip()}
    instance = _lock_instance()
    settings = _settings(instance)
    servers = [server(name, settings.var) for name in SERVERS if _is_embedded(name, given)]
    _refuse_taken_ports(settings)
    if "DATABASE_URL" in given:
        say("looking at the database of DATABASE_URL")
        check_database(settings)
    for each in servers:
        # On the first start of the database this takes seconds; under supervisor it would be silent.
        say(f"preparing the embedded {each.name}")
        each.prepare()
    supervisor = Supervisor(settings, instance)
    try:
        supervisor.start()
        _start_everything(supervisor, settings, servers)
        _tell_where(settings)
        return supervisor.wait()
    finally:
        supervisor.stop()


def _lock_instance() -> Instance:
    var = var_folder(explicit_environment())
    instance = Instance(var)
    try:
        instance.lock()
    except OSError as error:
        raise CannotStart(f"SINPLUMA_VAR: {var} cannot be used: {error.strerror}; name a folder to write to") from None
    if stopped := instance.stop_leftovers():
        say(f"stopped {len(stopped)} processes that an earlier run had left behind")
    return instance


def _settings(instance: Instance) -> Settings:
    ensure_secrets(instance.var)
    ensure_ports(instance.var)
    return load_settings()


def _is_embedded(name: str, given: set[str]) -> bool:
    setting = {"database": "DATABASE_URL", "redis": "REDIS_URL", "objects": "S3_ENDPOINT"}[name]
    return setting not in given


def _refuse_taken_ports(settings: Settings) -> None:
    ports = {
        "SINPLUMA_PORT": (settings.host, settings.port),
        "SINPLUMA_SUPERVISOR_PORT": ("127.0.0.1", settings.supervisor_port),
    }
    problems = [
        f"port {port} on {host} is taken or not ours to use; stop what listens there, or set {name} to another"
        for name, (host, port) in ports.items()
        if not port_is_free(host, port)
    ]
    if problems:
        raise CannotStart("\n  ".join(problems))


def _start_everything(supervisor: "Supervisor", settings: Settings, servers: list[Server]) -> None:
    for each in servers:
        say(f"starting the embedded {each.name}")
        supervisor.start_program(each.name)
    for each in servers:
        _await_server(supervisor, each, settings)
    check_database(settings)
    say("bringing the schema up to date")
    _migrate(settings)
    _create_bucket(settings)
    say("starting the API, the relay, the workers and the clock")
    for name in supervisor.own_programs():
        supervisor.start_program(name)
    _await_ready(supervisor, settings)


def _await_server(supervisor: "Supervisor", each: Server, settings: Settings) -> None:
    try:
        wait_until_ready(each, alive=lambda: not supervisor.has_failed(each.name))
    except ServiceError as error:
        raise CannotStart(f"{error}; the end of its log:\n{_log_tail(settings, each.name)}") from None


def _migrate(settings: Settings) -> None:
    """In a process of its own, so that this one, which only waits, stays small."""
    with open(settings.var / "log" / "migrate.log", "ab") as log:
        done = subprocess.run(
            [sys.executable, "run.py", "migrate"],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=False,
        )
    if done.returncode:
        raise CannotStart(f"the schema cannot be brought up to date:\n{_log_tail(settings, 'migrate')}")


def _create_bucket(settings: Settings) -> None:
    """Without an object store all but the pictures works, so it only earns a warning."""
    from infra import objects

    try:
        objects.create_bucket(settings)
    except Exception as error:  # the client's, the HTTP library's and the store's own kinds
        say(f"warning: the object store cannot be used yet, so there are no pictures: {error}")


def _await_ready(supervisor: "Supervisor", settings: Settings) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not (answer := _ready_answer(settings)):
        if supervisor.has_failed("api"):
            raise CannotStart(f"the API does not start; the end of its log:\n{_log_tail(settings, 'api')}")
        if time.monotonic() > deadline:
            raise CannotStart(
                f"not ready after {READY_SECONDS:.0f} s; the end of the API's log:\n{_log_tail(settings, 'api')}"
            )
        time.sleep(0.1)
    for part, state in answer.get("checks", {}).items():
        if state != "ok":
            say(f"warning: {part}: {state}")


def _ready_answer(settings: Settings) -> dict[str, Any] | None:
    try:
        with urllib.request.urlopen(f"{_base_url(settings)}/readyz", timeout=5) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError):
        return None


def _base_url(settings: Settings) -> str:
    """As this machine reaches it, also when it is bound to all addresses."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _log_tail(settings: Settings, name: str) -> str:
    return tail(settings.var / "log" / f"{name}.log")


def _tell_where(settings: Settings) -> None:
    base = _base_url(settings)
    say("ready")
    for line in (
        f"  API         {base}/api/v1",
        f"  its docs    {base}/docs",
        f"  queues      {base}/internal/rq    (for admins: run.py create-admin EMAIL)",
        f"  supervisor  http://127.0.0.1:{settings.supervisor_port}    (user admin, SUPERVISOR_PASSWORD in "
        f"{settings.var / SECRETS_FILE})",
        f"  logs        {settings.var / 'log'}",
        "Ctrl-C stops it.",
    ):
        print(line, flush=True)


class Supervisor:
    """supervisord as our child, spoken to over its XML-RPC."""

    def __init__(self, settings: Settings, instance: Instance) -> None:
        self.settings = settings
        self.instance = instance
        self.process: subprocess.Popen[bytes] | None = None
        # In the environment, so neither on a command line nor in a file beside secrets.env.
        self._password = settings.supervisor_password
        # Any: what XML-RPC answers is as long as its list of types, and supervisor's are known.
        self._rpc: Any = xmlrpc.client.ServerProxy(
            f"http://admin:{self._password}@127.0.0.1:{settings.supervisor_port}/RPC2"
        ).supervisor

    def start(self) -> None:
        log = self.settings.var / "log"
        log.mkdir(mode=0o700, exist_ok=True)
        with open(log / "supervisord-start.log", "wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "supervisor.supervisord", "-c", str(CONFIGURATION)],
                cwd=CHECKOUT,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C in the terminal is for us alone; we stop the programs in order.
                start_new_session=True,
                preexec_fn=partial(die_with_parent, os.getpid(), signal.SIGTERM),
            )
        self._await_rpc()

    def _environment(self) -> dict[str, str]:
        return self.instance.marked(
            dict(os.environ)
            | {
                "SINPLUMA_VAR": str(self.settings.var),
                "SINPLUMA_SUPERVISOR_PORT": str(self.settings.supervisor_port),
                "SINPLUMA_PYTHON": sys.executable,
                "SUPERVISOR_PASSWORD": self._password,
            }
        )

    def _await_rpc(self) -> None:
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException, xmlrpc.client.Error):
                self._rpc.getState()
                return
            if self._has_ended():
                raise CannotStart("supervisord does not start:\n" + _log_tail(self.settings, "supervisord-start"))
            time.sleep(0.05)

    def own_programs(self) -> list[str]:
        """All but the embedded servers, in the order in which they start."""
        unused = set() if self.settings.linguistics_port else {"linguistics"}
        return [name for name in _programs() if name not in SERVERS and name not in unused]

    def start_program(self, name: str) -> None:
        self._rpc.startProcess(name, False)

    def has_failed(self, name: str) -> bool:
        """Ended by itself: supervisor is about to try again, which at the first start nobody should wait for."""
        if self._has_ended():
            return True
        return self._state(name) in ("BACKOFF", "EXITED", "FATAL")

    def wait(self) -> int:
        """Until a signal; returns only when supervisord itself ends."""
        assert self.process
        status = self.process.wait()
        print(f"sinpluma: supervisord ended by itself (status {status})", file=sys.stderr, flush=True)
        return 1

    def stop(self) -> None:
        """Programs first, at the same time; then the servers; then supervisord, and whatever is left of all."""
        if self.process is None:
            return
        for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(other, signal.SIG_IGN)
        say("stopping")
        if not self._has_ended():
            with contextlib.suppress(OSError, http.client.HTTPException, xmlrpc.client.Error):
                self._stop_programs(self.own_programs())
                self._stop_programs(SERVERS)
                self._rpc.shutdown()
            # Also when it did not listen; repeated, it does nothing more.
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        self.instance.stop_leftovers()
        say("stopped")

    def _stop_programs(self, names: Iterable[str]) -> None:
        running = [name for name in names if self._state(name) not in ("STOPPED", "EXITED", "FATAL")]
        for name in running:
            with contextlib.suppress(xmlrpc.client.Fault):  # it ended meanwhile
                self._rpc.stopProcess(name, False)
        _until(lambda: not any(self._state(name) in ("STOPPING", "RUNNING") for name in running), STOP_SECONDS)

    def _state(self, name: str) -> str:
        state: str = self._rpc.getProcessInfo(name)["statename"]
        return state

    def _has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None


def _programs() -> list[str]:
    """The names in supervisord.conf, in its order: a new worker is a new section there and nothing else."""
    parser = configparser.RawConfigParser(inline_comment_prefixes=(" ;",))
    parser.read(CONFIGURATION)
    return [section.removeprefix("program:") for section in parser.sections() if section.startswith("program:")]


def _until(condition: Callable[[], bool], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
