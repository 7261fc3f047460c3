"""Who still has to see what. A row is an event that one reaction has not handled yet.

A row is deleted in the transaction of the reaction that handled it, so what stands here is exactly what is owed, and
there is nothing to purge. What Redis knows of it is a hint: a row whose ``due_at`` has passed is sent again.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    String,
    Text,
    TextClause,
    bindparam,
    exists,
    insert,
    literal,
    select,
    text,
    union_all,
    update,
)

from events import usage
from events.log import outbox
from events.subscriptions import REACTIONS, REPLAYABLE, UNROUTED, Subscriptions
from infra import crash
from infra.clock import now
from infra.database import Id, Json, UtcDateTime, table

LONGEST_PAUSE_SECONDS = 600

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
    # True once it was sent and not handled: it failed, or its worker died. These have a lane of their own.
    Column("again", Boolean, nullable=False, server_default="0"),
    Index("ix_deliveries_lane", "state", "reaction", "again", "due_at"),
    Index("ix_deliveries_owner", "owner_id"),
    Index("ix_deliveries_withdraws", "withdraws"),
)


def by_key(statement: str) -> TextClause:
    """A statement on rows whose ids come as a list, each found by its key and no other row touched.

    With IN the servers read a small table from end to end and wait there for rows that others hold: the relay for
    every writer that has not committed, workers for each other.
    """
    # Nested, since FOR UPDATE would name the list as a table to lock as well, which MySQL refuses (3569).
    ids = (
        "(SELECT id FROM JSON_TABLE(:ids, '$[*]' "
        "COLUMNS (id CHAR(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS given) AS chosen"
    )
    key = "deliveries.reaction = :reaction AND deliveries.event_id = chosen.id"
    owed = f"{ids} STRAIGHT_JOIN deliveries FORCE INDEX (PRIMARY) ON {key}"
    waiting = f"{ids} STRAIGHT_JOIN outbox FORCE INDEX (PRIMARY) ON outbox.event_id = chosen.id"
    return text(statement.format(owed=owed, waiting=waiting)).bindparams(bindparam("ids", type_=Json(list[str])))


_TAKE = by_key("DELETE outbox FROM {waiting}")
_POSTPONE = by_key("UPDATE {owed} SET due_at = :due_at, again = :again WHERE state = 'pending'").bindparams(
    bindparam("due_at", type_=UtcDateTime())
)
_LOCK = by_key("SELECT deliveries.event_id FROM {owed} WHERE state = 'pending' FOR UPDATE SKIP LOCKED")
_LOCK_DUE = by_key(
    "SELECT deliveries.event_id FROM {owed} WHERE state = 'pending' AND due_at <= :at FOR UPDATE SKIP LOCKED"
).bindparams(bindparam("at", type_=UtcDateTime()))
_DONE = by_key("DELETE deliveries FROM {owed}")


_new = select(exists().select_from(outbox))


def _is_due(reaction: str, again: bool, at: Any) -> tuple[ColumnElement[bool], ...]:
    columns = deliveries.c
    # Compared with a number, since IS TRUE would not use the index.
    lane = (columns.state == "pending", columns.reaction == reaction, columns.again == literal(int(again)))
    return (*lane, columns.due_at <= at)


# One look-up in the index for each, in a single round trip.
_due = union_all(
    *(
        select(literal(each), literal(int(again))).where(exists().where(*_is_due(each, again, bindparam("at"))))
        for each in REACTIONS
        for again in (False, True)
    )
)


def has_new(connection: Connection) -> bool:
    """Whether the outbox holds events."""
    return bool(connection.scalar(_new))


def due_now(connection: Connection) -> list[tuple[str, bool]]:
    """``(reaction, again)`` of what something is due for: a first try, and a second or later one."""
    return [(row[0], bool(row[1])) for row in connection.execute(_due, {"at": now()})]


def fan_out(connection: Connection, subscriptions: Subscriptions, limit: int) -> list[str]:
    """Turn up to ``limit`` pending events into deliveries, due now; the ids of the events taken. The caller commits."""
    # SKIP LOCKED lets several relays work side by side. There is no cursor: an event that commits late is simply
    # still here, where "id greater than the last one seen" would have passed it by.
    chosen = select(outbox).order_by(outbox.c.event_id).limit(limit).with_for_update(skip_locked=True)
    rows = connection.execute(chosen).all()
    owed = [row for event in rows for row in _owed(event._asdict(), subscriptions)]
    if owed:
        connection.execute(insert(deliveries), owed)
        crash.point("fan-out written")
    event_ids = [row.event_id for row in rows]
    if event_ids:
        connection.execute(_TAKE, {"ids": event_ids})
        usage.settle(connection, rows)
    return event_ids


def _owed(event: dict[str, Any], subscriptions: Subscriptions) -> list[dict[str, object]]:
    reactions = subscriptions.get(str(event["type"]))
    state = "pending" if reactions is not None else "parked"
    error = None if reactions is not None else f"no reaction knows {event['type']}"
    del event["grown"]
    common = {**event, "state": state, "due_at": now(), "attempts": 0, "error": error}
    return [{**common, "reaction": reaction} for reaction in (reactions if reactions is not None else (UNROUTED,))]


def claim_due(connection: Connection, reaction: str, limit: int, lease: timedelta, again: bool = False) -> list[str]:
    """Take up to ``limit`` due deliveries to send, oldest first; they fall due again after ``lease``. ``again``: of
    those that were sent before, else of the others."""
    at = now()
    query = select(deliveries.c.event_id).where(*_is_due(reaction, again, at))
    query = query.order_by(deliveries.c.due_at).limit(limit)
    # Searched without locks, then locked by key. On MariaDB a search that locks also holds the row next to its range,
    # which is the first of those already sent; the worker that comes for it at that moment would pass it by.
    found = list(connection.scalars(query))
    if not found:
        return []
    event_ids = list(connection.scalars(_LOCK_DUE, {"reaction": reaction, "ids": found, "at": at}))
    _postpone(connection, reaction, event_ids, lease, again=True)
    return event_ids


def _postpone(connection: Connection, reaction: str, event_ids: Sequence[str], pause: timedelta, again: bool) -> None:
    values = {"due_at": now() + pause, "again": again}
    connection.execute(_POSTPONE, {"reaction": reaction, "ids": list(event_ids), **values})


def hand_back(connection: Connection, reaction: str, event_ids: Sequence[str], again: bool) -> None:
    """Make them due now: a worker had no time for them, or (``again``) the batch that they are in failed."""
    _postpone(connection, reaction, event_ids, timedelta(), again)


def take_back(connection: Connection, event_ids: Sequence[str]) -> None:
    """Cancel these deliveries, parked ones too; blocks while the relay or a worker holds them. The caller erases the
    events."""
    # The outbox first: what the relay takes from there meanwhile is in deliveries when its row is free.
    connection.execute(_TAKE, {"ids": event_ids})
    for reaction in REPLAYABLE:
        connection.execute(_DONE, {"reaction": reaction, "ids": event_ids})


def lock(connection: Connection, reaction: str, event_ids: Sequence[str]) -> list[str]:
    """The ids still owed among these, locked for this transaction; what another worker holds is left to it."""
    return list(connection.scalars(_LOCK, {"reaction": reaction, "ids": event_ids})) if event_ids else []


def done(connection: Connection, reaction: str, event_ids: Sequence[str]) -> None:
    """The reaction has handled these; in its own transaction, so effect and receipt are one."""
    if event_ids:
        connection.execute(_DONE, {"reaction": reaction, "ids": event_ids})


def begin_try(connection: Connection, reaction: str, event_id: str, most: int) -> str:
    """Count a try before it is made, so that a try that kills its worker counts too. Returns the state: "pending";
    "parked" after ``most`` tries; "gone" when it is done, or another worker has it locked."""
    one = (deliveries.c.reaction == reaction, deliveries.c.event_id == event_id)
    locked = select(deliveries).where(*one, deliveries.c.state == "pending").with_for_update(skip_locked=True)
    row = connection.execute(locked).one_or_none()
    if row is None:
        return "gone"
    if row.attempts >= most:
        error = row.error or "its worker never came back: killed, out of memory, or it took too long"
        connection.execute(update(deliveries).where(*one).values(state="parked", error=error))
        return "parked"
    attempts = row.attempts + 1
    connection.execute(update(deliveries).where(*one).values(attempts=attempts, due_at=now() + _pause(attempts)))
    return "pending"


def failed(connection: Connection, reaction: str, event_id: str, error: str, most: int, counted: bool = False) -> str:
    """Count a failed try, unless it was ``counted`` before: later again with a doubling pause, parked after ``most``.
    Answers the new state."""
    one = (deliveries.c.reaction == reaction, deliveries.c.event_id == event_id)
    row = connection.execute(select(deliveries).where(*one).with_for_update()).one_or_none()
    if row is None:
        return "gone"
    attempts = row.attempts if counted else row.attempts + 1
    state = "parked" if attempts >= most else "pending"
    values = {"attempts": attempts, "state": state, "due_at": now() + _pause(attempts), "error": error[:2000]}
    connection.execute(update(deliveries).where(*one).values(**values, again=True))
    return state


def _pause(attempts: int) -> timedelta:
    return timedelta(seconds=min(2**attempts, LONGEST_PAUSE_SECONDS))


def uncount(connection: Connection, reaction: str, event_id: str) -> None:
    """Take back a counted try that could not be made, because a server was away."""
    one = (deliveries.c.reaction == reaction, deliveries.c.event_id == event_id)
    connection.execute(update(deliveries).where(*one).values(attempts=deliveries.c.attempts - 1))


def resend_all(connection: Connection) -> int:
    """Make everything pending due now: what was sent is gone from Redis, and nobody has tried it."""
    changed = update(deliveries).where(deliveries.c.state == "pending", deliveries.c.due_at > now())
    return connection.execute(changed.values(due_at=now(), again=deliveries.c.attempts > 0)).rowcount
