"""What uses which picture: drafts, published pages, kept revisions and avatars, each a source of references.

A source is replaced as a whole by its newer version, so its references may be read from events in any order. What lies
in the trash goes on using its pictures.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    Select,
    String,
    delete,
    exists,
    insert,
    select,
)

from events import log
from events.accounts import ProfileEdited, UserFact
from events.event import Event
from events.notebooks import (
    NotebookFact,
    NotebookPublished,
    NotebookPurged,
    NotebookTrashed,
    NotebookUnpublished,
    PageTrashed,
    Publication,
)
from events.pages import SAVES, EditRefused, PageFact, PagePurged, published_revision_id, text_revision_id
from events.pictures import linked_pictures
from events.subscriptions import TRACK_REFERENCES
from infra.database import Id, table
from read_models.model import Model
from read_models.projection import newest_of, newest_wins

BUILDER = 1
PAGE, PUBLISHED, REVISION, AVATAR = "page", "published", "revision", "avatar"
# The state of a notebook's publication: a source without references of its own, which orders those of its pages.
PUBLICATION = "publication"

reference_sources = table(
    "reference_sources",
    Column("id", Id, primary_key=True),
    Column("kind", String(12, collation="ascii_bin"), nullable=False),
    Column("owner_id", Id, nullable=False),
    Column("page_id", Id),
    Column("notebook_id", Id),
    Column("version", Integer, nullable=False),
    Column("builder_version", Integer, nullable=False),
    Index("ix_reference_sources_notebook", "notebook_id", "kind"),
    Index("ix_reference_sources_page", "page_id"),
)

picture_references = table(
    "picture_references",
    Column("picture_id", Id, primary_key=True),
    Column("source_id", Id, primary_key=True),
    Index("ix_picture_references_source", "source_id"),
)


@dataclass(frozen=True)
class Source:
    """Something that may show pictures, as it is at ``version``. ``key`` tells it from others of its kind."""

    kind: str
    key: str
    owner_id: str
    version: int
    page_id: str | None = None
    notebook_id: str | None = None
    text: str = ""

    @property
    def id(self) -> str:
        return _source_id(self.kind, self.key)

    @property
    def row(self) -> dict[str, Any]:
        own = {name: value for name, value in vars(self).items() if name not in ("key", "text")}
        return own | {"id": self.id, "builder_version": BUILDER}


def _source_id(kind: str, key: str) -> str:
    return hashlib.sha256(f"{kind}:{key}".encode()).hexdigest()[:32]


def project(connection: Connection, events: Sequence[Event]) -> None:
    """Apply a batch in any order. The caller commits."""
    _replace(connection, [source for event in events for source in _sources(connection, event)])
    for fact in sorted(newest_of(events, NotebookFact).values(), key=lambda fact: fact.notebook_id):
        _show(connection, fact)
    for page_id in sorted(newest_of(events, PagePurged)):
        forget_page(connection, page_id)
    for notebook_id in sorted(newest_of(events, NotebookPurged)):
        _forget(connection, [_source_id(PUBLICATION, notebook_id)])


_NOTEBOOK = (NotebookPublished, NotebookUnpublished, NotebookTrashed, NotebookPurged)
MODEL = Model(
    "references",
    TRACK_REFERENCES,
    hears=(ProfileEdited, *SAVES, EditRefused, PagePurged, PageTrashed, *_NOTEBOOK),
    project=project,
    tables=(reference_sources, picture_references),
    builders=(__name__,),
)


def _sources(connection: Connection, event: Event) -> Iterator[Source]:
    fact = event.fact
    if isinstance(fact, PageFact):
        place = (fact.page_id, fact.notebook_id, fact.content)
        yield Source(PAGE, fact.page_id, fact.owner_id, fact.version, *place)
        # A revision that only one save ever belongs to needs no row to say that it shows nothing.
        if fact.kind == "autosave" or linked_pictures(fact.content):
            yield Source(REVISION, text_revision_id(fact.page_id, fact.revision), fact.owner_id, fact.version, *place)
    elif isinstance(fact, EditRefused) and linked_pictures(fact.content):
        yield Source(REVISION, fact.revision_id, fact.owner_id, 1, fact.page_id, fact.notebook_id, fact.content)
    elif isinstance(fact, NotebookPublished):
        yield from _published_revisions(connection, fact)
    elif isinstance(fact, UserFact):
        # As a link, like all others.
        yield Source(AVATAR, fact.owner_id, fact.owner_id, fact.version, text=f"/media/{fact.avatar_image_id}/")


def _published_revisions(connection: Connection, fact: NotebookPublished) -> Iterator[Source]:
    shown = fact.publication
    changed = [(page.id, page.version) for page in shown.pages if page.id in fact.changed_page_ids] if shown else []
    for page in (event.fact for event in log.load_versions(connection, changed)):
        if linked_pictures(page.content):
            key = published_revision_id(page.page_id, fact.version)
            yield Source(REVISION, key, fact.owner_id, 1, page.page_id, fact.notebook_id, page.content)


def _replace(connection: Connection, sources: Iterable[Source]) -> None:
    """Let each source have the references of its newest version, and no others."""
    newest: dict[str, Source] = {}
    for source in sources:
        known = newest.get(source.id)
        if known is None or known.version <= source.version:
            newest[source.id] = source
    # In one order, so that two workers at the same sources take turns; the rows stay locked until the commit.
    ordered = [newest[source_id] for source_id in sorted(newest)]
    newest_wins(connection, reference_sources, [source.row for source in ordered])
    _link(connection, _newest(connection, ordered))


def _newest(connection: Connection, sources: Sequence[Source]) -> list[Source]:
    """Those of which nothing newer is known."""
    columns = reference_sources.c
    query = select(columns.id, columns.version).where(columns.id.in_([source.id for source in sources]))
    stored = {row.id: row.version for row in connection.execute(query)}
    return [source for source in sources if stored[source.id] == source.version]


def _link(connection: Connection, sources: Sequence[Source]) -> None:
    """Write only what differs: most pages show no picture, and most saves change none."""
    columns = picture_references.c
    query = select(picture_references).where(columns.source_id.in_([source.id for source in sources]))
    known = {(row.picture_id, row.source_id) for row in connection.execute(query)}
    wanted = {(picture_id, source.id) for source in sources for picture_id in linked_pictures(source.text)}
    for picture_id, source_id in sorted(known - wanted):
        one = (columns.picture_id == picture_id, columns.source_id == source_id)
        connection.execute(delete(picture_references).where(*one))
    if wanted - known:
        rows = [dict(zip(("picture_id", "source_id"), pair, strict=True)) for pair in sorted(wanted - known)]
        connection.execute(insert(picture_references), rows)


def _show(connection: Connection, fact: NotebookFact) -> None:
    """What readers see of a notebook now, unless something newer is known already."""
    state = Source(PUBLICATION, fact.notebook_id, fact.owner_id, fact.version, notebook_id=fact.notebook_id)
    newest_wins(connection, reference_sources, [state.row])
    if _newest(connection, [state]):
        _keep_pages(connection, fact.notebook_id, fact.owner_id, fact.publication)


def _keep_pages(connection: Connection, notebook_id: str, owner_id: str, publication: Publication | None) -> None:
    columns = reference_sources.c
    mine = (columns.notebook_id == notebook_id, columns.kind == PUBLISHED)
    rows = connection.execute(select(columns.id, columns.page_id, columns.version).where(*mine)).all()
    stored = {row.page_id: row.version for row in rows}
    wanted = {page.id: page.version for page in publication.pages} if publication else {}
    _forget(connection, [row.id for row in rows if wanted.get(row.page_id) != row.version])
    missing = [(page_id, version) for page_id, version in wanted.items() if stored.get(page_id) != version]
    pages = [event.fact for event in log.load_versions(connection, missing)]
    _replace(
        connection,
        [Source(PUBLISHED, f"{notebook_id}:{p.page_id}", owner_id, p.version, p.page_id, notebook_id, p.content)
         for p in pages],
    )  # fmt: skip


def forget_revisions(connection: Connection, revision_ids: Iterable[str]) -> None:
    """These revisions are kept no longer."""
    _forget(connection, [_source_id(REVISION, revision_id) for revision_id in revision_ids])


def forget_page(connection: Connection, page_id: str) -> None:
    """A page is gone for good, with its revisions."""
    _forget(
        connection, connection.scalars(select(reference_sources.c.id).where(reference_sources.c.page_id == page_id))
    )


def _forget(connection: Connection, source_ids: Iterable[str]) -> None:
    for source_id in sorted(source_ids):
        connection.execute(delete(picture_references).where(picture_references.c.source_id == source_id))
        connection.execute(delete(reference_sources).where(reference_sources.c.id == source_id))


def of_picture(connection: Connection, picture_id: str, owner_id: str) -> list[dict[str, Any]]:
    """``{kind, page_id, notebook_id}`` of all that shows it and is its owner's."""
    columns = reference_sources.c
    query = (
        select(columns.kind, columns.page_id, columns.notebook_id)
        .join(picture_references, picture_references.c.source_id == columns.id)
        .where(picture_references.c.picture_id == picture_id, columns.owner_id == owner_id)
        .distinct()
        .order_by(columns.kind, columns.notebook_id, columns.page_id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def used_by(owner_id: str) -> Select[Any]:
    """The ids of all pictures that something of this user's shows."""
    joined = picture_references.join(reference_sources, reference_sources.c.id == picture_references.c.source_id)
    return select(picture_references.c.picture_id).select_from(joined).where(reference_sources.c.owner_id == owner_id)


def uses(picture_id: Any, owner_id: Any) -> ColumnElement[bool]:
    """The condition that something of its owner's shows a picture; both are columns of the query it stands in."""
    joined = picture_references.join(reference_sources, reference_sources.c.id == picture_references.c.source_id)
    shown = picture_references.c.picture_id == picture_id
    return exists(select(1).select_from(joined).where(shown, reference_sources.c.owner_id == owner_id))
