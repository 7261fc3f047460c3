"""A picture: what is known of its stored original, and which sizes of it are made."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CHAR, Column, Index, Integer, Select, String, Table

from domain.aggregate import Aggregate
from domain.errors import Conflict
from events.pictures import (
    PictureFact,
    PictureFailed,
    PictureMadeReady,
    PictureRemoved,
    PictureRetried,
    PictureUploaded,
    Thumbnail,
)
from infra.database import Id, Json, LongText, UtcDateTime, table

pictures = table(
    "pictures",
    Column("id", Id, primary_key=True),
    Column("owner_id", Id, nullable=False),
    Column("version", Integer, nullable=False),
    Column("status", String(10, collation="ascii_bin"), nullable=False),
    Column("alt", LongText, nullable=False),
    Column("mime", String(32, collation="ascii_bin"), nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("sha256", CHAR(64, collation="ascii_bin"), nullable=False),
    Column("thumbnails", Json(tuple[Thumbnail, ...]), nullable=False),
    Column("error", LongText),
    Column("created_at", UtcDateTime, nullable=False),
    # When a save last linked it: set in the save's own transaction, under this row's lock, so that the sweep can't
    # miss a link that is not in the table of references yet.
    Column("linked_at", UtcDateTime),
    # Since when the sweep has found it unused.
    Column("unused_since", UtcDateTime),
    # A tombstone: gone for everyone, its objects about to go.
    Column("removed_at", UtcDateTime),
    Index("ix_pictures_owner", "owner_id", "created_at"),
    Index("ix_pictures_unused", "unused_since"),
    Index("ix_pictures_removed", "removed_at"),
)

# Written before the object is, taken back together with the birth of the picture: an object that no row and no
# reservation knows can be removed without looking any further.
reservations = table(
    "picture_reservations",
    Column("picture_id", Id, primary_key=True),
    Column("owner_id", Id, nullable=False),
    Column("reserved_at", UtcDateTime, nullable=False),
    Index("ix_picture_reservations_reserved", "reserved_at"),
)

PROCESSING, READY, FAILED = "processing", "ready", "failed"
_NOT_IN_FACT = ("linked_at", "unused_since", "removed_at")


@dataclass(kw_only=True)
class Picture(Aggregate):
    table: ClassVar[Table] = pictures

    owner_id: str
    status: str = PROCESSING
    alt: str
    mime: str
    bytes: int
    width: int
    height: int
    sha256: str
    thumbnails: tuple[Thumbnail, ...] = ()
    error: str | None = None
    created_at: datetime
    linked_at: datetime | None = None
    unused_since: datetime | None = None
    removed_at: datetime | None = None

    @classmethod
    def query(cls) -> Select[Any]:
        return super().query().where(pictures.c.removed_at.is_(None))

    @classmethod
    def upload(cls, **known: Any) -> "Picture":
        """A new one, of which only the original is there."""
        picture = cls(**known)
        picture._record(PictureUploaded)
        return picture

    def make_ready(self, thumbnails: tuple[Thumbnail, ...]) -> None:
        """All sizes are in the store. Made twice, they are recorded once."""
        if self.status != READY:
            self.status, self.thumbnails, self.error = READY, thumbnails, None
            self._record(PictureMadeReady)

    def fail(self, reason: str) -> None:
        if self.status == PROCESSING:
            self.status, self.error = FAILED, reason
            self._record(PictureFailed)

    def retry(self) -> None:
        """
        Raises:
            Conflict: it has not failed.
        """
        if self.status != FAILED:
            raise Conflict("Only a picture that has failed can be retried.")
        self.status, self.error = PROCESSING, None
        self._record(PictureRetried)

    def remove(self, at: datetime) -> None:
        self.removed_at = at
        self._record(PictureRemoved)

    def object_keys(self) -> list[str]:
        names = dict.fromkeys(("original", *(each.stored_as for each in self.thumbnails)))
        return [object_key(self.id, name) for name in names]

    def _record(self, kind: type[PictureFact]) -> None:
        self.version += 1
        state = {name: value for name, value in self.stored().items() if name not in _NOT_IN_FACT}
        state["picture_id"] = state.pop("id")
        self.facts.append(kind(**state))


def object_key(picture_id: str, size: str) -> str:
    """Where the bytes of a size lie, ``original`` included. It follows from the id alone: made twice, it is one."""
    return f"pictures/{picture_id}/{size}"
