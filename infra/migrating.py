"""Bring the schema to the newest revision; what the revisions are is in ``migrations/``."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from infra.database import write_engine
from infra.settings import Settings

# An ALTER of a large table takes hours. One that is given up by its client goes on in the server, and is done without
# being written down: the next run would meet what is there already.
LONGEST_STEP_SECONDS = 7 * 86400.0
# How long one host waits for another that migrates.
TURN_SECONDS = 600
LOCK = "sinpluma-migrate"


class MigrationBusy(Exception):
    """Someone else is migrating, and does not come to an end."""


def migrate(settings: Settings, revision: str = "head", turn_seconds: int = TURN_SECONDS) -> None:
    """Bring the schema to the newest revision, or to this one. Several hosts may do so at once: they take turns.

    Raises:
        MigrationBusy: it was not our turn within ``turn_seconds``; nothing was done.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    # In Alembic's configuration a % begins a placeholder, and a checkout may have one in its path.
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations").replace("%", "%%"))
    config.attributes["settings"] = settings
    config.attributes["turn_seconds"] = turn_seconds
    command.upgrade(config, revision)


def migration_engine(settings: Settings) -> Engine:
    """One that waits for a statement as long as it takes."""
    return write_engine(settings, pool_size=1, patience=LONGEST_STEP_SECONDS)


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
