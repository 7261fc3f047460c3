"""How much of the service one user may take."""

from collections.abc import Callable

from sqlalchemy import Connection, func, select

from domain.errors import QuotaExceeded
from domain.notebook import notebooks
from domain.picture import pictures
from domain.text_room import text_bytes_of
from domain.unit_of_work import UnitOfWork
from domain.user import users

# Counts what a user has.
Count = Callable[[Connection, str], int]


def notebooks_of(connection: Connection, user_id: str) -> int:
    """What is in the trash counts until it is purged: it takes the same room."""
    query = select(func.count()).select_from(notebooks).where(notebooks.c.owner_id == user_id)
    return connection.scalar(query) or 0


def picture_bytes_of(connection: Connection, user_id: str) -> int:
    """Of the originals, as they are stored."""
    live = (pictures.c.owner_id == user_id) & pictures.c.removed_at.is_(None)
    return int(connection.scalar(select(func.coalesce(func.sum(pictures.c.bytes), 0)).where(live)) or 0)


# Text is not asked for here: each command's unit of work does (domain/text_room.py).
QUOTAS: dict[str, Count] = {"notebooks": notebooks_of, "picture_bytes": picture_bytes_of}


def usage_of(connection: Connection, user_id: str) -> dict[str, int]:
    """``{notebooks, text_bytes, picture_bytes}``: what the user has of each."""
    return {
        "notebooks": notebooks_of(connection, user_id),
        "text_bytes": text_bytes_of(connection, user_id),
        "picture_bytes": picture_bytes_of(connection, user_id),
    }


def require_room(uow: UnitOfWork, quota: str, wanted: int, limit: int) -> None:
    """Whoever passes here holds the user's row until the end, so that two requests at once can't share the last room.

    Raises:
        QuotaExceeded: with this much more the user would have more than ``limit``; 0 is no limit.
    """
    if not limit:
        return
    uow.connection.execute(select(users.c.id).where(users.c.id == uow.actor_id).with_for_update())
    used = QUOTAS[quota](uow.connection, uow.actor_id)
    if used + wanted > limit:
        raise QuotaExceeded(quota, limit, used)
