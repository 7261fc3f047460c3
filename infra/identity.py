"""Which database this is, by an id that its first migration to know of it has drawn.

It is never carried into another database, so a copy of a service on another machine is another one.
"""

from sqlalchemy import Column, Connection, select
from sqlalchemy.exc import ProgrammingError

from infra.database import Id, table

identity = table("identity", Column("id", Id, primary_key=True))


def database_id(connection: Connection) -> str | None:
    """None where the schema is older than that."""
    try:
        found: str | None = connection.scalar(select(identity.c.id))
    except ProgrammingError:
        return None
    return found
