"""Whether a database is there, able, and ours, asked before anything is started or changed."""

import re
import time

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from infra.identity import works_from
from infra.settings import CHECKOUT, Settings

# Wrong password, no rights on the schema, no such schema: waiting changes nothing.
REFUSED = frozenset({1044, 1045, 1049, 1698})


class DatabaseRefused(Exception):
    """This database cannot be used; says why and what to do."""


def check_database(settings: Settings, patience: float = 5.0) -> bool:
    """Whether its schema is newer than this code, which works with it all the same: after an update was taken back.

    Raises:
        DatabaseRefused: it does not answer, is too old, or holds something that is not ours.
    """
    engine = create_engine(
        settings.database_url,
        poolclass=NullPool,
        connect_args={"connect_timeout": 3, "read_timeout": 10, "write_timeout": 10},
    )
    deadline = time.monotonic() + patience
    while True:
        try:
            with engine.connect() as connection:
                _refuse_old(connection)
                return _is_newer(connection)
        except DBAPIError as error:
            if _number(error) in REFUSED or time.monotonic() > deadline:
                raise DatabaseRefused(
                    f"the database cannot be used: {error.orig}; does it run (`make run`), is DATABASE_URL right?"
                ) from None
            time.sleep(0.5)


def _number(error: DBAPIError) -> int:
    arguments = getattr(error.orig, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else 0


def _refuse_old(connection: Connection) -> None:
    """SKIP LOCKED, by which several relays share their work, came with these."""
    version = connection.scalar(text("SELECT VERSION()")) or ""
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", version)
    number = tuple(int(part) for part in found.groups()) if found else (0, 0, 0)
    wanted = (10, 6, 0) if "MariaDB" in version else (8, 0, 1)
    if number < wanted:
        raise DatabaseRefused(f"DATABASE_URL is {version}; MariaDB 10.6 or MySQL 8.0.1 is the oldest that will do")


def _is_newer(connection: Connection) -> bool:
    """Tables without our schema's version are somebody else's; a version that we do not know, too, unless it says that
    it is for us as well."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return False
    schema = connection.engine.url.database
    if "alembic_version" not in tables:
        some = ", ".join(sorted(tables)[:3])
        raise DatabaseRefused(
            f"the database {schema!r} of DATABASE_URL is not ours: it has tables ({some}) but no alembic_version; "
            "name an empty database"
        )
    unknown = set(connection.scalars(text("SELECT version_num FROM alembic_version"))) - known_revisions()
    if not unknown:
        return False
    if works_from(connection) in known_revisions():
        return True
    raise DatabaseRefused(
        f"the database {schema!r} of DATABASE_URL has schema version {', '.join(sorted(unknown))}, which this "
        "version of SinPluma does not know: it is another application's, or was written by a much newer SinPluma"
    )


def known_revisions() -> set[str]:
    """The migrations that this code has."""
    return {script.revision for script in _scripts().walk_revisions()}


def head_revision() -> str:
    """The newest of them."""
    return str(_scripts().get_current_head())


def _scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(CHECKOUT / "migrations").replace("%", "%%"))
    return ScriptDirectory.from_config(config)
