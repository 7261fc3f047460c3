"""MariaDB or MySQL, Redis and an S3 store as private servers under SINPLUMA_VAR.

Supervisor runs each as `python -m deploy.embedded NAME`, which prepares the data
folder and then becomes the server. The tests and benches run the very same servers
through EmbeddedServices. All of them listen on 127.0.0.1 only.
"""

import argparse
import atexit
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from deploy.instance import Instance
from deploy.private import ensure_ports, ensure_secrets
from infra.settings import (
    CHECKOUT,
    embedded_database_url,
    embedded_redis_url,
    embedded_s3_endpoint,
    read_private,
)

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


class Database:
    """MariaDB or MySQL, whichever is there."""

    name = "database"
    setting = "DATABASE_URL"

    def __init__(self, var: Path, private: Mapping[str, str]) -> None:
        self.folder = var / "database"
        self.data = self.folder / "data"
        self.private = private
        program = os.environ.get("SINPLUMA_DATABASE_SERVER") or find("mariadbd", "mysqld")
        if not program:
            raise ServiceError("neither mariadbd nor mysqld was found; run `make run`, or set DATABASE_URL")
        self.program = program

    def prepare(self) -> None:
        (self.folder / "tmp").mkdir(mode=0o700, parents=True, exist_ok=True)
        kind = self.kind()
        if self.data.exists():
            self._refuse_other_kind(kind)
        else:
            self._initialise(kind)
        self._write_init_file(kind)

    def kind(self) -> str:
        version = subprocess.run([self.program, "--no-defaults", "--version"], capture_output=True, text=True)
        return "MariaDB" if "MariaDB" in version.stdout else "MySQL"

    def command(self) -> list[str]:
        return [
            self.program,
            "--no-defaults",
            f"--datadir={self.data}",
            f"--tmpdir={self.folder / 'tmp'}",
            f"--init-file={self.folder / 'init.sql'}",
            # Relative to the data folder: the kernel allows a socket's path 107 bytes, and a
            # checkout may lie deep. The same for the pid file's sake of order.
            "--socket=server.sock",
            "--pid-file=server.pid",
            "--bind-address=127.0.0.1",
            f"--port={self.private['DATABASE_PORT']}",
            "--skip-name-resolve",
            "--skip-log-bin",
            "--character-set-server=utf8mb4",
            "--transaction-isolation=READ-COMMITTED",
            # An acknowledged save is on disk. This is the default; it must not be lost to one.
            "--innodb-flush-log-at-trx-commit=1",
            "--innodb-buffer-pool-size=256M",
            "--max-connections=300",
            "--max-allowed-packet=64M",
            *self._as_root(),
            *(self._only_mysql() if (self.folder / "MySQL").exists() else []),
        ]

    def environment(self) -> dict[str, str]:
        return {}

    def ready(self) -> bool:
        import pymysql

        try:
            pymysql.connect(
                host="127.0.0.1",
                port=int(self.private["DATABASE_PORT"]),
                user="sinpluma",
                password=self.private["DATABASE_PASSWORD"],
                database="sinpluma",
                connect_timeout=2,
                read_timeout=2,
                write_timeout=2,
            ).close()
        except (pymysql.Error, OSError):
            return False
        return True

    def _refuse_other_kind(self, kind: str) -> None:
        if not (self.folder / kind).exists():
            raise ServiceError(
                f"{self.data} was made by the other of MariaDB and MySQL, and {self.program} is {kind}; "
                "install the one that made it, or choose another SINPLUMA_VAR"
            )

    def _initialise(self, kind: str) -> None:
        """Into a folder beside, renamed when complete: an interrupted first start just starts over."""
        new = self.folder / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        with _without_spaces(self.folder) as folder:
            made = subprocess.run(self._initialiser(kind, folder / new.name), capture_output=True, text=True)
        if made.returncode:
            raise ServiceError(f"the database folder could not be made:\n{made.stdout}{made.stderr}")
        (self.folder / kind).touch()
        new.rename(self.data)

    def _initialiser(self, kind: str, new: Path) -> list[str]:
        if kind == "MySQL":
            return [self.program, "--no-defaults", "--initialize-insecure", f"--datadir={new}", *self._as_root()]
        installer = find("mariadb-install-db", "mysql_install_db")
        if not installer:
            raise ServiceError("mariadb-install-db was not found beside mariadbd; install mariadb-server")
        return [
            installer,
            "--no-defaults",
            f"--datadir={new}",
            f"--tmpdir={new.parent / 'tmp'}",
            "--skip-test-db",
            # Only waives its look-up of names: a bare container may know none, not even localhost.
            "--force",
            # No root that logs in over TCP, with or without a password: only who runs the
            # server may administer it, through its socket.
            "--auth-root-authentication-method=socket",
            f"--auth-root-socket-user={pwd.getpwuid(os.geteuid()).pw_name}",
            *self._as_root(),
        ]

    def _write_init_file(self, kind: str) -> None:
        """Run by the server at each start, before it listens: it is never open without a password.

        The grant covers `sinpluma…`, so that tests and rebuilds may have schemas of their own.
        """
        password, root = self.private["DATABASE_PASSWORD"], self.private["DATABASE_ROOT_PASSWORD"]
        # MySQL's first root has no password at all; MariaDB's logs in by its socket only.
        close_root = f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{root}';\n" if kind == "MySQL" else ""
        self.folder.joinpath("init.sql").unlink(missing_ok=True)
        descriptor = os.open(self.folder / "init.sql", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(
                close_root + "CREATE DATABASE IF NOT EXISTS sinpluma CHARACTER SET utf8mb4;\n"
                f"CREATE USER IF NOT EXISTS 'sinpluma'@'127.0.0.1' IDENTIFIED BY '{password}';\n"
                f"ALTER USER 'sinpluma'@'127.0.0.1' IDENTIFIED BY '{password}';\n"
                "GRANT ALL PRIVILEGES ON `sinpluma%`.* TO 'sinpluma'@'127.0.0.1';\n"
            )

    def _only_mysql(self) -> list[str]:
        return [
            "--mysqlx=OFF",  # a second protocol, which would open a second port
            "--secure-file-priv=NULL",  # the default is a folder that only the distribution's set-up makes
            "--performance-schema=OFF",  # takes a quarter of a gigabyte; off is MariaDB's default
        ]

    def _as_root(self) -> list[str]:
        return ["--user=root"] if os.geteuid() == 0 else []


@contextlib.contextmanager
def _without_spaces(folder: Path) -> Iterator[Path]:
    """Another path to the same folder: MariaDB's set-up is a shell script that trips over a space in one."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield Path(f"/proc/{os.getpid()}/fd/{descriptor}")
    finally:
        os.close(descriptor)


class Redis:
    name = "redis"
    setting = "REDIS_URL"

    def __init__(self, var: Path, private: Mapping[str, str]) -> None:
        self.folder = var / "redis"
        self.private = private
        program = find("redis-server")
        if not program:
            raise ServiceError("redis-server was not found; run `make run`, or set REDIS_URL")
        self.program = program

    def prepare(self) -> None:
        """The password goes into a file: a command line can be read by every user of the machine."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._config.unlink(missing_ok=True)
        with os.fdopen(os.open(self._config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(
                f'include "{CHECKOUT / "redis.conf"}"\n'
                f"port {self.private['REDIS_PORT']}\n"
                f'dir "{self.folder}"\n'
                f"requirepass {self.private['REDIS_PASSWORD']}\n"
            )

    def command(self) -> list[str]:
        return [self.program, str(self._config)]

    def environment(self) -> dict[str, str]:
        return {}

    def ready(self) -> bool:
        import redis

        url = embedded_redis_url(self.private)
        client = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
        try:
            return bool(client.ping())
        except redis.RedisError:  # refused, or still loading its file
            return False
        finally:
            client.close()

    @property
    def _config(self) -> Path:
        return self.folder / "redis.conf"


class Objects:
    """`rclone serve s3`: a bucket is a folder, an object a file."""

    name = "objects"
    setting = "S3_ENDPOINT"

    def __init__(self, var: Path, private: Mapping[str, str]) -> None:
        self.folder = var / "objects"
        self.private = private
        beside_python = Path(sys.executable).parent / "rclone"
        program = str(beside_python) if beside_python.exists() else find("rclone")
        if not program:
            raise ServiceError("rclone was not found; run `make run`, or set S3_ENDPOINT")
        self.program = program

    def prepare(self) -> None:
        for folder in ("data", "cache"):
            (self.folder / folder).mkdir(mode=0o700, parents=True, exist_ok=True)

    def command(self) -> list[str]:
        return [
            self.program,
            "serve",
            "s3",
            # No settings of the user's own.
            "--config=",
            f"--addr=127.0.0.1:{self.private['S3_PORT']}",
            f"--cache-dir={self.folder / 'cache'}",
            # Nobody else writes into the folder, so there is nothing to poll for.
            "--poll-interval=0",
            "--log-level=NOTICE",
            str(self.folder / "data"),
        ]

    def environment(self) -> dict[str, str]:
        # Not on the command line, which every user can read. The quotes are rclone's
        # CSV: without them the comma would part two key pairs.
        return {"RCLONE_AUTH_KEY": f'"{self.private["S3_ACCESS_KEY"]},{self.private["S3_SECRET_KEY"]}"'}

    def ready(self) -> bool:
        try:
            urllib.request.urlopen(embedded_s3_endpoint(self.private), timeout=2).close()
        except urllib.error.HTTPError:
            return True  # it wants a signature: it is there
        except (urllib.error.URLError, OSError):
            return False
        return True


SERVERS: dict[str, Callable[[Path, Mapping[str, str]], Server]] = {
    "database": Database,
    "redis": Redis,
    "objects": Objects,
}


def server(name: str, var: Path) -> Server:
    """A server of an instance whose secrets and ports are already chosen."""
    return SERVERS[name](var, read_private(var))


def environment_of(chosen: Server) -> dict[str, str]:
    """Ours, without settings that a user made for their own rclone or MySQL."""
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


def tail(log: Path, lines: int = 30) -> str:
    with contextlib.suppress(FileNotFoundError):
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    return "(no log)"


def main() -> None:
    """Become the server, so that supervisor's signals reach it directly."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("name", choices=SERVERS)
    parser.add_argument("var", type=Path)
    arguments = parser.parse_args()
    chosen = server(arguments.name, arguments.var)
    try:
        chosen.prepare()
    except ServiceError as error:
        sys.exit(f"{arguments.name}: {error}")
    command = chosen.command()
    os.execve(command[0], command, environment_of(chosen))


if __name__ == "__main__":
    main()
