"""Idempotency receipts: the answer to a command, stored in the command's own transaction.

A receipt is begun before the work and completed after it. Until the commit its row is locked, which is how a second
request with the same key knows that the first is still under way.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    CHAR,
    Column,
    Connection,
    Index,
    Integer,
    Row,
    String,
    bindparam,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.mysql import VARCHAR
from sqlalchemy.exc import OperationalError

from domain.errors import InProgress, Invalid
from infra import crash
from infra.database import Json, LongText, UtcDateTime, table
from infra.database_errors import error_number

# A day is promised; a client that comes back after a long week-end is still served.
KEEP = timedelta(days=4)
NOWAIT_FAILED = frozenset({1205, 3572})  # MariaDB, MySQL

receipts = table(
    "receipts",
    Column("holder", String(64, collation="ascii_bin"), primary_key=True),
    Column("key", VARCHAR(255, charset="utf8mb4", collation="utf8mb4_bin"), primary_key=True),
    Column("request", String(2100), nullable=False),
    Column("body_hmac", CHAR(64, collation="ascii_bin"), nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", Json(dict[str, str]), nullable=False),
    Column("body", LongText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_receipts_created", "created_at"),
)


@dataclass(frozen=True)
class Answer:
    """What the API says to a command: status, headers that belong to the result, and the body as JSON text."""

    status: int
    headers: dict[str, str]
    body: str
    replayed: bool = False


@dataclass(frozen=True)
class Claim:
    """A client's wish to do something once: whose key, which key, for which request (``"POST /path"``)."""

    holder: str
    key: str
    request: str
    body_hmac: str


def earlier(connection: Connection, claim: Claim) -> Answer | None:
    """The stored answer to this very request, None when the key is new.

    Raises:
        InProgress: the first request with the key is still being worked on.
        Invalid: the key was used for another request or another body.
    """
    query = select(receipts).where(receipts.c.holder == claim.holder, receipts.c.key == claim.key)
    try:
        row = connection.execute(query.with_for_update(nowait=True)).one_or_none()
    except OperationalError as error:
        if error_number(error) in NOWAIT_FAILED:
            raise InProgress(
                "A request with this Idempotency-Key is still in progress; ask again in a moment."
            ) from None
        raise
    return _replay(row, claim) if row else None


def _replay(row: Row[tuple[object, ...]], claim: Claim) -> Answer:
    if row.request != claim.request:
        raise Invalid({"Idempotency-Key": [f"Was used for {row.request}; choose a new key for another request."]})
    if row.body_hmac != claim.body_hmac:
        raise Invalid({"Idempotency-Key": ["Was used with another body; choose a new key for another request."]})
    return Answer(row.status, row.headers, row.body, replayed=True)


def begin(connection: Connection, claim: Claim, at: datetime) -> None:
    """Take the key. If another request inserts the key first, this blocks, then fails as a duplicate; the transaction
    is run again and finds that request's answer."""
    empty = {"status": 0, "headers": {}, "body": "", "created_at": at}
    connection.execute(insert(receipts).values(**vars(claim), **empty))
    crash.point("receipt begun")


def complete(connection: Connection, claim: Claim, answer: Answer) -> None:
    """Store the answer; it becomes visible with the commit."""
    where = (receipts.c.holder == claim.holder, receipts.c.key == claim.key)
    values = {"status": answer.status, "headers": answer.headers, "body": answer.body}
    connection.execute(update(receipts).where(*where).values(values))
    crash.point("receipt completed")


# In words for the sake of the hint. Where many are old, the server may rather walk the primary key, and then it waits
# for each request that is under way. With LIMIT, which would need no second query, it takes no hint.
_delete = text("DELETE receipts FROM receipts FORCE INDEX (ix_receipts_created) WHERE created_at <= :last")


def purge(connection: Connection, before: datetime, limit: int) -> int:
    """Delete ``limit`` old receipts, the oldest first, or all when there are fewer; the number deleted. Those that are
    as old as the last one, to the microsecond, go with it."""
    created = receipts.c.created_at
    oldest = select(created).where(created < before).order_by(created).limit(limit).subquery()
    last = connection.scalar(select(func.max(oldest.c.created_at)))
    return connection.execute(_delete.bindparams(bindparam("last", last, UtcDateTime))).rowcount if last else 0
