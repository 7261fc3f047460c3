"""`run.py create-admin EMAIL` and `create-user EMAIL`: the first administrator has to come from the machine itself, and
where registration is closed everyone else too."""

import getpass
import os
import re
import secrets
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from marshmallow import ValidationError
from sqlalchemy import Engine

from api.schemas.accounts import Registration
from domain.commands import accounts
from domain.commands.accounts import MakeAdministrator, Register
from domain.errors import Taken
from domain.passwords import hash_password
from domain.unit_of_work import Cause, perform
from domain.user import User
from infra.clock import new_id
from infra.database import write_engine
from infra.settings import Settings
from operate.database_check import check_database

ADMIN_PASSWORD = "SINPLUMA_ADMIN_PASSWORD"  # noqa: S105 - the name of the variable
USER_PASSWORD = "SINPLUMA_USER_PASSWORD"  # noqa: S105


class NotAdmitted(Exception):
    """The e-mail or the password is not one that an account may have, or the operator does not want it after all."""


def told(create: Callable[..., str], *arguments: Any) -> int:
    """Make an account and say so on the terminal; the exit status."""
    try:
        print(create(*arguments))
    except NotAdmitted as error:
        print(f"sinpluma: {error}", file=sys.stderr)
        return 1
    return 0


def create_admin(settings: Settings, email: str, agreed: bool = False, keep_password: bool = False) -> str:
    """Make an administrator of the account with this e-mail, or a new one; what to tell the operator.

    Whoever has registered an operator's e-mail before him must not become an administrator by that: an account that
    exists loses its sessions and its password, and only after the operator has agreed.

    Raises:
        NotAdmitted: the e-mail or the password is not acceptable; or the account exists and nobody has agreed.
        DatabaseRefused: the service does not run, or its database is not ours.
    """
    engine = _engine(settings)
    known = _find(engine, email)
    if known:
        return _promote_known(engine, known, settings.bcrypt_rounds, agreed, keep_password)
    password, about = _password(ADMIN_PASSWORD)
    command = _registration(email, password, settings.bcrypt_rounds)
    # Two transactions: after a crash in between, the same command again finds the account and promotes it.
    made = _registered(engine, command)
    perform(engine, _cause(), partial(accounts.make_administrator, MakeAdministrator(made.id, None)))
    return f"made the administrator {made.username} <{made.email}>{about}"


def create_user(settings: Settings, email: str) -> str:
    """Make an account, whatever REGISTRATION says; what to tell the operator.

    Raises:
        NotAdmitted, DatabaseRefused: as above; NotAdmitted also when there is one.
    """
    engine = _engine(settings)
    if known := _find(engine, email):
        raise NotAdmitted(f"{known.username} <{known.email}> exists since {_since(known)}")
    password, about = _password(USER_PASSWORD)
    made = _registered(engine, _registration(email, password, settings.bcrypt_rounds))
    return f"made the user {made.username} <{made.email}>{about}"


def _engine(settings: Settings) -> Engine:
    check_database(settings, patience=0)
    return write_engine(settings, pool_size=1)


def _find(engine: Engine, email: str) -> User | None:
    with engine.connect() as connection:
        return accounts.find_by_email(connection, email)


def _registered(engine: Engine, command: Register) -> User:
    try:
        return perform(engine, _cause(), partial(accounts.register, command))
    except Taken:
        raise NotAdmitted(f"someone has registered {command.email} a moment ago; call this again") from None


def _since(user: User) -> str:
    return f"{user.created_at:%Y-%m-%d %H:%M} UTC"


def _promote_known(engine: Engine, user: User, rounds: int, agreed: bool, keep_password: bool) -> str:
    named = f"{user.username} <{user.email}>"
    if not (agreed or _agrees(f"{named} exists since {_since(user)}, and whoever made it may not be who you think.")):
        raise NotAdmitted(f"{named} exists since {_since(user)}; nothing was changed. With --yes it becomes yours.")
    password, about = (None, "; its password is unchanged") if keep_password else _password(ADMIN_PASSWORD)
    password_hash = hash_password(_checked(user, password), rounds) if password is not None else None
    perform(engine, _cause(), partial(accounts.make_administrator, MakeAdministrator(user.id, password_hash)))
    return f"{named}, made {_since(user)}, is an administrator now, and all its sessions have ended{about}"


def _agrees(question: str) -> bool:
    if not sys.stdin.isatty():
        return False
    print(question)
    return input("Make it an administrator's, end its sessions and change its password? [y/N] ").lower() in ("y", "yes")


def _cause() -> Cause:
    return Cause(actor_id=None, correlation_id=f"create-admin-{new_id()}")


def _password(variable: str) -> tuple[str, str]:
    """From the environment, typed, or random; and what to print about it."""
    if given := os.environ.get(variable):
        return given, f" with the password of {variable}"
    if sys.stdin.isatty() and (typed := getpass.getpass("Password (empty for a random one): ")):
        if getpass.getpass("Again: ") != typed:
            raise NotAdmitted("the two passwords differ")
        return typed, ""
    made = secrets.token_urlsafe(18)
    return made, f"\npassword: {made}"


def _registration(email: str, password: str, rounds: int) -> Register:
    """By the same rules as a registration over HTTP."""
    checked = _loaded({"username": _username(email), "email": email, "password": password})
    return Register(checked["username"], checked["email"], hash_password(checked["password"], rounds))


def _checked(user: User, password: str) -> str:
    loaded: str = _loaded({"email": user.email, "username": _username(user.email), "password": password})["password"]
    return loaded


def _loaded(fields: dict[str, str]) -> Any:
    try:
        return Registration().load(fields)
    except ValidationError as error:
        problems = error.messages_dict.items()
        raise NotAdmitted("; ".join(f"{name}: {' '.join(said)}" for name, said in problems)) from None


def _username(email: str) -> str:
    """What stands before the @, as far as a username may have it, and four digits that make it unlikely to be taken."""
    local = re.sub(r"[^A-Za-z0-9_-]", "", email.partition("@")[0])[:27]
    return f"{local or 'admin'}-{secrets.token_hex(2)}"
