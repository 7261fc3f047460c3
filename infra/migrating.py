"""Bring the schema to the newest revision; what the revisions are is in ``migrations/``."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymysql.cursors import Cursor
from pymysql.err import MySQLError
from sqlalchemy import Connection, Engine, event, inspect, text
from sqlalchemy.exc import DBAPIError

from infra.database import write_engine
from infra.settings import Settings

logger = logging.getLogger(__name__)

# An ALTER of a large table takes hours. One that its client gives up goes on in the server; the next run waits for it.
LONGEST_STEP_SECONDS = 7 * 86400.0
# The table, column or index is there already, or gone already.
DONE_BEFORE = {1050, 1060, 1061, 1051, 1091}
# How long one host waits for another that migrates.
TURN_SECONDS = 600
LOCK = "sinpluma-migrate"


class MigrationBusy(Exception):
    """Someone else is migrating, and does not come to an end."""


class MigrationFailed(Exception):
    """The server refused a step. The schema is as the last step that was done has left it."""


def migrate(settings: Settings, revision: str = "head", turn_seconds: int = TURN_SECONDS) -> None:
    """Bring the schema to the newest revision, or to this one. Several hosts may do so at once: they take turns.

    Raises:
        MigrationBusy: it was not our turn within ``turn_seconds``; nothing was done.
        MigrationFailed: the steps before the one that failed are done.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    # In Alembic's configuration a % begins a placeholder, and a checkout may have one in its path.
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations").replace("%", "%%"))
    config.attributes["settings"] = settings
    config.attributes["turn_seconds"] = turn_seconds
    try:
        command.upgrade(config, revision)
    except DBAPIError as error:
        raise MigrationFailed(
            f"the step after {reached(settings)} failed: {error.orig}. The schema stays there; the code before goes on "
            "with it. Remove the cause, then `python run.py migrate` goes on; docs/upgrading.md, A migration fails"
        ) from error


def reached(settings: Settings) -> str:
    """The last revision that was done; in words where there is none, or nobody who could say."""
    engine = migration_engine(settings)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return "the empty database"
            return connection.scalar(text("SELECT version_num FROM alembic_version")) or "the empty database"
    except DBAPIError:
        return "one that the server does not tell, since it does not answer,"
    finally:
        engine.dispose()


def migration_engine(settings: Settings) -> Engine:
    """One that waits for a statement as long as it takes, and goes on where an interrupted run ended.

    The server does each statement that changes the schema whole or not at all, and at once; that a migration is done is
    written down behind its last. So the next run meets what the interrupted one did.
    """
    engine = write_engine(settings, pool_size=1, patience=LONGEST_STEP_SECONDS)
    event.listen(engine, "do_execute", _unless_done_before)
    return engine


def _unless_done_before(cursor: Cursor, statement: str, parameters: Any, _: object) -> bool:
    """Carry the statement out; true, as SQLAlchemy wants it from who has done so."""
    try:
        cursor.execute(statement, parameters)
    except MySQLError as error:
        if error.args[0] not in DONE_BEFORE:
            raise
        logger.info("this was done by an earlier run, which did not come to its end: %s", statement)
    return True


@contextmanager
def our_turn(connection: Connection, seconds: int) -> Iterator[None]:
    """Nobody else migrates within the block.

    Raises:
        MigrationBusy
    """
    # 1 when we have it, 0 when the time is up, NULL when the server could not say.
    answer = connection.scalar(text("SELECT GET_LOCK(:name, :seconds)"), {"name": LOCK, "seconds": seconds})
    if answer != 1:
        raise MigrationBusy(f"another host has been bringing the schema up to date for {seconds} s; wait for it")
    yield
    # With the connection's end the lock goes as well, so no error needs to be cared for here.
    connection.execute(text("SELECT RELEASE_LOCK(:name)"), {"name": LOCK})
