"""Questions about outstanding deliveries, asked by reads, rebuilds, chores and metrics."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    ScalarSelect,
    Select,
    bindparam,
    func,
    literal,
    or_,
    select,
    union_all,
)

from events.deliveries import by_key, deliveries
from events.log import outbox
from events.subscriptions import REACTIONS, REPLAYABLE, UPDATE_VIEWS

# Each search counts what waits: no further than this.
MOST_COUNTED = 10_000

Pending = tuple[str, str, int]

_PARKED = by_key("SELECT deliveries.event_id FROM {owed} WHERE state = 'parked'")

_is_pending = deliveries.c.state == "pending"


def _owed_to(owner: Any, reaction: Any, counts: ColumnElement[bool]) -> tuple[Select[Pending], Select[Pending]]:
    """The owner's changes that the relay has not handed out, and those that the reaction has not handled."""
    new, out = outbox.c, deliveries.c
    return (
        select(new.event_id, new.aggregate_id, new.version).where(new.owner_id == owner),
        select(out.event_id, out.aggregate_id, out.version).where(
            out.owner_id == owner, out.reaction == reaction, counts
        ),
    )


_pending_of_owner = union_all(
    *_owed_to(bindparam("owner"), bindparam("reaction"), or_(_is_pending, bindparam("parked", type_=Integer) == 1))
)


def is_behind(reaction: str, owner: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the reaction has still to handle a change of this owner: for a statement that reads what the reaction
    writes, so that both are of one snapshot."""
    return or_(*(owed.exists() for owed in _owed_to(owner, reaction, _is_pending)))


def not_in_views(connection: Connection, owner_id: str) -> list[Pending]:
    """``(event id, aggregate id, version)`` of the owner's changes that the views do not show yet."""
    return not_seen_by(connection, UPDATE_VIEWS, owner_id)


def not_seen_by(connection: Connection, reaction: str, owner_id: str, parked: bool = False) -> list[Pending]:
    """``(event id, aggregate id, version)`` of the owner's changes that the reaction has not handled yet; with
    ``parked`` also the parked ones, which readers leave to an operator: they failed, or hung, often."""
    # One statement, so one snapshot: an event that moves from outbox to deliveries meanwhile is seen in one of them.
    given = {"owner": owner_id, "reaction": reaction, "parked": int(parked)}
    rows = connection.execute(_pending_of_owner, given)
    return [(row.event_id, row.aggregate_id, row.version) for row in rows]


def parked_among(connection: Connection, reaction: str, event_ids: Sequence[str]) -> set[str]:
    """Which of these events are parked for the reaction."""
    return set(connection.scalars(_PARKED, {"reaction": reaction, "ids": list(event_ids)}))


def owed_among(connection: Connection, event_ids: Sequence[str]) -> set[str]:
    """Which of these events have a delivery, pending or parked, or are still in the outbox."""
    wanted = list(event_ids)
    columns = deliveries.c
    owed = select(columns.event_id).where(columns.reaction.in_(REPLAYABLE), columns.event_id.in_(wanted))
    new = select(outbox.c.event_id).where(outbox.c.event_id.in_(wanted))
    return {*connection.scalars(new), *connection.scalars(owed)} if wanted else set()


def owes_before(connection: Connection, owner_id: str, aggregate_ids: Collection[str], moment: datetime) -> bool:
    """Whether any reaction has still to see an event of these aggregates from before then."""
    wanted = list(aggregate_ids)
    for kind in (outbox, deliveries):
        columns = kind.c
        found = (columns.owner_id == owner_id, columns.aggregate_id.in_(wanted), columns.occurred_at < moment)
        if connection.scalar(select(columns.event_id).where(*found).limit(1)):
            return True
    return False


def withdrawals(connection: Connection, reaction: str, but: Collection[str] = ()) -> dict[str, int]:
    """Pages and notebooks taken from readers that the reaction has not handled, parked ones too: id, and the version of
    the newest event that took it (a notebook's, also for a page). Events of the names in ``but`` do not count."""
    # Compared here: there are few, and an index tells them without a look at their types.
    waiting = select(outbox.c.withdraws, outbox.c.version, outbox.c.type).where(outbox.c.withdraws.is_not(None))
    owed = select(deliveries.c.withdraws, deliveries.c.version, deliveries.c.type).where(
        deliveries.c.withdraws.is_not(None), deliveries.c.reaction == reaction
    )
    newest: dict[str, int] = {}
    for withdrawn, version, name in connection.execute(union_all(waiting, owed)):
        if name not in but:
            newest[withdrawn] = max(newest.get(withdrawn, 0), version)
    return newest


_oldest_owed = union_all(
    *(
        # By the key: ids are in the order of time.
        select(literal(each).label("reaction"), deliveries.c.occurred_at)
        .where(deliveries.c.reaction == each, deliveries.c.state == "pending")
        .order_by(deliveries.c.event_id)
        .limit(1)
        .subquery()
        .select()
        for each in REACTIONS
    )
)


def oldest_waiting(connection: Connection) -> datetime | None:
    """When the oldest event occurred that the relay has yet to hand out."""
    return connection.scalar(select(outbox.c.occurred_at).order_by(outbox.c.event_id).limit(1))


def oldest_owed(connection: Connection) -> dict[str, datetime]:
    """When the oldest event occurred that each reaction still owes, of those that the relay has handed out; a reaction
    that owes nothing is left out."""
    return {row.reaction: row.occurred_at for row in connection.execute(_oldest_owed)}


def backlog(connection: Connection, reaction: str) -> tuple[int, datetime | None]:
    """How many events the reaction still owes, MOST_COUNTED at most of the new and of those handed out; and when the
    oldest of them occurred."""
    columns = deliveries.c
    # By their ids, which are in the order of time. Left to choose, the server may sort all that is pending.
    owed = select(deliveries).where(columns.state == "pending", columns.reaction == reaction)
    oldest_owed = owed.with_only_columns(columns.occurred_at).order_by(columns.event_id).limit(1)
    oldest_new = select(outbox.c.occurred_at).order_by(outbox.c.event_id).limit(1)
    # One statement, so one snapshot: an event that moves from outbox to deliveries meanwhile is seen in one of them.
    new, handed_out, *times = connection.execute(
        select(
            _count(select(outbox.c.event_id)),
            _count(owed.with_only_columns(columns.event_id)),
            oldest_new.scalar_subquery(),
            oldest_owed.with_hint(deliveries, "FORCE INDEX (PRIMARY)").scalar_subquery(),
        )
    ).one()
    return new + handed_out, min((time for time in times if time), default=None)


def _count(rows: Select[Any]) -> ScalarSelect[int]:
    return select(func.count()).select_from(rows.limit(MOST_COUNTED).subquery()).scalar_subquery()
