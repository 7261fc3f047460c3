"""MariaDB or MySQL on a private folder."""

import contextlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.embedded.server import ServiceError, find
from deploy.room import shortage


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
            # An acknowledged save is on disk. It is the default, set here so that no other default can undo it.
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
        """Initialise a folder beside it and rename it when complete: an interrupted first start simply starts over."""
        new = self.folder / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        if short := shortage(self.folder.parent):
            raise ServiceError(f"there is no room for a new database: {short}")
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
            # Skips resolving host names: a bare container may not even resolve localhost.
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
    """A path to the same folder without spaces: MariaDB's set-up is a shell script that fails on them."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield Path(f"/proc/{os.getpid()}/fd/{descriptor}")
    finally:
        os.close(descriptor)
