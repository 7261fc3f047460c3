"""How many bytes of text each user has (docs/adr/0031).

A command says in its rows of the outbox how much it adds, so the count is exact as soon as it commits, and no two
saves of a user wait for each other at a row of theirs. The relay adds that up here, in the transaction that takes the
rows out. What has gone (a revision, a snapshot, a page) is found by counting anew; ``workers/recounting.py`` does so.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Row,
    cast,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.mysql import insert

from events.log import outbox
from events.notebooks import (
    NotebookPublished,
    NotebookPurged,
    NotebookTrashed,
    NotebookUnpublished,
    PageTrashed,
)
from events.pages import PagePurged
from infra.clock import now
from infra.database import Id, UtcDateTime, table

text_usage = table(
    "text_usage",
    Column("owner_id", Id, primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    # One more with each change: a count that was overtaken by a change is not kept.
    Column("changes", BigInteger, nullable=False),
    # When to count anew; never, while nothing has gone.
    Column("recount_at", UtcDateTime),
    Index("ix_text_usage_recount", "recount_at"),
)

# After these something is gone, or will be as soon as the reactions have seen them.
FREEING = frozenset(
    kind.name
    for kind in (NotebookPublished, NotebookUnpublished, NotebookTrashed, NotebookPurged, PageTrashed, PagePurged)
)
# What is published page by page, or thinned, is counted once.
RECOUNT_AFTER = timedelta(minutes=1)


def used_by(owner_id: Any) -> ColumnElement[int]:
    """The bytes that a user's texts take, as of the statement that this is put into; below zero for a moment, where
    something was counted too low."""
    # One statement, so one snapshot: what the relay moves meanwhile is counted in one of the two places.
    # Without functions around the two, which would have MySQL read them twice.
    settled = select(func.coalesce(func.sum(text_usage.c.bytes), 0)).where(text_usage.c.owner_id == owner_id)
    new = select(func.coalesce(func.sum(outbox.c.grown), 0)).where(outbox.c.owner_id == owner_id)
    return cast(settled.scalar_subquery() + new.scalar_subquery(), BigInteger)


def settle(connection: Connection, taken: Sequence[Row[Any]]) -> None:
    """Count rows of the outbox that this transaction takes out."""
    grown: dict[str, int] = {}
    for row in taken:
        if row.grown or row.type in FREEING:
            grown[row.owner_id] = grown.get(row.owner_id, 0) + row.grown
    freed = {row.owner_id for row in taken if row.type in FREEING}
    _add(connection, {owner_id: grown[owner_id] for owner_id in sorted(grown)}, freed)


def owe_recount(connection: Connection, owner_id: str) -> None:
    """Something of a user's has gone; the last thing that a transaction does, since the relay waits for the row."""
    _add(connection, {owner_id: 0}, {owner_id})


def _add(connection: Connection, grown: dict[str, int], freed: Collection[str]) -> None:
    if not grown:
        return
    soon = now() + RECOUNT_AFTER
    added = insert(text_usage)
    columns, new = text_usage.c, added.inserted
    connection.execute(
        added.on_duplicate_key_update(
            bytes=columns.bytes + new.bytes,
            # Spelt out: PyMySQL takes no parameters behind the rows of many.
            changes=columns.changes + literal_column("1"),
            recount_at=func.coalesce(columns.recount_at, new.recount_at),
        ),
        [
            {"owner_id": owner_id, "bytes": more, "changes": 1, "recount_at": soon if owner_id in freed else None}
            for owner_id, more in grown.items()
        ],
    )


def due(connection: Connection, at: datetime, limit: int) -> list[tuple[str, int]]:
    """``(owner id, changes)`` of those to be counted anew, longest due first."""
    columns = text_usage.c
    query = select(columns.owner_id, columns.changes).where(columns.recount_at <= at)
    return [(row.owner_id, row.changes) for row in connection.execute(query.order_by(columns.recount_at).limit(limit))]


def put_off(connection: Connection, owner_id: str) -> None:
    """Count this one anew a little later."""
    one = text_usage.c.owner_id == owner_id
    connection.execute(update(text_usage).where(one).values(recount_at=now() + RECOUNT_AFTER))


def recounted(connection: Connection, owner_id: str, total: int, changes: int) -> bool:
    """Keep a count that was begun after so many ``changes``, and while nothing was owed; False when another change
    has overtaken it."""
    columns = text_usage.c
    one = update(text_usage).where(columns.owner_id == owner_id, columns.changes == changes)
    return connection.execute(one.values(bytes=total, recount_at=None)).rowcount == 1
