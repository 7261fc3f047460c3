"""Public profiles: what others see of a user."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, Integer, String, select

from events import log
from events.accounts import UserFact
from infra.database import Id, LongText, UtcDateTime, table
from read_models.projection import newest_wins

BUILDER = 1

profiles = table(
    "profiles",
    Column("user_id", Id, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("username", String(32), nullable=False),
    Column("display_name", String(100), nullable=False),
    Column("bio", LongText, nullable=False),
    Column("avatar_image_id", Id),
    Column("created_at", UtcDateTime, nullable=False),
    Column("builder_version", Integer, nullable=False),
)


@dataclass(frozen=True)
class Profile:
    id: str
    version: int
    username: str
    display_name: str
    bio: str
    avatar_image_id: str | None
    created_at: datetime


def project(connection: Connection, facts: Iterable[UserFact]) -> None:
    rows = [{**vars(_profile(fact)), "builder_version": BUILDER} for fact in facts]
    newest_wins(connection, profiles, [{**row, "user_id": row.pop("id")} for row in rows])


def _profile(fact: UserFact) -> Profile:
    return Profile(
        fact.owner_id,
        fact.version,
        fact.username,
        fact.display_name,
        fact.bio,
        fact.avatar_image_id,
        fact.created_at,
    )


def load(connection: Connection, user_id: str) -> Profile | None:
    """The newest profile of a user, straight from the log: it is one index look-up and never behind."""
    event = log.newest(connection, user_id)
    return _profile(event.fact) if event and isinstance(event.fact, UserFact) else None


def load_many(connection: Connection, user_ids: Iterable[str]) -> dict[str, Profile]:
    """Profiles by user id; one that is not projected yet comes from the log."""
    wanted = set(user_ids)
    rows = connection.execute(select(profiles).where(profiles.c.user_id.in_(wanted))) if wanted else ()
    found = {
        row.user_id: Profile(
            row.user_id, row.version, row.username, row.display_name, row.bio, row.avatar_image_id, row.created_at
        )
        for row in rows
    }
    missing = {user_id: load(connection, user_id) for user_id in wanted - found.keys()}
    return found | {user_id: profile for user_id, profile in missing.items() if profile}
