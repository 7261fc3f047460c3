"""A user and their sessions."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

import bcrypt
from sqlalchemy import Column, Index, Integer, String, Table

from domain.aggregate import Aggregate
from events.accounts import UserFact, UserRegistered
from infra.clock import new_id
from infra.database import Id, LongText, UtcDateTime, table

users = table(
    "users",
    Column("id", Id, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("username", String(32), nullable=False),
    # What is unique is the lower-case form; what is shown is the form that the user chose.
    Column("username_key", String(32), nullable=False),
    Column("email", String(254), nullable=False),
    Column("email_key", String(254), nullable=False),
    Column("password_hash", String(72), nullable=False),
    Column("role", String(8), nullable=False),
    Column("display_name", String(100), nullable=False),
    Column("bio", LongText, nullable=False),
    Column("avatar_image_id", Id),
    Column("disabled_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Index("uq_users_username", "username_key", unique=True),
    Index("uq_users_email", "email_key", unique=True),
)

sessions = table(
    "sessions",
    Column("id", Id, primary_key=True),
    Column("user_id", Id, nullable=False),
    Column("refresh_jti", Id, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    Index("ix_sessions_user", "user_id"),
    Index("ix_sessions_expiry", "expires_at"),
)

USER, ADMIN = "user", "admin"
_NOT_IN_FACT = ("id", "username_key", "email", "email_key", "password_hash", "role", "disabled_at")


@dataclass(kw_only=True)
class User(Aggregate):
    table: ClassVar[Table] = users

    username: str
    username_key: str
    email: str
    email_key: str
    password_hash: str
    role: str = USER
    display_name: str = ""
    bio: str = ""
    avatar_image_id: str | None = None
    disabled_at: datetime | None = None
    created_at: datetime

    @classmethod
    def register(cls, username: str, email: str, password_hash: str, at: datetime) -> "User":
        user = cls(
            id=new_id(),
            username=username,
            username_key=username.lower(),
            email=email,
            email_key=email.lower(),
            password_hash=password_hash,
            display_name=username,
            created_at=at,
        )
        user._record(UserRegistered)
        return user

    def _record(self, kind: type[UserFact]) -> None:
        self.version += 1
        state = {name: value for name, value in self.stored().items() if name not in _NOT_IN_FACT}
        self.facts.append(kind(owner_id=self.id, **state))


def hash_password(password: str, rounds: int) -> str:
    """A bcrypt hash over the whole password, whatever its length."""
    return bcrypt.hashpw(_digest(password), bcrypt.gensalt(rounds)).decode()


def verify_password(password: str, password_hash: str) -> bool:
    return bcrypt.checkpw(_digest(password), password_hash.encode())


def _digest(password: str) -> bytes:
    # bcrypt stops at 72 bytes and at a NUL; 44 base-64 characters of a SHA-256 have neither trouble.
    return base64.b64encode(hashlib.sha256(password.encode()).digest())
