"""Deliveries as operators see them: what waits, what was given up, and another try."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from events.deliveries import deliveries
from events.log import outbox
from events.subscriptions import UNROUTED
from infra.clock import now

Delivery = dict[str, Any]
STATES = ("pending", "parked")


def counts(connection: Connection) -> dict[tuple[str, str], int]:
    """``{(reaction, state): how many}``; what there is none of is left out."""
    columns = deliveries.c
    query = select(columns.reaction, columns.state, func.count()).group_by(columns.reaction, columns.state)
    return {(reaction, state): count for reaction, state, count in connection.execute(query)}


def waiting(connection: Connection) -> tuple[int, datetime | None]:
    """How many events the relay has not handed out yet, and when the oldest of them occurred."""
    count, oldest = connection.execute(select(func.count(), func.min(outbox.c.occurred_at))).one()
    return count, oldest


def listed(connection: Connection, state: str, page: int, per_page: int) -> tuple[list[Delivery], int]:
    """One page of the deliveries in this state, and how many there are; in the order in which they fall due."""
    chosen = deliveries.c.state == state
    query = select(deliveries).where(chosen).order_by(deliveries.c.reaction, deliveries.c.due_at, deliveries.c.event_id)
    rows = connection.execute(query.limit(per_page).offset((page - 1) * per_page)).mappings()
    total = connection.scalar(select(func.count()).select_from(deliveries).where(chosen))
    return [dict(row) for row in rows], total or 0


def retry(connection: Connection, reaction: str, event_id: str) -> Delivery | None:
    """Send it again, now, as if it had never been tried; None when nothing of the kind is owed. The caller commits."""
    this = (deliveries.c.reaction == reaction, deliveries.c.event_id == event_id)
    row = connection.execute(select(deliveries).where(*this).with_for_update()).mappings().one_or_none()
    if row is None:
        return None
    again = {"state": "pending", "attempts": 0, "due_at": now()}
    if reaction == UNROUTED:
        # Back to where it came from: the relay hands it out anew, to the reactions that are known by now.
        # What it added has been counted since it was there first.
        known = [column.name for column in outbox.columns if column.name != "grown"]
        connection.execute(insert(outbox).values({name: row[name] for name in known}))
        connection.execute(delete(deliveries).where(*this))
    else:
        connection.execute(update(deliveries).where(*this).values(again))
    return {**row, **again}


def parked(connection: Connection, reaction: str | None, event_id: str | None, limit: int) -> list[tuple[str, str]]:
    """``(reaction, event id)`` of up to ``limit`` that were given up, of these if given."""
    wanted = [deliveries.c.state == "parked"]
    wanted += [deliveries.c.reaction == reaction] if reaction else []
    wanted += [deliveries.c.event_id == event_id] if event_id else []
    query = select(deliveries.c.reaction, deliveries.c.event_id).where(*wanted)
    query = query.order_by(deliveries.c.reaction, deliveries.c.event_id).limit(limit)
    return [(row.reaction, row.event_id) for row in connection.execute(query)]
