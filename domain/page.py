"""A page: its text, its versions, and which revision a save belongs to."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import CHAR, Column, Index, Integer, Select, String, Table, bindparam, func, select

from domain.aggregate import Aggregate
from domain.notebook import notebooks
from domain.text import count_words, keeps_half, sha256
from events import usage
from events.pages import PageAutosaved, PageCreated, PageEdited, PageFact, PageReverted
from infra.database import Id, LongText, UtcDateTime, table

pages = table(
    "pages",
    Column("id", Id, primary_key=True),
    Column("notebook_id", Id, nullable=False),
    Column("owner_id", Id, nullable=False),
    Column("version", Integer, nullable=False),
    Column("title", String(200), nullable=False),
    Column("content", LongText, nullable=False),
    Column("word_count", Integer, nullable=False),
    Column("content_sha256", CHAR(64, collation="ascii_bin"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("autosaved_since", UtcDateTime),
    Column("trashed_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ix_pages_notebook", "notebook_id"),
    Index("ix_pages_trashed", "trashed_at"),
)

# From so many characters on, an autosave that throws most of them away does not take their revision.
WORTH_KEEPING = 200

_NOT_IN_FACT = ("autosaved_since", "trashed_at")


@dataclass(kw_only=True)
class Page(Aggregate):
    """``order``, ``notebook_trashed`` and ``notebook_published`` are the notebook's, read but not locked."""

    table: ClassVar[Table] = pages

    notebook_id: str
    owner_id: str
    title: str
    content: str
    word_count: int = 0
    content_sha256: str = ""
    revision: int = 1
    autosaved_since: datetime | None = None
    trashed_at: datetime | None = None
    created_at: datetime
    updated_at: datetime
    order: int = 0
    notebook_trashed: bool = False
    notebook_published: bool = False

    @classmethod
    def query(cls) -> Select[Any]:
        # A sub-select is read without a lock even under FOR UPDATE: writers of different pages never wait for each
        # other at their notebook's row. MariaDB has no FOR UPDATE OF, so a join would lock both.
        def of_notebook(value: Any) -> Any:
            return select(value).where(notebooks.c.id == pages.c.notebook_id).scalar_subquery()

        return select(
            pages,
            of_notebook(func.find_in_set(pages.c.id, notebooks.c.page_ids)).label("order"),
            of_notebook(notebooks.c.trashed_at.is_not(None)).label("notebook_trashed"),
            of_notebook(notebooks.c.publication.is_not(None)).label("notebook_published"),
            # Here it costs no round trip.
            usage.used_by(pages.c.owner_id).label("text_used"),
        ).where(pages.c.id == bindparam("key"))

    @classmethod
    def create(cls, page_id: str, notebook_id: str, owner_id: str, title: str, content: str, at: datetime) -> "Page":
        page = cls(
            id=page_id,
            notebook_id=notebook_id,
            owner_id=owner_id,
            title=title,
            content=content,
            created_at=at,
            updated_at=at,
        )
        page._record(PageCreated, at)
        page.grown = 2 * page._bytes()
        return page

    def edit(self, title: str | None, content: str | None, at: datetime) -> None:
        """A save that the author asked for: a revision of its own. If it only repeats the autosaved text, close that
        revision: the next autosave must not roll it on."""
        self.close_revision()
        before = self._bytes()
        if self._write(title, content):
            self._record(PageEdited, at)
            self.grown = 2 * self._bytes() - before

    def autosave(self, title: str | None, content: str | None, at: datetime, window: timedelta) -> None:
        """A save that the editor made by itself: it rolls the open revision forward, or opens one. One that would leave
        less than half of a longer text closes it, so that what was written before stays in the list."""
        before, replaced = self.content, self._bytes()
        if self._write(title, content):
            is_open = self.autosaved_since is not None and at - self.autosaved_since <= window
            if is_open and len(before) >= WORTH_KEEPING:
                is_open = keeps_half(before, self.content)
            if not is_open:
                self.autosaved_since = at
            self._record(PageAutosaved, at, revision=self.revision if is_open else None)
            # The draft's; and the open revision's, or all of a new one.
            self.grown = 2 * (self._bytes() - replaced) if is_open else 2 * self._bytes() - replaced

    def revert(self, title: str, content: str, at: datetime) -> None:
        """An old revision's text becomes a new version, even if nothing differs: the author sees it done."""
        before = self._bytes()
        self._write(title, content)
        self.close_revision()
        self._record(PageReverted, at)
        self.grown = 2 * self._bytes() - before

    def close_revision(self) -> None:
        """The next autosave opens a new revision."""
        self.autosaved_since = None

    def _bytes(self) -> int:
        """What one copy of the text takes."""
        return len(self.title.encode()) + len(self.content.encode())

    def _write(self, title: str | None, content: str | None) -> bool:
        before = (self.title, self.content)
        self.title = self.title if title is None else title
        self.content = self.content if content is None else content
        return (self.title, self.content) != before

    def _record(self, kind: type[PageFact], at: datetime, revision: int | None = None) -> None:
        self.version += 1
        self.revision = revision or self.version
        # The time was taken before the row's lock: a command that waited must not turn time back.
        self.updated_at = max(self.updated_at, at)
        self.word_count = count_words(self.content)
        self.content_sha256 = sha256(self.content)
        state = {name: value for name, value in self.stored().items() if name not in _NOT_IN_FACT}
        state["page_id"] = state.pop("id")
        self.facts.append(kind(**state))
