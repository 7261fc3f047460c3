"""What happens to a page's text and to its revisions. A page's place and its trash are its notebook's affair."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from events.event import Fact, encode, named


@dataclass(frozen=True, kw_only=True)
class PageFact(Fact):
    """The page after the change.

    ``revision`` is the version at which the revision began that this text belongs to: its own version for an
    explicit save, the first one of the run for an autosave. The write side decides it under the page's lock, so a
    worker can cut revisions from events in any order.
    """

    kind: ClassVar[str]
    page_id: str
    notebook_id: str
    version: int
    title: str
    content: str
    word_count: int
    content_sha256: str
    revision: int
    created_at: datetime
    updated_at: datetime


@named("page.created")
class PageCreated(PageFact):
    kind = "save"


@named("page.edited")
class PageEdited(PageFact):
    kind = "save"


@named("page.autosaved")
class PageAutosaved(PageFact):
    kind = "autosave"


@named("page.reverted")
class PageReverted(PageFact):
    """An old revision's text became the page's text again."""

    kind = "restore"


SAVES: tuple[type[PageFact], ...] = (PageCreated, PageEdited, PageAutosaved, PageReverted)
# What each of these is called in the log.
PAGE_SAVES = tuple(kind.name for kind in SAVES)


@named("page.purged")
@dataclass(frozen=True, kw_only=True)
class PagePurged(Fact):
    """The page is gone for good, with its revisions and all that the log held of them: no text is left to tell."""

    page_id: str
    notebook_id: str
    version: int


@dataclass(frozen=True, kw_only=True)
class HistoryFact(Fact):
    """Something about one revision of a page, in a stream beside the page's own (``history_of``): the page has not
    changed, and its versions count nothing but changes."""

    revision_id: str
    page_id: str
    notebook_id: str


@named("page.edit_refused")
@dataclass(frozen=True, kw_only=True)
class EditRefused(HistoryFact):
    """A save on a stale version: the page stays as it is, and the refused text is kept."""

    base_version: int
    title: str
    content: str
    word_count: int
    content_sha256: str
    refused_at: datetime

    @property
    def room(self) -> int:
        return len(self.title.encode()) + len(self.content.encode())


@named("page.revision_labelled")
@dataclass(frozen=True, kw_only=True)
class RevisionLabelled(HistoryFact):
    """The author gave a revision a name, which also keeps it, or took the name off: then ``label`` is empty, which
    older code can read as well. ``version`` counts in the page's history."""

    version: int
    label: str

    @property
    def room(self) -> int:
        return len(encode(self).encode())


def history_of(page_id: str) -> str:
    """The id of the stream that tells of a page's revisions."""
    return _derived(page_id, "history", 0)


def text_revision_id(page_id: str, revision: int) -> str:
    """The revision that saves belong to since version ``revision``: the same id whoever cuts it, however often."""
    return _derived(page_id, "text", revision)


def published_revision_id(page_id: str, notebook_version: int) -> str:
    """The revision that a publication cut."""
    return _derived(page_id, "publish", notebook_version)


def _derived(page_id: str, role: str, number: int) -> str:
    return hashlib.sha256(f"{page_id}:{role}:{number}".encode()).hexdigest()[:32]
