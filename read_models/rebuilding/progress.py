"""Which read models are being made anew, and what happens to the live ones meanwhile.

A rebuild reads the log once, into a shadow. Whatever is projected into the live tables from its beginning on is noted
in the tail, in the same transaction, and is projected into the shadow before the two are swapped. So nothing depends
on the order in which events were committed.
"""

from collections.abc import Collection

from sqlalchemy import Column, Connection, Integer, String, select, update
from sqlalchemy.dialects.mysql import insert

from infra.database import Id, table
from read_models.model import Model

Name = String(12, collation="ascii_bin")

rebuilds = table(
    "rebuilds",
    Column("model", Name, primary_key=True),
    # The builder of the live tables, and of the shadow: NULL while there is none.
    Column("builder_version", Integer, nullable=False),
    Column("building", Integer),
    # The last event of the log that the shadow has seen; when there is none any more, the last one that was read in the
    # order of the log. What came after it was projected one by one.
    Column("position", Id, nullable=False, server_default=""),
)

rebuild_tail = table(
    "rebuild_tail",
    Column("model", Name, primary_key=True),
    Column("event_id", Id, primary_key=True),
)


def note(connection: Connection, model: Model, event_ids: Collection[str]) -> None:
    """These events will be projected in this transaction. Call it before they are: it waits for a swap."""
    if not event_ids:
        return
    # The shared lock is held until the commit: a rebuild's start and its swap wait for every transaction that saw no
    # rebuild.
    query = select(rebuilds.c.building, rebuilds.c.builder_version).where(rebuilds.c.model == model.name)
    state = connection.execute(query.with_for_update(read=True)).one_or_none()
    if state is None:
        return
    if state.building is not None:
        noted = [{"model": model.name, "event_id": event_id} for event_id in event_ids]
        connection.execute(insert(rebuild_tail).prefix_with("IGNORE"), noted)
    if state.builder_version > model.builder_version:
        # Newer code built the tables, and this transaction is about to write rows of an older builder into them.
        request(connection, model.name)


def are_under_way(connection: Connection) -> bool:
    """Whether some model is being made anew. If not, none begins before this transaction has ended."""
    # Select all rows: InnoDB releases the lock of a row that a condition excludes.
    found = connection.execute(select(rebuilds.c.building).with_for_update(read=True)).scalars()
    return any(building is not None for building in found.all())


def read_until(connection: Connection, model: str) -> str:
    """The last event of the log that was there when this model was made anew; empty when it never was."""
    position: str | None = connection.scalar(select(rebuilds.c.position).where(rebuilds.c.model == model))
    return position or ""


def request(connection: Connection, model: str) -> None:
    """Have the clock rebuild a model, as if older code had built it."""
    connection.execute(update(rebuilds).where(rebuilds.c.model == model).values(builder_version=0))
