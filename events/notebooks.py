"""What happens to a notebook: its own fields, the order and trash of its pages, its publication."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from events.event import Fact, encode, named


@dataclass(frozen=True, kw_only=True)
class PublishedPage:
    """Which version of a page readers see."""

    id: str
    version: int


@dataclass(frozen=True, kw_only=True)
class Publication:
    """What readers see: the notebook as it was at the last publish, less the pages deleted since.

    ``version`` is the notebook's version that published it.
    """

    version: int
    published_at: datetime
    title: str
    description: str
    metadata: dict[str, Any]
    pages: tuple[PublishedPage, ...]

    def shows(self, title: str, description: str, metadata: dict[str, Any], pages: tuple[PublishedPage, ...]) -> bool:
        """Whether readers see exactly this."""
        return (self.title, self.description, self.metadata, self.pages) == (title, description, metadata, pages)


@dataclass(frozen=True, kw_only=True)
class NotebookFact(Fact):
    """The notebook after the change. ``page_ids`` are the live pages in order."""

    notebook_id: str
    version: int
    title: str
    description: str
    metadata: dict[str, Any]
    page_ids: tuple[str, ...]
    publication: Publication | None
    trashed_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def room(self) -> int:
        return len(encode(self).encode())


class PageList(NotebookFact):
    """It only lists the pages, and leaves the log as soon as a newer event does (docs/adr/0025)."""

    @property
    def room(self) -> int:
        return 0


@named("notebook.created")
class NotebookCreated(NotebookFact):
    pass


@named("notebook.edited")
class NotebookEdited(NotebookFact):
    pass


@named("notebook.page_added")
class PageAdded(PageList):
    pass


@named("notebook.pages_reordered")
class PagesReordered(PageList):
    pass


@named("notebook.page_trashed")
@dataclass(frozen=True, kw_only=True)
class PageTrashed(NotebookFact):
    page_id: str

    @property
    def withdraws(self) -> str | None:
        return self.page_id


@named("notebook.page_restored")
@dataclass(frozen=True, kw_only=True)
class PageRestored(NotebookFact):
    page_id: str


@named("notebook.published")
@dataclass(frozen=True, kw_only=True)
class NotebookPublished(NotebookFact):
    """``changed_page_ids``: the pages that are new or different since the last publish."""

    changed_page_ids: tuple[str, ...]


@named("notebook.purged")
@dataclass(frozen=True, kw_only=True)
class NotebookPurged(Fact):
    """The notebook is gone for good, and all that the log held of it: no state is left to tell."""

    notebook_id: str
    version: int


class Withdrawal(NotebookFact):
    """Readers lose the notebook."""

    @property
    def withdraws(self) -> str | None:
        return self.notebook_id


@named("notebook.unpublished")
class NotebookUnpublished(Withdrawal):
    pass


@named("notebook.trashed")
class NotebookTrashed(Withdrawal):
    pass


@named("notebook.restored")
class NotebookRestored(NotebookFact):
    pass
