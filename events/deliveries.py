"""Who still has to see what. A row is an event that one reaction has not handled yet.

A row is deleted in the transaction of the reaction that handled it, so what stands here is exactly what is owed, and
there is nothing to purge. What Redis knows of it is a hint: a row whose ``due_at`` has passed is sent again.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    String,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    union_all,
    update,
)

from events.log import outbox
from events.subscriptions import UPDATE_VIEWS, reactions_to
from infra.clock import now
from infra.database import Id, UtcDateTime, table

# The reaction of an event that nothing here subscribes to: parked at once, for code that knows it to take up.
UNROUTED = "unrouted"
LONGEST_PAUSE = timedelta(minutes=10)

deliveries = table(
    "deliveries",
    Column("reaction", String(32, collation="ascii_bin"), primary_key=True),
    Column("event_id", Id, primary_key=True),
    Column("type", String(40), nullable=False),
    Column("aggregate_id", Id, nullable=False),
    Column("version", Integer, nullable=False),
    Column("owner_id", Id, nullable=False),
    Column("withdraws", Id),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("state", String(8, collation="ascii_bin"), nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text),
    Index("ix_deliveries_due", "state", "reaction", "due_at"),
    Index("ix_deliveries_owner", "owner_id"),
    Index("ix_deliveries_withdraws", "withdraws"),
)

Pending = tuple[str, str, int]


def fan_out(connection: Connection, limit: int) -> int:
    """Turn up to ``limit`` pending events into deliveries, due now; the number of events taken. The caller commits."""
    # SKIP LOCKED lets several relays work side by side. There is no cursor: an event that commits late is simply
    # still here, where "id greater than the last one seen" would have passed it by.
    chosen = select(outbox).order_by(outbox.c.event_id).limit(limit).with_for_update(skip_locked=True)
    rows = connection.execute(chosen).all()
    if rows:
        connection.execute(insert(deliveries), [row for event in rows for row in _owed(event._asdict())])
        connection.execute(delete(outbox).where(outbox.c.event_id.in_([row.event_id for row in rows])))
    return len(rows)


def _owed(event: dict[str, object]) -> list[dict[str, object]]:
    reactions = reactions_to(str(event["type"]))
    state = "pending" if reactions is not None else "parked"
    error = None if reactions is not None else f"no reaction knows {event['type']}"
    common = {**event, "state": state, "due_at": now(), "attempts": 0, "error": error}
    return [{**common, "reaction": reaction} for reaction in (reactions if reactions is not None else (UNROUTED,))]


def claim_due(connection: Connection, reaction: str, limit: int, lease: timedelta) -> list[str]:
    """Take up to ``limit`` due deliveries to send, oldest first; they fall due again after ``lease``."""
    query = (
        select(deliveries.c.event_id)
        .where(deliveries.c.state == "pending", deliveries.c.reaction == reaction, deliveries.c.due_at <= now())
        .order_by(deliveries.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    event_ids = list(connection.scalars(query))
    if event_ids:
        connection.execute(_of(update(deliveries), reaction, event_ids).values(due_at=now() + lease))
    return event_ids


def lock(connection: Connection, reaction: str, event_ids: Iterable[str]) -> list[str]:
    """The ids still owed among these, locked for this transaction; what another worker holds is left to it."""
    query = _of(select(deliveries.c.event_id), reaction, event_ids).where(deliveries.c.state == "pending")
    return list(connection.scalars(query.with_for_update(skip_locked=True)))


def done(connection: Connection, reaction: str, event_ids: Sequence[str]) -> None:
    """The reaction has handled these; in its own transaction, so effect and receipt are one."""
    if event_ids:
        connection.execute(_of(delete(deliveries), reaction, event_ids))


def _of(statement, reaction: str, event_ids: Iterable[str]):  # type: ignore[no-untyped-def]
    return statement.where(deliveries.c.reaction == reaction, deliveries.c.event_id.in_(list(event_ids)))


def failed(connection: Connection, reaction: str, event_id: str, error: str, most: int) -> str:
    """Count a failed try: later again with a doubling pause, parked after ``most``. Answers the new state."""
    row = connection.execute(_of(select(deliveries), reaction, [event_id]).with_for_update()).one_or_none()
    if row is None:
        return "gone"
    attempts = row.attempts + 1
    state = "parked" if attempts >= most else "pending"
    pause = min(timedelta(seconds=2**attempts), LONGEST_PAUSE)
    values = {"attempts": attempts, "state": state, "due_at": now() + pause, "error": error[:2000]}
    connection.execute(_of(update(deliveries), reaction, [event_id]).values(values))
    return state


def resend_all(connection: Connection) -> int:
    """Make everything pending due now: what was sent is gone from Redis."""
    changed = update(deliveries).where(deliveries.c.state == "pending", deliveries.c.due_at > now())
    return connection.execute(changed.values(due_at=now())).rowcount


_pending_of_owner = union_all(
    select(outbox.c.event_id, outbox.c.aggregate_id, outbox.c.version).where(outbox.c.owner_id == bindparam("owner")),
    select(deliveries.c.event_id, deliveries.c.aggregate_id, deliveries.c.version).where(
        deliveries.c.owner_id == bindparam("owner"), deliveries.c.reaction == UPDATE_VIEWS
    ),
)


def not_in_views(connection: Connection, owner_id: str) -> list[Pending]:
    """``(event id, aggregate id, version)`` of the owner's changes that the views do not show yet."""
    # One statement, so one snapshot: an event that moves from outbox to deliveries meanwhile is seen in one of them.
    rows = connection.execute(_pending_of_owner, {"owner": owner_id})
    return [(row.event_id, row.aggregate_id, row.version) for row in rows]


def withdrawals(connection: Connection, reaction: str) -> frozenset[str]:
    """Ids of pages and notebooks taken from readers that the reaction has not heard of yet."""
    waiting = select(outbox.c.withdraws).where(outbox.c.withdraws.is_not(None))
    owed = select(deliveries.c.withdraws).where(deliveries.c.withdraws.is_not(None), deliveries.c.reaction == reaction)
    return frozenset(connection.scalars(union_all(waiting, owed)))


def backlog(connection: Connection, reaction: str) -> tuple[int, datetime | None]:
    """How many events the reaction still owes, and when the oldest of them occurred."""
    waiting = select(outbox.c.occurred_at)
    owed = select(deliveries.c.occurred_at).where(deliveries.c.state == "pending", deliveries.c.reaction == reaction)
    both = union_all(waiting, owed).subquery()
    count, oldest = connection.execute(select(func.count(), func.min(both.c.occurred_at)).select_from(both)).one()
    return count, oldest
