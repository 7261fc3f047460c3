"""What happens to a page's text. A page's place and its trash are its notebook's affair."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from events.event import Fact, named


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


@named("page.edit_refused")
@dataclass(frozen=True, kw_only=True)
class EditRefused(Fact):
    """A save on a stale version: the page stays as it is, and the refused text is kept. An aggregate of its own,
    since the page has not changed and its versions must stay gapless."""

    revision_id: str
    page_id: str
    notebook_id: str
    base_version: int
    title: str
    content: str
    word_count: int
    content_sha256: str
    refused_at: datetime
