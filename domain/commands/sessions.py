"""Signing in, staying signed in, signing out."""

from dataclasses import dataclass, field

from domain import session
from domain.errors import WrongCredentials
from domain.session import OVER, Session
from domain.unit_of_work import UnitOfWork
from domain.user import User


@dataclass(frozen=True)
class OpenSession:
    """``password_hash`` is the one that the password was checked against."""

    user_id: str
    password_hash: str = field(repr=False)


def open_session(command: OpenSession, uow: UnitOfWork) -> Session:
    """
    Raises:
        WrongCredentials: the password was changed, or the user disabled, since it was checked.
    """
    # Checking takes a quarter of a second. Without this look a login with the old password could slip in behind the
    # change that ends all sessions.
    user = uow.get(User, command.user_id)
    if user.password_hash != command.password_hash or user.disabled_at:
        raise WrongCredentials("The e-mail or the password is wrong.")
    opened = Session.begin(user.id, uow.now)
    session.add(uow.connection, opened)
    return opened


@dataclass(frozen=True)
class RefreshSession:
    session_id: str
    jti: str


def refresh_session(command: RefreshSession, uow: UnitOfWork) -> Session:
    """The session with its new refresh token.

    Raises:
        WrongCredentials: the session is over.
        SpentToken: the token was used before; the caller must close the session.
    """
    refreshed = check_refresh(command, uow)
    session.store(uow.connection, refreshed)
    return refreshed


def check_refresh(command: RefreshSession, uow: UnitOfWork) -> Session:
    """The session as it would be refreshed now; nothing is changed.

    Raises:
        WrongCredentials, SpentToken: as above.
    """
    known = session.lock(uow.connection, command.session_id)
    if known is None:
        raise WrongCredentials(OVER)
    return known.refreshed(command.jti, uow.now)


@dataclass(frozen=True)
class CloseSession:
    session_id: str


def close_session(command: CloseSession, uow: UnitOfWork) -> None:
    """Its tokens, of both kinds, are dead when the leases are over."""
    session.revoke(uow.connection, command.session_id, uow.now)
