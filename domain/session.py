"""A session: one login on one device, and the family of refresh tokens that descend from it.

The row is the family. Only its newest refresh token is good; whoever brings an older one has either been robbed or is
the thief, and nobody can tell which, so the whole session ends. The one exception is the answer that got lost on its
way: for a moment the direct predecessor may come back, and gets the very same successor.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, Index, bindparam, delete, insert, select, update

from domain.errors import WrongCredentials
from domain.user import users
from infra.clock import new_id
from infra.database import Id, UtcDateTime, table

LIFETIME = timedelta(days=30)
RETRY = timedelta(seconds=30)
OVER = "This session is over; sign in again."

sessions = table(
    "sessions",
    Column("id", Id, primary_key=True),
    Column("user_id", Id, nullable=False),
    Column("refresh_jti", Id, nullable=False),
    Column("previous_jti", Id),
    Column("created_at", UtcDateTime, nullable=False),
    Column("refreshed_at", UtcDateTime),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    Index("ix_sessions_user", "user_id"),
    Index("ix_sessions_expiry", "expires_at"),
)


class SpentToken(Exception):
    """A refresh token was used again: the session has to end."""


@dataclass(frozen=True, kw_only=True)
class Session:
    id: str
    user_id: str
    refresh_jti: str
    previous_jti: str | None = None
    created_at: datetime
    refreshed_at: datetime | None = None
    expires_at: datetime
    revoked_at: datetime | None = None

    @classmethod
    def begin(cls, user_id: str, at: datetime) -> "Session":
        return cls(id=new_id(), user_id=user_id, refresh_jti=new_id(), created_at=at, expires_at=at + LIFETIME)

    @property
    def issued_at(self) -> datetime:
        """When its newest tokens were made: the same for each answer that carries them."""
        return self.refreshed_at or self.created_at

    def refreshed(self, jti: str, at: datetime) -> "Session":
        """The session after its refresh token ``jti`` was used.

        Raises:
            WrongCredentials: it is over.
            SpentToken: the token was used before.
        """
        if self.revoked_at or self.expires_at <= at:
            raise WrongCredentials(OVER)
        if jti == self.previous_jti and at - self.issued_at <= RETRY:
            return self
        if jti != self.refresh_jti:
            raise SpentToken
        return replace(self, refresh_jti=new_id(), previous_jti=jti, refreshed_at=at, expires_at=at + LIFETIME)


def add(connection: Connection, session: Session) -> None:
    connection.execute(insert(sessions).values(vars(session)))


def lock(connection: Connection, session_id: str) -> Session | None:
    """The session, its row locked for this transaction."""
    query = select(sessions).where(sessions.c.id == session_id).with_for_update()
    row = connection.execute(query).mappings().one_or_none()
    return Session(**row) if row else None


def store(connection: Connection, session: Session) -> None:
    connection.execute(update(sessions).where(sessions.c.id == session.id).values(vars(session)))


def revoke(connection: Connection, session_id: str, at: datetime) -> None:
    """End one session. The caller commits, and waits out the leases before it says so."""
    _revoke(connection, sessions.c.id == session_id, at)


def revoke_all(connection: Connection, user_id: str, at: datetime, but: str = "") -> None:
    """End all sessions of a user, ``but`` for one."""
    _revoke(connection, (sessions.c.user_id == user_id) & (sessions.c.id != but), at)


def _revoke(connection: Connection, which, at: datetime) -> None:  # type: ignore[no-untyped-def]
    connection.execute(update(sessions).where(which, sessions.c.revoked_at.is_(None)).values(revoked_at=at))


@dataclass(frozen=True)
class LiveSession:
    user_id: str
    role: str
    expires_at: datetime


# Built once: every signed-in request asks it, a few times a second for each token.
_live = (
    select(sessions.c.user_id, users.c.role, sessions.c.expires_at)
    .join(users, users.c.id == sessions.c.user_id)
    .where(sessions.c.id == bindparam("key"), sessions.c.revoked_at.is_(None), sessions.c.expires_at > bindparam("at"))
    .where(users.c.disabled_at.is_(None))
)


def live(connection: Connection, session_id: str, at: datetime) -> LiveSession | None:
    """The session with its user's role now, None when it is over or its user is disabled or gone."""
    row = connection.execute(_live, {"key": session_id, "at": at}).one_or_none()
    return LiveSession(*row) if row else None


def purge(connection: Connection, before: datetime, limit: int) -> int:
    """Delete up to ``limit`` sessions that ended before then by themselves; the number deleted."""
    old = select(sessions.c.id).where(sessions.c.expires_at < before).limit(limit)
    ids = list(connection.scalars(old))
    connection.execute(delete(sessions).where(sessions.c.id.in_(ids)))
    return len(ids)
