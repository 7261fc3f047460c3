"""A user: who they are to others, and what they may do."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Column, Index, Integer, String, Table

from domain.aggregate import Aggregate
from events.accounts import ProfileEdited, UserFact, UserRegistered
from infra.clock import new_id
from infra.database import Id, LongText, UtcDateTime, table

users = table(
    "users",
    Column("id", Id, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("username", String(32), nullable=False),
    # What is unique is the folded form; what is shown is the form that the user chose.
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
    # To lock all administrators without locking everyone.
    Index("ix_users_role", "role"),
)

USER, ADMIN = "user", "admin"
_NOT_IN_FACT = ("id", "username_key", "email", "email_key", "password_hash", "role", "disabled_at")


def fold(name: str) -> str:
    """The form in which two usernames or e-mails are the same."""
    return unicodedata.normalize("NFC", name.casefold())


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
            username_key=fold(username),
            email=email,
            email_key=fold(email),
            password_hash=password_hash,
            display_name=username,
            created_at=at,
        )
        user._record(UserRegistered)
        return user

    def edit_profile(self, changes: Mapping[str, Any]) -> None:
        """Set ``display_name``, ``bio`` or ``avatar_image_id``; what changes nothing is not recorded."""
        if any(getattr(self, name) != value for name, value in changes.items()):
            for name, value in changes.items():
                setattr(self, name, value)
            self._record(ProfileEdited)

    @property
    def administers(self) -> bool:
        return self.role == ADMIN and self.disabled_at is None

    # Role and admission are nobody else's business, so they change without an event.
    def disable(self, at: datetime) -> None:
        self.disabled_at = self.disabled_at or at

    def enable(self) -> None:
        self.disabled_at = None

    def _record(self, kind: type[UserFact]) -> None:
        self.version += 1
        state = {name: value for name, value in self.stored().items() if name not in _NOT_IN_FACT}
        self.facts.append(kind(owner_id=self.id, **state))
