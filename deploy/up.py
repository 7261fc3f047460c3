"""`run.py up`: the whole service in the foreground, from an empty folder to the URLs, until Ctrl-C.

Everything that can be refused is refused before anything is started: settings, ports, servers,
a database that is not ours. Then supervisord runs what is in supervisord.conf, started by us in
order. It is tied to this process, so that even SIGKILL here stops all of it.
"""

import errno
import http.client
import json
import signal
import subprocess
import sys
import time
import urllib.error
from types import FrameType
from typing import Any, NoReturn

from deploy.embedded import SERVERS, Server, ServiceError, server, tail, wait_until_ready
from deploy.instance import AlreadyRunning, Instance
from deploy.nginx import Nginx
from deploy.private import ensure_ports, ensure_secrets, port_is_free
from deploy.room import shortage
from deploy.supervisor import CannotStart, Supervisor
from deploy.terminal import say, tell_where
from infra import packets
from infra.proxies import DIRECT
from infra.settings import (
    CHECKOUT,
    Settings,
    SettingsError,
    explicit_environment,
    load_settings,
    var_folder,
)
from operate.database_check import DatabaseRefused, check_database

READY_SECONDS = 60.0


class _Stop(BaseException):
    """Ctrl-C or SIGTERM. Not an Exception, so that no handler takes it for a failure."""


def up() -> int:
    """The exit status: 0 when asked to stop, 1 when it could not start or supervisord died."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _raise_stop)
    try:
        return _up()
    except (CannotStart, SettingsError, ServiceError, DatabaseRefused, AlreadyRunning) as error:
        return _refused(error)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        return _refused(error)
    except _Stop:
        return 0


def _refused(error: Exception) -> int:
    print(f"sinpluma: cannot start: {error}", file=sys.stderr, flush=True)
    var = var_folder(explicit_environment())
    if var.is_dir() and (short := shortage(var)) and short not in str(error):
        print(f"sinpluma: {short}", file=sys.stderr, flush=True)
    return 1


def _raise_stop(number: int, frame: FrameType | None) -> NoReturn:
    # Once is enough: a second Ctrl-C must not interrupt the stopping.
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    raise _Stop


def _up() -> int:
    given = {name for name, value in explicit_environment().items() if value.strip()}
    instance = _lock_instance()
    settings = _settings(instance)
    for remark in settings.remarks:
        say(f"warning: {remark}")
    servers = [server(name, settings.var) for name in SERVERS if _is_embedded(name, given)]
    _refuse_taken_ports(settings)
    if "DATABASE_URL" in given:
        say("looking at the database of DATABASE_URL")
        check_database(settings)
    for each in servers:
        # On the first start of the database this takes seconds; under supervisor it would be silent.
        say(f"preparing the embedded {each.name}")
        each.prepare()
    if settings.nginx:
        Nginx(settings).prepare()
    supervisor = Supervisor(settings, instance)
    try:
        supervisor.start()
        _start_everything(supervisor, settings, servers)
        tell_where(settings, _base_url(settings))
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


def _start_everything(supervisor: Supervisor, settings: Settings, servers: list[Server]) -> None:
    for each in servers:
        say(f"starting the embedded {each.name}")
        supervisor.start_program(each.name)
    for each in servers:
        _await_server(supervisor, each, settings)
    if short := packets.shortage(settings.database_url):
        say(f"warning: {short}")
    check_database(settings)
    say("bringing the schema up to date")
    _migrate(settings)
    _create_bucket(settings)
    _claim()
    say("starting the API, the relay, the workers and the clock")
    for name in supervisor.own_programs():
        supervisor.start_program(name)
    _await_ready(supervisor, settings)


def _await_server(supervisor: Supervisor, each: Server, settings: Settings) -> None:
    try:
        wait_until_ready(each, alive=lambda: not supervisor.has_failed(each.name))
    except ServiceError as error:
        if each.name == "redis":
            # Everything but background work runs without it, and supervisor keeps trying.
            say(f"warning: {error}; starting without it. The end of its log:\n{_log_tail(settings, each.name)}")
            return
        raise CannotStart(f"{error}; the end of its log:\n{_log_tail(settings, each.name)}") from None


def _migrate(settings: Settings) -> None:
    """In a process of its own, so that this one, which only waits, stays small."""
    path = settings.var / "log" / "migrate.log"
    # The log of this start and the one before: supervisor, which rotates all other logs, does not run this.
    if path.exists():
        path.replace(path.with_suffix(".log.1"))
    with open(path, "wb") as log:
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


def _claim() -> None:
    """In a process of its own, like the migrations."""
    asked = subprocess.run(
        [sys.executable, "-m", "operate.claims"], cwd=CHECKOUT, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if asked.returncode == 1:
        raise CannotStart(asked.stderr.strip().splitlines()[-1])


def _await_ready(supervisor: Supervisor, settings: Settings) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not (answer := _ready_answer(settings)):
        for name, program in {"api": "the API", "nginx": "nginx"}.items():
            if name in supervisor.own_programs() and supervisor.has_failed(name):
                raise CannotStart(f"{program} does not start; the end of its log:\n{_log_tail(settings, name)}")
        if time.monotonic() > deadline:
            raise CannotStart(
                f"not ready after {READY_SECONDS:.0f} s; the end of the API's log:\n{_log_tail(settings, 'api')}"
            )
        time.sleep(0.1)
    for part, state in answer.get("checks", {}).items():
        if state != "ok":
            say(f"warning: {part}: {state}")
    for name in supervisor.own_programs():
        if supervisor.has_failed(name):
            say(f"warning: {name} ends as soon as it is started; the end of its log:\n{_log_tail(settings, name)}")


def _ready_answer(settings: Settings) -> dict[str, Any] | None:
    try:
        with DIRECT.open(f"{_base_url(settings)}/readyz", timeout=5) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError):
        return None


def _base_url(settings: Settings) -> str:
    """The URL from this machine, also when the service is bound to all addresses."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _log_tail(settings: Settings, name: str) -> str:
    return tail(settings.var / "log" / f"{name}.log")
