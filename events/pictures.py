"""What happens to a picture. Its bytes lie in the object store, under keys that follow from its id."""

import re
from dataclasses import dataclass
from datetime import datetime

from events.event import Fact, named


@dataclass(frozen=True, kw_only=True)
class Thumbnail:
    """One size that is made: ``size`` is what it is asked for by, ``stored_as`` the size whose object it is."""

    size: str
    stored_as: str
    mime: str
    width: int
    height: int
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class PictureFact(Fact):
    """The picture after the change. ``mime``, ``bytes``, ``width`` (pixels), ``height`` and ``sha256`` are those of the
    stored original; ``error`` says why no sizes could be made."""

    picture_id: str
    version: int
    status: str
    alt: str
    mime: str
    bytes: int
    width: int
    height: int
    sha256: str
    thumbnails: tuple[Thumbnail, ...]
    error: str | None
    created_at: datetime


@named("picture.uploaded")
class PictureUploaded(PictureFact):
    pass


@named("picture.made_ready")
class PictureMadeReady(PictureFact):
    """All sizes are there."""


@named("picture.failed")
class PictureFailed(PictureFact):
    pass


@named("picture.retried")
class PictureRetried(PictureFact):
    """The author asks to have the sizes made once more."""


@named("picture.removed")
class PictureRemoved(PictureFact):
    """By its author, or by the sweep because nothing used it."""


_LINK = re.compile(r"/media/([0-9a-f]{32})/")


def linked_pictures(text: str) -> frozenset[str]:
    """The ids of the pictures that a text links to."""
    return frozenset(_LINK.findall(text))
