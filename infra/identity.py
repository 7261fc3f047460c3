"""Which database this is, by an id that its first migration to know of it has drawn, and which code its schema is for.

The id is never carried into another database, so a copy of a service on another machine is another one.
"""

from sqlalchemy import Column, Connection, String, inspect, select
from sqlalchemy.exc import ProgrammingError

from infra.database import Id, table

identity = table(
    "identity",
    Column("id", Id, primary_key=True),
    # The oldest revision whose code goes on with this schema (docs/adr/0035).
    Column("works_from", String(32, "ascii_bin"), nullable=False, server_default="0010"),
)


def database_id(connection: Connection) -> str | None:
    """None where the schema is older than that."""
    try:
        found: str | None = connection.scalar(select(identity.c.id))
    except ProgrammingError:
        return None
    return found


def works_from(connection: Connection) -> str | None:
    """The oldest revision whose code goes on with this schema, whatever came after it; None where it does not say."""
    looked = inspect(connection)
    if not looked.has_table(identity.name) or "works_from" not in {
        c["name"] for c in looked.get_columns(identity.name)
    }:
        return None
    found: str | None = connection.scalar(select(identity.c.works_from))
    return found
