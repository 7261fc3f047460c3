"""Make the smaller sizes of a picture."""

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from domain.commands.pictures import FinishPicture, find, finish_picture
from domain.errors import NotFound
from domain.picture import PROCESSING, object_key
from domain.unit_of_work import Cause, UnitOfWork
from events.event import Event
from events.pictures import Thumbnail
from infra import crash, imaging, leftovers
from infra.imaging import Shrunk
from infra.settings import load_settings

if TYPE_CHECKING:
    from infra.objects import Store

MIME = "image/webp"
_stores: dict[int, "Store"] = {}


def make_thumbnails(connection: Connection, events: Sequence[Event]) -> None:
    """The objects' keys follow from the picture's id, so what is done twice is there once."""
    for event in events:
        picture = find(connection, event.fact.picture_id)
        if picture is not None and picture.status == PROCESSING:
            _finish(connection, event, _made(picture.id))


def _made(picture_id: str) -> FinishPicture:
    # Imported here: the relay reads the table of reactions too, and would carry the store's client for nothing.
    from infra.objects import NoSuchObject

    with tempfile.TemporaryDirectory(prefix=leftovers.SIZES) as name:
        folder = Path(name)
        try:
            _store().fetch(object_key(picture_id, "original"), folder / "original")
            shrunk = imaging.shrink(folder / "original", folder)
        except NoSuchObject:
            return FinishPicture(picture_id, error="The original is not in the store.")
        except imaging.Damaged as error:
            return FinishPicture(picture_id, error=str(error))
        for name in dict.fromkeys(each.stored_as for each in shrunk):
            _store().put(object_key(picture_id, name), folder / f"{name}.webp", MIME)
            crash.point("thumbnail stored")
        return FinishPicture(picture_id, tuple(_thumbnail(each, folder) for each in shrunk))


def _thumbnail(made: Shrunk, folder: Path) -> Thumbnail:
    data = (folder / f"{made.stored_as}.webp").read_bytes()
    return Thumbnail(**vars(made), mime=MIME, bytes=len(data), sha256=sha256(data).hexdigest())


def _finish(connection: Connection, event: Event, command: FinishPicture) -> None:
    """In the reaction's own transaction: the picture is ready exactly when its delivery is done."""
    unit = UnitOfWork(connection, Cause(event.actor_id, event.correlation_id))
    # It was deleted meanwhile: the sweep finds the objects.
    with suppress(NotFound):
        finish_picture(command, unit)
        unit.flush()


def _store() -> "Store":
    from infra.objects import Store

    # Keyed by process: a connection must not be shared with the parent that RQ forked this from.
    if os.getpid() not in _stores:
        _stores[os.getpid()] = Store(load_settings())
    return _stores[os.getpid()]
