"""Newest wins: the guarded upsert that all projections share.

Events arrive late, twice and out of order. A row remembers the version it was made from, and what is older leaves it
alone; so order, repeats and several workers stop mattering.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, and_, func, or_
from sqlalchemy.dialects.mysql import insert

from events.event import Event

Key = TypeVar("Key")
Item = TypeVar("Item")


def newest_wins(
    connection: Connection, target: Table, rows: Sequence[dict[str, Any]], leave: tuple[str, ...] = ()
) -> None:
    """Insert or replace rows; a stored row of a higher version stays. Each row holds ``version`` and
    ``builder_version``; the same version is replaced only by a newer builder. Columns in ``leave`` are not ours."""
    if rows:
        keys = [column.name for column in target.primary_key]
        # In one order everywhere, so that two workers wait for each other instead of deadlocking.
        ordered = sorted(rows, key=lambda row: [row[key] for key in keys])
        connection.execute(_upsert(target, leave), ordered)


@cache
def _upsert(target: Table, leave: tuple[str, ...]):  # type: ignore[no-untyped-def]
    statement = insert(target)
    new, old = statement.inserted, target.c
    newer = or_(
        new.version > old.version,
        and_(new.version == old.version, new.builder_version > old.builder_version),
    )
    guards = ("builder_version", "version")
    keep = {*guards, *leave}
    names = [column.name for column in target.columns if not column.primary_key and column.name not in keep]
    # The server assigns from left to right and later assignments see earlier ones, so the guards change last.
    return statement.on_duplicate_key_update(
        [(name, func.if_(newer, new[name], old[name])) for name in (*names, *guards)]
    )


def newest_of(events: Iterable[Event], kind: type[Item]) -> dict[str, Item]:
    """The newest fact of this kind per aggregate: the others of the batch are history already."""
    newest: dict[str, Event] = {}
    for event in events:
        if isinstance(event.fact, kind):
            known = newest.get(event.aggregate_id)
            if known is None or known.version < event.version:
                newest[event.aggregate_id] = event
    return {aggregate_id: event.fact for aggregate_id, event in newest.items()}
