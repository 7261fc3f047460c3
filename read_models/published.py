"""What readers see: the notebook and the pages as they were at the last publish, whatever happens to the drafts."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, Connection, Index, Integer, String, delete, select

from events import log
from events.event import Event
from events.notebooks import NotebookFact, Publication
from infra.database import Id, Json, LongText, UtcDateTime, table
from read_models.page_view import shown_columns
from read_models.projection import newest_wins

BUILDER = 1

published_notebooks = table(
    "published_notebooks",
    Column("notebook_id", Id, primary_key=True),
    Column("owner_id", Id, nullable=False),
    # The notebook's version that this row was made from. A withdrawn notebook leaves its row as a tombstone.
    Column("version", Integer, nullable=False),
    Column("published_version", Integer),
    Column("published_at", UtcDateTime),
    Column("title", String(200)),
    Column("description", LongText),
    Column("metadata", Json()),
    Column("page_count", Integer, nullable=False),
    Column("word_count", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("builder_version", Integer, nullable=False),
    Index("ix_published_notebooks_published", "published_at"),
)

published_pages = table(
    "published_pages",
    Column("notebook_id", Id, primary_key=True),
    Column("page_id", Id, primary_key=True),
    Column("version", Integer, nullable=False),
    *shown_columns(),
    Column("builder_version", Integer, nullable=False),
)
_TEXT = tuple(column.name for column in published_pages.columns if column.name != "builder_version")


def project(connection: Connection, facts: Iterable[NotebookFact]) -> None:
    """``facts`` are newer than what is stored, and the caller holds the lock on their notebooks' views."""
    for fact in facts:
        counts = [_keep_pages(connection, fact.notebook_id, fact.publication)] if fact.publication else []
        if not fact.publication:
            connection.execute(delete(published_pages).where(published_pages.c.notebook_id == fact.notebook_id))
        newest_wins(connection, published_notebooks, [_row(fact, sum(counts))])


def _keep_pages(connection: Connection, notebook_id: str, publication: Publication) -> int:
    """Store the texts of this publication and forget all others; answers the number of words."""
    columns = published_pages.c
    mine = columns.notebook_id == notebook_id
    stored = {
        row.page_id: row
        for row in connection.execute(select(columns.page_id, columns.version, columns.word_count).where(mine))
    }
    wanted = {page.id: page.version for page in publication.pages}
    gone = [page_id for page_id, row in stored.items() if wanted.get(page_id) != row.version]
    if gone:
        connection.execute(delete(published_pages).where(mine, columns.page_id.in_(gone)))
    missing = [(page_id, version) for page_id, version in wanted.items() if page_id not in stored or page_id in gone]
    texts = [_text(event) for event in log.load_versions(connection, missing)]
    newest_wins(connection, published_pages, texts)
    kept: int = sum(row.word_count for page_id, row in stored.items() if page_id not in gone)
    added: int = sum(text["word_count"] for text in texts)
    return kept + added


def _text(event: Event) -> dict[str, Any]:
    row = {name: getattr(event.fact, name) for name in _TEXT}
    return row | {"builder_version": BUILDER}


def _row(fact: NotebookFact, word_count: int) -> dict[str, Any]:
    shown = fact.publication
    return {
        "notebook_id": fact.notebook_id,
        "owner_id": fact.owner_id,
        "version": fact.version,
        "published_version": shown.version if shown else None,
        "published_at": shown.published_at if shown else None,
        "title": shown.title if shown else None,
        "description": shown.description if shown else None,
        "metadata": shown.metadata if shown else None,
        "page_count": len(shown.pages) if shown else 0,
        "word_count": word_count,
        "created_at": fact.created_at,
        "builder_version": BUILDER,
    }


def forget(connection: Connection, notebook_ids: Iterable[str]) -> None:
    """Their pages went when they were withdrawn."""
    for notebook_id in notebook_ids:
        connection.execute(delete(published_notebooks).where(published_notebooks.c.notebook_id == notebook_id))


def load_page(connection: Connection, notebook_id: str, page_id: str, version: int) -> dict[str, Any] | None:
    """The text of a page at its published version; from the log when the snapshot is not made yet."""
    columns = published_pages.c
    query = select(published_pages).where(
        columns.notebook_id == notebook_id, columns.page_id == page_id, columns.version == version
    )
    row = connection.execute(query).mappings().one_or_none()
    if row:
        return dict(row)
    event = log.at(connection, page_id, version)
    return _text(event) if event else None


def load_pages(connection: Connection, notebook_id: str, publication: Publication) -> list[dict[str, Any]] | None:
    """``{id, title, order, version, word_count, updated_at}`` of the published pages, in order; None when this server
    has not got all of them."""
    columns = published_pages.c
    query = select(
        columns.page_id.label("id"), columns.title, columns.version, columns.word_count, columns.updated_at
    ).where(columns.notebook_id == notebook_id)
    found = {(row["id"], row["version"]): dict(row) for row in connection.execute(query).mappings()}
    missing = [(page.id, page.version) for page in publication.pages if (page.id, page.version) not in found]
    for event in log.load_versions(connection, missing):
        found[event.aggregate_id, event.version] = {**_text(event), "id": event.aggregate_id}
    if any((page.id, page.version) not in found for page in publication.pages):
        return None
    pages = [found[page.id, page.version] for page in publication.pages]
    return [{**page, "order": place} for place, page in enumerate(pages, start=1)]
