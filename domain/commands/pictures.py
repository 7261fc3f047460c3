"""What an author can do with a picture, and what the workers and the sweep do with it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select

from domain.errors import Conflict, NotFound
from domain.picture import Picture, pictures, reservations
from domain.quotas import require_room
from domain.unit_of_work import UnitOfWork
from events.pictures import Thumbnail, linked_pictures
from infra.clock import secret_id


@dataclass(frozen=True)
class ReservePicture:
    """Recorded before the object is stored, so that the sweep finds the object whatever happens next."""


RESERVE = ReservePicture()


def reserve_picture(command: ReservePicture, uow: UnitOfWork) -> str:
    """The id of the picture to be, 128 random bits."""
    picture_id = secret_id()
    values = {"picture_id": picture_id, "owner_id": uow.actor_id, "reserved_at": uow.now}
    uow.connection.execute(insert(reservations).values(**values))
    return picture_id


@dataclass(frozen=True)
class AddPicture:
    """A picture whose original is in the store: its type, length, size in pixels and hash."""

    picture_id: str
    alt: str
    mime: str
    bytes: int
    width: int
    height: int
    sha256: str
    # QUOTA_PICTURE_BYTES
    most: int = 0


def add_picture(command: AddPicture, uow: UnitOfWork) -> Picture:
    """
    Raises:
        Conflict: the reservation is gone, and the object with it or soon.
        QuotaExceeded: with this one the user would have more than allowed.
    """
    require_room(uow, "picture_bytes", command.bytes, command.most)
    if not take_back(uow.connection, command.picture_id):
        raise Conflict("The upload took too long and was given up; send the picture again.")
    picture = Picture.upload(id=command.picture_id, owner_id=uow.actor_id, created_at=uow.now, **_without_id(command))
    uow.add(picture)
    return picture


def _without_id(command: AddPicture) -> dict[str, Any]:
    return {name: value for name, value in vars(command).items() if name not in ("picture_id", "most")}


def take_back(connection: Connection, picture_id: str) -> bool:
    """End a reservation; whether there was one."""
    gone = connection.execute(delete(reservations).where(reservations.c.picture_id == picture_id))
    return gone.rowcount == 1


@dataclass(frozen=True)
class GiveUpPicture:
    picture_id: str


def give_up_picture(command: GiveUpPicture, uow: UnitOfWork) -> bool:
    """End an upload that comes to nothing; whether it was still reserved."""
    return take_back(uow.connection, command.picture_id)


def own_picture(uow: UnitOfWork, picture_id: str) -> Picture:
    """The actor's own picture, locked.

    Raises:
        NotFound: absent, removed, or someone else's.
    """
    picture = uow.get(Picture, picture_id)
    if picture.owner_id != uow.actor_id:
        raise NotFound("There is no such picture.")
    return picture


@dataclass(frozen=True)
class RetryPicture:
    picture_id: str


def retry_picture(command: RetryPicture, uow: UnitOfWork) -> Picture:
    picture = own_picture(uow, command.picture_id)
    picture.retry()
    return picture


@dataclass(frozen=True)
class FinishPicture:
    """Either all sizes are made, or ``error`` says why they can't be."""

    picture_id: str
    thumbnails: tuple[Thumbnail, ...] = ()
    error: str | None = None


def finish_picture(command: FinishPicture, uow: UnitOfWork) -> None:
    """
    Raises:
        NotFound: it was removed meanwhile.
    """
    picture = uow.get(Picture, command.picture_id)
    if command.error is None:
        picture.make_ready(command.thumbnails)
    else:
        picture.fail(command.error)


def find(connection: Connection, picture_id: str) -> Picture | None:
    """A picture to look at."""
    row = connection.execute(Picture.query(), {"key": picture_id}).mappings().one_or_none()
    return Picture.of(row) if row else None


def of_owner(owner_id: str, but: Select[Any] | None = None) -> Select[Any]:
    """The owner's pictures, less those whose ids ``but`` selects."""
    query = select(pictures).where(pictures.c.owner_id == owner_id, pictures.c.removed_at.is_(None))
    return query if but is None else query.where(pictures.c.id.not_in(but))


def is_own(connection: Connection, owner_id: str, picture_id: str, linked_at: datetime) -> bool:
    """Whether a user has this picture; if so it counts as linked from now on."""
    own = (pictures.c.id == picture_id, pictures.c.owner_id == owner_id, pictures.c.removed_at.is_(None))
    found = connection.execute(select(pictures.c.id).where(*own).with_for_update()).one_or_none()
    if found:
        connection.execute(pictures.update().where(*own).values(linked_at=linked_at))
    return found is not None


@dataclass(frozen=True)
class RemovePicture:
    picture_id: str


def remove_picture(command: RemovePicture, uow: UnitOfWork) -> Picture:
    """Asked for by the author. The caller checks, while the row is locked, whether something still shows it."""
    picture = own_picture(uow, command.picture_id)
    picture.remove(uow.now)
    return picture


def mark_linked(uow: UnitOfWork, before: str, after: str) -> None:
    """Note on each picture that ``after`` shows and ``before`` did not that it is used, under its row's lock: so this
    save and a sweep that is about to take the picture can't miss each other, worker or no worker."""
    mine = (pictures.c.owner_id == uow.actor_id, pictures.c.removed_at.is_(None))
    for picture_id in sorted(linked_pictures(after) - linked_pictures(before)):
        changed = pictures.update().where(pictures.c.id == picture_id, *mine)
        uow.connection.execute(changed.values(linked_at=uow.now))
