"""`run.py create-admin EMAIL`: the first administrator has to come from the machine itself."""

import getpass
import os
import re
import secrets
import sys
from functools import partial

from marshmallow import ValidationError
from sqlalchemy import Engine

from api.schemas.accounts import Registration
from domain.commands import accounts
from domain.commands.accounts import ChangeUser, Register
from domain.passwords import hash_password
from domain.unit_of_work import Cause, perform
from domain.user import ADMIN, User
from infra.clock import new_id
from infra.database import write_engine
from infra.settings import Settings
from operate.database_check import check_database

PASSWORD = "SINPLUMA_ADMIN_PASSWORD"  # noqa: S105 - the name of the variable


class NotAdmitted(Exception):
    """The e-mail or the password is not one that an account may have."""


def create_admin(settings: Settings, email: str) -> str:
    """Promote the account with this e-mail, or make one; what to tell the operator.

    Raises:
        NotAdmitted: the e-mail or the password is not acceptable.
        DatabaseRefused: the service does not run, or its database is not ours.
    """
    check_database(settings, patience=0)
    engine = write_engine(settings, pool_size=1)
    known = _find(engine, email)
    if known:
        _promote(engine, known)
        return f"{known.username} <{known.email}> is an administrator now; the password is unchanged"
    password, told = _password()
    command = _registration(email, password, settings.bcrypt_rounds)
    # Two transactions: after a crash in between, the same command again finds the account and promotes it.
    made = perform(engine, _cause(), partial(accounts.register, command))
    _promote(engine, made)
    return f"made the administrator {made.username} <{made.email}>{told}"


def _find(engine: Engine, email: str) -> User | None:
    with engine.connect() as connection:
        return accounts.find_by_email(connection, email)


def _promote(engine: Engine, user: User) -> None:
    perform(engine, _cause(), partial(accounts.change_user, ChangeUser(user.id, ADMIN, disabled=False)))


def _cause() -> Cause:
    return Cause(actor_id=None, correlation_id=f"create-admin-{new_id()}")


def _password() -> tuple[str, str]:
    """From the environment, typed, or random; and what to print about it."""
    if given := os.environ.get(PASSWORD):
        return given, f" with the password of {PASSWORD}"
    if sys.stdin.isatty() and (typed := getpass.getpass("Password (empty for a random one): ")):
        if getpass.getpass("Again: ") != typed:
            raise NotAdmitted("the two passwords differ")
        return typed, ""
    made = secrets.token_urlsafe(18)
    return made, f"\npassword: {made}"


def _registration(email: str, password: str, rounds: int) -> Register:
    """By the same rules as a registration over HTTP."""
    fields = {"username": _username(email), "email": email, "password": password}
    try:
        checked = Registration().load(fields)
    except ValidationError as error:
        problems = error.messages_dict.items()
        raise NotAdmitted("; ".join(f"{name}: {' '.join(said)}" for name, said in problems)) from None
    return Register(checked["username"], checked["email"], hash_password(checked["password"], rounds))


def _username(email: str) -> str:
    """What stands before the @, as far as a username may have it, and four digits that make it unlikely to be taken."""
    local = re.sub(r"[^A-Za-z0-9_-]", "", email.partition("@")[0])[:27]
    return f"{local or 'admin'}-{secrets.token_hex(2)}"
