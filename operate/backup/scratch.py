"""A schema beside the live one: a backup is brought back there, proven there, and then takes the live one's place in
one RENAME TABLE, or is dropped."""

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import pymysql
from sqlalchemy import make_url

from infra.settings import Settings
from operate.backup import rows
from operate.backup.archive import BackupRefused

OLD = "old_"
# On a name that is there already (1007), without the right to make one (1044, 1227).
MAY_NOT = frozenset({1044, 1045, 1227})


class Scratch:
    """``with Scratch(settings, "restore") as scratch``: an empty schema ``{live}_restore``, dropped at the end."""

    def __init__(self, settings: Settings, purpose: str) -> None:
        live = make_url(settings.database_url)
        self.live = str(live.database)
        self.name = f"{self.live}_{purpose}"
        url = live.set(database=self.name).render_as_string(hide_password=False)
        self.settings = replace(settings, database_url=url, database_read_url=url)
        self._server = live.set(database="").render_as_string(hide_password=False)

    def __enter__(self) -> Self:
        self._connection = rows.connect(self._server)
        try:
            self._drop()
            self._run(f"CREATE DATABASE `{self.name}` CHARACTER SET utf8mb4")
        except pymysql.MySQLError as error:
            self._connection.close()
            if error.args and error.args[0] in MAY_NOT:
                raise BackupRefused(
                    f"this user may not make the database {self.name!r}, where a backup is proven; let an "
                    f"administrator run: GRANT ALL PRIVILEGES ON `{self.name}`.* TO the user of DATABASE_URL"
                ) from None
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        # The connection may be what failed.
        with contextlib.suppress(pymysql.MySQLError, OSError):
            self._connection = rows.connect(self._server)
            self._drop()
            self._connection.close()

    def _drop(self) -> None:
        self._run(f"DROP DATABASE IF EXISTS `{self.name}`")

    def _run(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def swap(self) -> None:
        """Every table here takes its place in the live schema, and what was there comes here: all or nothing."""
        live, new = self._tables(self.live), self._tables(self.name)
        if rows.IDENTITY in live:
            # It keeps the id with which it marked its Redis and its bucket.
            kept = f"(SELECT id FROM `{self.live}`.{rows.IDENTITY})"  # noqa: S608 - names of ours
            self._run(f"UPDATE `{self.name}`.{rows.IDENTITY} SET id = COALESCE({kept}, id)")  # noqa: S608
            self._connection.commit()
        moved = [f"`{self.live}`.`{each}` TO `{self.name}`.`{OLD}{each}`" for each in live]
        moved += [f"`{self.name}`.`{each}` TO `{self.live}`.`{each}`" for each in new]
        self._run("SET lock_wait_timeout = 10")
        self._run("RENAME TABLE " + ", ".join(moved))

    def _tables(self, schema: str) -> list[str]:
        question = (
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s AND table_type = 'BASE TABLE'"
        )
        return [name for (name,) in rows.ask(self._connection, question, schema)]


@contextlib.contextmanager
def alone(settings: Settings) -> Iterator[Any]:
    """A connection that holds the right to restore into this database; nobody else can meanwhile."""
    name = hashlib.sha256(str(make_url(settings.database_url).database).encode()).hexdigest()[:24]
    # What it has looked at it does not keep from being renamed.
    connection = rows.connect(settings.database_url, autocommit=True)
    try:
        if rows.ask(connection, "SELECT GET_LOCK(%s, 0)", f"sinpluma-restore-{name}") != [("1",)]:
            raise BackupRefused("another restore into this database is at work; wait for it, or stop it")
        yield connection
    finally:
        connection.close()
