"""A notebook: its fields, the order and the trash of its pages, and what of it is published."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Column, Index, Integer, Select, String, Table

from domain.aggregate import Aggregate
from domain.errors import Conflict, Invalid, NotFound
from events import usage
from events.notebooks import (
    NotebookCreated,
    NotebookEdited,
    NotebookFact,
    NotebookPublished,
    NotebookRestored,
    NotebookTrashed,
    NotebookUnpublished,
    PageAdded,
    PageRestored,
    PagesReordered,
    PageTrashed,
    Publication,
    PublishedPage,
)
from infra.clock import new_id
from infra.database import Id, IdList, Json, LongText, UtcDateTime, table

# Every notebook event carries the list of pages, so the list has to end somewhere; the longest novels have hundreds.
MOST_PAGES = 5000

notebooks = table(
    "notebooks",
    Column("id", Id, primary_key=True),
    Column("owner_id", Id, nullable=False),
    Column("version", Integer, nullable=False),
    Column("title", String(200), nullable=False),
    Column("description", LongText, nullable=False),
    Column("metadata", Json(), nullable=False),
    Column("page_ids", IdList, nullable=False),
    Column("publication", Json(Publication)),
    Column("trashed_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    # How many a user has is asked before each new one.
    Index("ix_notebooks_owner", "owner_id"),
    Index("ix_notebooks_trashed", "trashed_at"),
)


@dataclass(kw_only=True)
class Notebook(Aggregate):
    table: ClassVar[Table] = notebooks

    owner_id: str
    title: str
    description: str
    metadata: dict[str, Any]
    page_ids: tuple[str, ...]
    publication: Publication | None
    trashed_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def query(cls) -> Select[Any]:
        # Here it costs no round trip.
        return super().query().add_columns(usage.used_by(notebooks.c.owner_id).label("text_used"))

    @classmethod
    def create(cls, owner_id: str, title: str, description: str, metadata: dict[str, Any], at: datetime) -> "Notebook":
        notebook = cls(
            id=new_id(),
            owner_id=owner_id,
            title=title,
            description=description,
            metadata=metadata,
            page_ids=(),
            publication=None,
            trashed_at=None,
            created_at=at,
            updated_at=at,
        )
        notebook._record(NotebookCreated, at)
        return notebook

    def edit(self, changes: dict[str, Any], at: datetime) -> None:
        """Change any of title, description and metadata; what is the same already is no change."""
        if any(getattr(self, name) != value for name, value in changes.items()):
            for name, value in changes.items():
                setattr(self, name, value)
            self._record(NotebookEdited, at)

    def add_page(self, page_id: str, order: int | None, at: datetime) -> int:
        """Put a new page in its place, the last one by default; answers the place, counted from 1."""
        self._make_room()
        place = len(self.page_ids) if order is None else min(order - 1, len(self.page_ids))
        self.page_ids = (*self.page_ids[:place], page_id, *self.page_ids[place:])
        self._record(PageAdded, at)
        return place + 1

    def _make_room(self) -> None:
        if len(self.page_ids) >= MOST_PAGES:
            raise Conflict(f"A notebook holds at most {MOST_PAGES} pages; go on in another one.")

    def reorder(self, page_ids: tuple[str, ...], at: datetime) -> None:
        if sorted(page_ids) != sorted(self.page_ids):
            raise Invalid({"page_ids": ["Must name every page of the notebook exactly once."]})
        if page_ids != self.page_ids:
            self.page_ids = page_ids
            self._record(PagesReordered, at)

    def trash_page(self, page_id: str, at: datetime) -> None:
        """Take a page out, for its readers too."""
        if page_id not in self.page_ids:
            raise NotFound("This notebook has no such page.")
        self.page_ids = tuple(each for each in self.page_ids if each != page_id)
        if self.publication:
            kept = tuple(page for page in self.publication.pages if page.id != page_id)
            self.publication = replace(self.publication, pages=kept)
        self._record(PageTrashed, at, page_id=page_id)

    def restore_page(self, page_id: str, at: datetime) -> int:
        """Take a page back from the trash, as the last one; answers its place."""
        self._make_room()
        self.page_ids = (*self.page_ids, page_id)
        self._record(PageRestored, at, page_id=page_id)
        return len(self.page_ids)

    def publish(self, versions: dict[str, int], at: datetime) -> None:
        """Show readers exactly these versions of the pages. Published again unchanged, nothing happens."""
        pages = tuple(PublishedPage(id=page_id, version=versions[page_id]) for page_id in self.page_ids)
        if self.publication and not self.differs_from_published(pages):
            return
        before = set(self.publication.pages) if self.publication else set()
        self.publication = Publication(
            version=self.version + 1,
            published_at=at,
            title=self.title,
            description=self.description,
            metadata=self.metadata,
            pages=pages,
        )
        self._record(NotebookPublished, at, changed_page_ids=tuple(p.id for p in pages if p not in before))

    def changed_page_ids(self) -> tuple[str, ...]:
        """The pages that a publication just recorded shows for the first time, or at another version."""
        return tuple(
            each for fact in self.facts if isinstance(fact, NotebookPublished) for each in fact.changed_page_ids
        )

    def differs_from_published(self, pages: tuple[PublishedPage, ...]) -> bool:
        """Whether the author would see something else than the readers; what is not published differs in nothing."""
        shown = self.publication
        return shown is not None and not shown.shows(self.title, self.description, self.metadata, pages)

    def unpublish(self, at: datetime) -> None:
        if self.publication:
            self.publication = None
            self._record(NotebookUnpublished, at)

    def trash(self, at: datetime) -> None:
        self.trashed_at, self.publication = at, None
        self._record(NotebookTrashed, at)

    def restore(self, at: datetime) -> None:
        """Back from the trash, as a draft."""
        if self.trashed_at is None:
            raise Conflict("This notebook is not in the trash.")
        self.trashed_at = None
        self._record(NotebookRestored, at)

    def _record(self, kind: type[NotebookFact], at: datetime, **more: Any) -> None:
        self.version += 1
        # The time was taken before the row's lock: a command that waited must not turn time back.
        self.updated_at = max(self.updated_at, at)
        state = self.stored()
        state["notebook_id"] = state.pop("id")
        self.facts.append(kind(**state, **more))
