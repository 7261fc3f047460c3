"""The history of a page: each explicit save, the last text of each run of autosaves, and what was published,
restored or refused; and the names that its author gave them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import CHAR, Column, Connection, Index, Integer, Select, String, case, delete, func, select

from events import log
from events.event import Event
from events.notebooks import NotebookPublished
from events.pages import (
    SAVES,
    EditRefused,
    PageFact,
    PagePurged,
    RevisionLabelled,
    published_revision_id,
    text_revision_id,
)
from events.subscriptions import CUT_REVISIONS
from infra.database import Id, LongText, UtcDateTime, table
from read_models.model import Model
from read_models.notebook_list import Slice, slice_of
from read_models.projection import newest_of, newest_wins

BUILDER = 1

revisions = table(
    "revisions",
    Column("id", Id, primary_key=True),
    Column("page_id", Id, nullable=False),
    Column("owner_id", Id, nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", String(8, collation="ascii_bin"), nullable=False),
    Column("title", String(200), nullable=False),
    Column("content", LongText, nullable=False),
    Column("word_count", Integer, nullable=False),
    Column("content_sha256", CHAR(64, collation="ascii_bin"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("builder_version", Integer, nullable=False),
    Index("ix_revisions_page", "page_id", "created_at", "version"),
    Index("ix_revisions_created", "created_at", "page_id"),
)

# Apart from the texts: a label may be projected before the revision that it names.
revision_labels = table(
    "revision_labels",
    Column("revision_id", Id, primary_key=True),
    Column("page_id", Id, nullable=False),
    Column("version", Integer, nullable=False),
    Column("label", String(120), nullable=False),
    Column("builder_version", Integer, nullable=False),
    Index("ix_revision_labels_page", "page_id"),
)
# An empty label is one that was taken off. Its length tells, since MySQL holds blanks for equal to nothing.
NAME = case((func.char_length(revision_labels.c.label) > 0, revision_labels.c.label))
_TEXT = ("title", "content")


def project(connection: Connection, events: Sequence[Event]) -> None:
    """Each event knows which revision it belongs to, so any order of events gives the same rows."""
    newest_wins(connection, revisions, [row for event in events for row in _rows(connection, event)])
    newest_wins(connection, revision_labels, [_label(e.fact) for e in events if isinstance(e.fact, RevisionLabelled)])
    # The log holds no other event of them, so none can bring them back.
    for page_id in sorted(newest_of(events, PagePurged)):
        forget_page(connection, page_id)


def forget_page(connection: Connection, page_id: str) -> None:
    """All of its revisions and their names."""
    connection.execute(delete(revision_labels).where(revision_labels.c.page_id == page_id))
    connection.execute(delete(revisions).where(revisions.c.page_id == page_id))


def _rows(connection: Connection, event: Event) -> list[dict[str, Any]]:
    fact = event.fact
    if isinstance(fact, PageFact):
        return [_row(fact, text_revision_id(fact.page_id, fact.revision), fact.kind, fact.updated_at)]
    if isinstance(fact, NotebookPublished):
        return _published(connection, fact)
    if isinstance(fact, EditRefused):
        return [_row(fact, fact.revision_id, "conflict", fact.refused_at)]
    return []


def _published(connection: Connection, fact: NotebookPublished) -> list[dict[str, Any]]:
    shown = fact.publication
    changed = [(p.id, p.version) for p in shown.pages if p.id in fact.changed_page_ids] if shown else []
    return [
        _row(event.fact, published_revision_id(event.aggregate_id, fact.version), "publish", fact.updated_at)
        for event in log.load_versions(connection, changed)
    ]


def _row(fact: Any, revision_id: str, kind: str, created_at: Any) -> dict[str, Any]:
    version = fact.base_version if isinstance(fact, EditRefused) else fact.version
    same = ("page_id", "owner_id", "title", "content", "word_count", "content_sha256")
    row = {name: getattr(fact, name) for name in same}
    own = {"id": revision_id, "kind": kind, "version": version, "created_at": created_at, "builder_version": BUILDER}
    return row | own


def _label(fact: RevisionLabelled) -> dict[str, Any]:
    names = (column.name for column in revision_labels.columns if column.name != "builder_version")
    return {name: getattr(fact, name) for name in names} | {"builder_version": BUILDER}


MODEL = Model(
    "revisions",
    CUT_REVISIONS,
    hears=(*SAVES, EditRefused, RevisionLabelled, PagePurged, NotebookPublished),
    project=project,
    tables=(revisions, revision_labels),
    builders=(__name__,),
)


def of_page(connection: Connection, page_id: str, owner_id: str, page: int, per_page: int) -> Slice:
    """The owner's revisions of a page without their texts, newest first."""
    columns = revisions.c
    query = _with_labels(*_TEXT).where(columns.page_id == page_id, columns.owner_id == owner_id)
    order = (columns.created_at.desc(), columns.version.desc(), columns.id.desc())
    # A page has one owner, and each revision one name at most.
    counted = select(columns.id).where(columns.page_id == page_id)
    return slice_of(connection, query, order, page, per_page, counted)


def load(connection: Connection, page_id: str, revision_id: str, owner_id: str) -> dict[str, Any] | None:
    """One revision with its text, None when there is none or it is someone else's."""
    columns = revisions.c
    mine = (columns.id == revision_id, columns.page_id == page_id, columns.owner_id == owner_id)
    query = _with_labels().where(*mine)
    row = connection.execute(query).mappings().one_or_none()
    return dict(row) if row else None


def _with_labels(*less: str) -> Select[Any]:
    chosen = [column for column in revisions.columns if column.name not in less]
    # Not joined: for want of labels MySQL would rather sort all revisions of the page than read them in their order.
    label = select(NAME).where(revision_labels.c.revision_id == revisions.c.id).scalar_subquery()
    return select(*chosen, label.label("label"))
