"""Accounts: registering, profiles, passwords, and what administrators may change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from domain import session
from domain.commands import pictures
from domain.errors import Conflict, Forbidden, Invalid, Taken, WrongCredentials
from domain.passwords import decoy, hash_password, verify_password
from domain.unit_of_work import UnitOfWork
from domain.user import ADMIN, User, fold, users


@dataclass(frozen=True)
class Register:
    """``password_hash`` is made before the transaction begins: it takes a quarter of a second."""

    username: str
    email: str
    password_hash: str = field(repr=False)


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
        if connection.scalar(select(users.c.id).where(users.c[f"{name}_key"] == fold(value)))
    }


def find(connection: Connection, user_id: str) -> User | None:
    """A user to look at."""
    row = connection.execute(User.query(), {"key": user_id}).mappings().one_or_none()
    return User.of(row) if row else None


def find_by_email(connection: Connection, email: str) -> User | None:
    row = connection.execute(select(users).where(users.c.email_key == fold(email))).mappings().one_or_none()
    # MySQL ignores blanks at the end when it compares.
    return User.of(row) if row and row["email_key"] == fold(email) else None


def check_password(user: User | None, password: str, rounds: int) -> User:
    """The user, when the password is theirs. It takes the same time when there is no such user.

    Raises:
        WrongCredentials: unknown e-mail, wrong password or disabled account, all alike.
    """
    matches = verify_password(password, user.password_hash if user else decoy(rounds))
    if user is None or not matches or user.disabled_at:
        raise WrongCredentials("The e-mail or the password is wrong.")
    return user


@dataclass(frozen=True)
class EditProfile:
    """``changes`` holds any of ``display_name``, ``bio`` and ``avatar_image_id``."""

    user_id: str
    changes: Mapping[str, Any]


def edit_profile(command: EditProfile, uow: UnitOfWork) -> User:
    """
    Raises:
        NotFound, Forbidden: there is no such user; it is someone else.
        Invalid: the avatar is not a picture of theirs.
    """
    user = uow.get(User, command.user_id)
    if user.id != uow.actor_id:
        raise Forbidden("You can change only your own profile.")
    avatar = command.changes.get("avatar_image_id")
    if avatar is not None and avatar != user.avatar_image_id:
        _require_own_picture(uow, avatar)
    user.edit_profile(command.changes)
    return user


def _require_own_picture(uow: UnitOfWork, image_id: str) -> None:
    """The one place that decides who may show which picture. From here on it counts as used."""
    if pictures.is_own(uow.connection, uow.actor_id, image_id, uow.now):
        return
    raise Invalid({"avatar_image_id": ["You have no picture with this id; upload it first, or send null."]})


@dataclass(frozen=True)
class ChangePassword:
    """Asked for by a session, the one that outlives it."""

    user_id: str
    session_id: str
    current_password: str = field(repr=False)
    new_password: str = field(repr=False)
    rounds: int


def change_password(command: ChangePassword, uow: UnitOfWork) -> None:
    """
    Raises:
        Forbidden: the current password is another.
    """
    # Half a second of bcrypt in all: before the row is locked, so that nobody waits for it.
    before = uow.connection.scalar(select(users.c.password_hash).where(users.c.id == command.user_id))
    if before is None or not verify_password(command.current_password, before):
        raise Forbidden("The current password is wrong.")
    password_hash = hash_password(command.new_password, command.rounds)
    user = uow.get(User, command.user_id)
    if user.password_hash != before:
        raise Forbidden("The current password is wrong: it was changed a moment ago.")
    user.password_hash = password_hash
    session.revoke_all(uow.connection, user.id, uow.now, but=command.session_id)


@dataclass(frozen=True)
class ChangeUser:
    """What an administrator wants of someone; None leaves it as it is."""

    user_id: str
    role: str | None = None
    disabled: bool | None = None


def change_user(command: ChangeUser, uow: UnitOfWork) -> User:
    """
    Raises:
        NotFound: there is no such user.
        Conflict: nobody would be left to administer.
    """
    # All of them, before anyone else: two administrators who demote each other take turns, and the second is refused.
    administrators = _lock_administrators(uow.connection)
    user = uow.get(User, command.user_id)
    _apply(command, user, uow.now)
    if administrators == [user.id] and not user.administers:
        raise Conflict("This is the last administrator; make someone else one first.")
    if user.disabled_at:
        session.revoke_all(uow.connection, user.id, uow.now)
    return user


@dataclass(frozen=True)
class MakeAdministrator:
    """By the operator, from the machine itself. With a ``password_hash`` of None the password stays."""

    user_id: str
    password_hash: str | None = field(repr=False)


def make_administrator(command: MakeAdministrator, uow: UnitOfWork) -> User:
    """Whoever was signed in is no more.

    Raises:
        NotFound: there is no such user.
    """
    user = uow.get(User, command.user_id)
    user.role = ADMIN
    user.enable()
    user.password_hash = command.password_hash or user.password_hash
    session.revoke_all(uow.connection, user.id, uow.now)
    return user


def _lock_administrators(connection: Connection) -> list[str]:
    query = select(users.c.id).where(users.c.role == ADMIN, users.c.disabled_at.is_(None))
    return list(connection.scalars(query.order_by(users.c.id).with_for_update()))


def _apply(command: ChangeUser, user: User, at: datetime) -> None:
    user.role = command.role or user.role
    if command.disabled is True:
        user.disable(at)
    elif command.disabled is False:
        user.enable()
