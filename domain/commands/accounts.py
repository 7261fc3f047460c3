"""Registering, signing in, and what a token needs to know of its session."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from domain.errors import Taken, WrongCredentials
from domain.unit_of_work import UnitOfWork
from domain.user import ADMIN, User, sessions, users, verify_password
from infra.clock import new_id

SESSION_LIFETIME = timedelta(days=30)


@dataclass(frozen=True)
class Register:
    """``password_hash`` is made before the transaction begins: it takes a quarter of a second."""

    username: str
    email: str
    password_hash: str


def register(command: Register, uow: UnitOfWork) -> User:
    """
    Raises:
        Taken: the username or the e-mail is in use, whatever its case.
    """
    errors = _taken(uow.connection, command)
    if errors:
        raise Taken(errors)
    user = User.register(command.username, command.email, command.password_hash, uow.now)
    uow.add(user)
    return user


def _taken(connection: Connection, command: Register) -> dict[str, list[str]]:
    wanted = {"username": command.username, "email": command.email}
    return {
        name: [f"This {name} is taken."]
        for name, value in wanted.items()
        if connection.scalar(select(users.c.id).where(users.c[f"{name}_key"] == value.lower()))
    }


def find_by_email(connection: Connection, email: str) -> User | None:
    row = connection.execute(select(users).where(users.c.email_key == email.lower())).mappings().one_or_none()
    return User.of(row) if row else None


@dataclass(frozen=True)
class OpenSession:
    user_id: str


@dataclass(frozen=True)
class Session:
    """A login, on one device. Its tokens name it; revoked, all of them are dead."""

    id: str
    user_id: str
    refresh_jti: str
    created_at: datetime
    expires_at: datetime


def open_session(command: OpenSession, uow: UnitOfWork) -> Session:
    session = Session(new_id(), command.user_id, new_id(), uow.now, uow.now + SESSION_LIFETIME)
    uow.connection.execute(insert(sessions).values(vars(session)))
    return session


def check_password(user: User | None, password: str, decoy_hash: str) -> User:
    """The user, when the password is theirs.

    An unknown e-mail is held against ``decoy_hash``, so that it takes the same time as a wrong password.

    Raises:
        WrongCredentials: unknown e-mail, wrong password or disabled account, all alike.
    """
    matches = verify_password(password, user.password_hash if user else decoy_hash)
    if user is None or not matches or user.disabled_at:
        raise WrongCredentials("The e-mail or the password is wrong.")
    return user


@dataclass(frozen=True)
class LiveSession:
    user_id: str
    role: str
    expires_at: datetime


def live_session(connection: Connection, session_id: str) -> LiveSession | None:
    """The session with its user's role now, None when it is revoked or its user is disabled or gone."""
    query = (
        select(sessions.c.user_id, sessions.c.expires_at, users.c.role)
        .join(users, users.c.id == sessions.c.user_id)
        .where(sessions.c.id == session_id, sessions.c.revoked_at.is_(None), users.c.disabled_at.is_(None))
    )
    row = connection.execute(query).one_or_none()
    return LiveSession(row.user_id, row.role, row.expires_at) if row else None


@dataclass(frozen=True)
class PromoteToAdmin:
    user_id: str


def promote_to_admin(command: PromoteToAdmin, uow: UnitOfWork) -> None:
    uow.connection.execute(update(users).where(users.c.id == command.user_id).values(role=ADMIN))
