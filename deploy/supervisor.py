"""supervisord, which keeps the programs of supervisord.conf running: started as our child, spoken to over XML-RPC."""

import configparser
import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any
from urllib.parse import quote

from deploy.embedded import SERVERS, tail
from deploy.instance import Instance
from deploy.nginx import socket_of
from deploy.parent import die_with_parent
from deploy.terminal import say
from infra.settings import CHECKOUT, Settings

CONFIGURATION = CHECKOUT / "supervisord.conf"
# For supervisor itself. Each program's own stopwaitsecs ends sooner, and supervisor kills it then.
STOP_SECONDS = 220.0
# It answers within a second; a machine may be very busy.
ANSWER_SECONDS = 60.0


# `supervisorctl -c SINPLUMA_VAR/supervisorctl.conf status`.
CONTROL_FILE = "supervisorctl.conf"


class CannotStart(Exception):
    """Says in one message what is in the way, and what to do."""


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
            f"http://admin:{quote(self._password, safe='')}@127.0.0.1:{settings.supervisor_port}/RPC2"
        ).supervisor

    def start(self) -> None:
        log = self.settings.var / "log"
        log.mkdir(mode=0o700, exist_ok=True)
        write_control_file(self.settings)
        with open(log / "supervisord-start.log", "wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy.supervisord", "-c", str(CONFIGURATION)],
                cwd=self.settings.var,
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
                "SINPLUMA_CHECKOUT": str(CHECKOUT),
                # It works in SINPLUMA_VAR, and is a module of ours.
                "PYTHONPATH": os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")])),
                "SINPLUMA_PYTHON": sys.executable,
                "SUPERVISOR_PASSWORD": self._password,
            }
            | ({"API_SOCKET": str(socket_of(self.settings.var))} if self.settings.nginx else {})
        )

    def _await_rpc(self) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException, xmlrpc.client.Error):
                self._rpc.getState()
                return
            if self._has_ended() or time.monotonic() > deadline:
                raise CannotStart(
                    "supervisord does not start:\n" + tail(self.settings.var / "log" / "supervisord-start.log")
                )
            time.sleep(0.05)

    def own_programs(self) -> list[str]:
        """All but the embedded servers, in the order in which they start."""
        return own_programs(self.settings)

    def start_program(self, name: str) -> None:
        self._rpc.startProcess(name, False)

    def has_failed(self, name: str) -> bool:
        """It ended by itself. supervisor will try again, but at the first start nobody should wait for that."""
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
        """Stop the programs first, all at once; then the servers; then supervisord and any leftovers."""
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


def own_programs(settings: Settings) -> list[str]:
    """What supervisor is to run beside the embedded servers, in the order in which it starts."""
    wanted = {"linguistics": settings.linguistics_port is not None, "nginx": settings.nginx}
    unused = {name for name, is_wanted in wanted.items() if not is_wanted}
    return [name for name in _programs() if name not in SERVERS and name not in unused]


def _programs() -> list[str]:
    """The names in supervisord.conf, in its order."""
    parser = configparser.RawConfigParser(inline_comment_prefixes=(" ;",))
    parser.read(CONFIGURATION)
    return [section.removeprefix("program:") for section in parser.sections() if section.startswith("program:")]


def _until(condition: Callable[[], bool], timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)


def write_control_file(settings: Settings) -> None:
    """What supervisorctl needs to know; it reads neither our environment nor secrets.env."""
    path = settings.var / CONTROL_FILE
    path.unlink(missing_ok=True)
    password = settings.supervisor_password.replace("%", "%%")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(
            f"[supervisorctl]\nserverurl=http://127.0.0.1:{settings.supervisor_port}\nusername=admin\n"
            f"password={password}\nprompt=sinpluma\n"
        )
