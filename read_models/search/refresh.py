"""Which pages the search index holds, and why: drafts that live, and what is published.

An entry depends on two aggregates, its page and its notebook, so neither's version alone can guard it. Instead each
refresh holds its notebook's lock and reads what is newest in the log: whatever event brought it here, in whatever
order, the last refresh leaves what is true.
"""

from collections.abc import Collection, Container, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, bindparam, delete, select, update
from sqlalchemy.dialects.mysql import insert

from events import log, outstanding
from events.event import Event
from events.notebooks import (
    NotebookEdited,
    NotebookFact,
    NotebookPublished,
    NotebookPurged,
    NotebookRestored,
    NotebookTrashed,
    NotebookUnpublished,
    PageRestored,
    PageTrashed,
    PublishedPage,
)
from events.pages import PAGE_SAVES, SAVES, PageFact, PagePurged
from events.subscriptions import INDEX_SEARCH
from infra.database import Id, Json, table
from read_models.model import Model
from read_models.projection import newest_of
from read_models.search import index
from read_models.search.index import PAGE_BITS, Entry, Scope, forget, put, remove, retitle

search_notebooks = table(
    "search_notebooks",
    Column("notebook_id", Id, primary_key=True),
    # The published pages that the index holds now.
    Column("published", Json(tuple[PublishedPage, ...]), nullable=False),
)

# More than a batch has, by far; the rest of them comes in a batch of its own.
MOST_COVERED = 1000
# Their texts and terms are in memory together; a text may have a megabyte.
DRAFTS_AT_ONCE = 50
_LAST = (1 << PAGE_BITS) - 1

# On an existing row INSERT IGNORE takes a shared lock: two workers would both hold it and deadlock upgrading.
_locked = insert(search_notebooks).on_duplicate_key_update(notebook_id=search_notebooks.c.notebook_id)
_indexed = select(search_notebooks).where(search_notebooks.c.notebook_id.in_(bindparam("ids", expanding=True)))


def refresh(connection: Connection, events: Sequence[Event]) -> None:
    """Bring the entries that these events touch up to date. The caller commits."""
    touched: dict[str, set[str]] = {}
    retitled: set[str] = set()
    for event in events:
        if isinstance(event.fact, (PageFact, NotebookFact)):
            touched.setdefault(event.fact.notebook_id, set()).update(_drafts_touched(event.fact))
        if isinstance(event.fact, (NotebookEdited, NotebookPublished)):
            retitled.add(event.fact.notebook_id)
    for page_id in sorted(newest_of(events, PagePurged)):
        forget(connection, page_id)
    for notebook_id in sorted(newest_of(events, NotebookPurged)):
        connection.execute(delete(search_notebooks).where(search_notebooks.c.notebook_id == notebook_id))
    _refresh_notebooks(connection, touched, retitled)


def covered(connection: Connection, events: Sequence[Event]) -> list[str]:
    """The ids of later saves of the same pages: ``refresh`` reads what is newest, so for them it is done as well. Under
    load most saves are indexed in this way, and the more there are waiting, the more of them at once."""
    versions = {page_id: page.version for page_id, page in newest_of(events, PageFact).items()}
    return log.ids_later_than(connection, versions, PAGE_SAVES, MOST_COVERED)


def _drafts_touched(fact: PageFact | NotebookFact) -> Sequence[str]:
    if isinstance(fact, (PageFact, PageTrashed, PageRestored)):
        return (fact.page_id,)
    return fact.page_ids if isinstance(fact, (NotebookTrashed, NotebookRestored)) else ()


def _refresh_notebooks(
    connection: Connection, touched: Mapping[str, Collection[str]], retitled: Container[str]
) -> None:
    """``touched``: the pages of each notebook whose drafts may have changed."""
    if not touched:
        return
    withdrawn = outstanding.withdrawals(connection, INDEX_SEARCH)
    indexed = _lock(connection, sorted(touched))
    newest = log.newest_of_each(connection, indexed)
    notebooks = [event.fact for event in newest if isinstance(event.fact, NotebookFact)]
    _refresh_drafts(connection, notebooks, touched)
    for notebook in notebooks:
        _refresh_published(connection, notebook, indexed[notebook.notebook_id], withdrawn)
        if notebook.notebook_id in retitled:
            _retitle(connection, notebook)


def _lock(connection: Connection, notebook_ids: Sequence[str]) -> dict[str, tuple[PublishedPage, ...]]:
    """What the index holds of each; the caller gives them in order, so that two workers don't deadlock."""
    connection.execute(_locked, [{"notebook_id": each, "published": ()} for each in notebook_ids])
    rows = connection.execute(_indexed, {"ids": notebook_ids})
    return {row.notebook_id: row.published for row in rows}


def _refresh_drafts(
    connection: Connection, notebooks: Sequence[NotebookFact], touched: Mapping[str, Collection[str]]
) -> None:
    living = {
        page_id: notebook
        for notebook in notebooks
        if not notebook.trashed_at
        for page_id in set(notebook.page_ids).intersection(touched[notebook.notebook_id])
    }
    page_ids = sorted(living)
    for start in range(0, len(page_ids), DRAFTS_AT_ONCE):
        newest = log.newest_of_each(connection, page_ids[start : start + DRAFTS_AT_ONCE])
        put(connection, [_draft(living[event.aggregate_id], event) for event in newest])
    for notebook in notebooks:
        gone = set(touched[notebook.notebook_id]) - living.keys()
        remove(connection, gone, "draft", _version(notebook, _LAST))


def _refresh_published(
    connection: Connection, notebook: NotebookFact, indexed: tuple[PublishedPage, ...], withdrawn: Collection[str]
) -> None:
    shown = notebook.publication
    wanted = shown.pages if shown else ()
    # A search hides all that is older than a withdrawal which nobody has handled: what is shown again must be newer.
    is_doubted = any(each in withdrawn for each in (notebook.notebook_id, *(page.id for page in wanted)))
    if wanted == indexed and not is_doubted:
        return
    known = set() if is_doubted else set(indexed)
    changed = [(page.id, page.version) for page in wanted if page not in known]
    texts = log.load_versions(connection, changed)
    put(connection, [_entry("published", notebook, event, shown.title if shown else "") for event in texts])
    gone = {page.id for page in indexed} - {page.id for page in wanted}
    remove(connection, gone, "published", _version(notebook, _LAST))
    mine = search_notebooks.c.notebook_id == notebook.notebook_id
    connection.execute(update(search_notebooks).where(mine).values(published=wanted))


def _retitle(connection: Connection, notebook: NotebookFact) -> None:
    """Pages that have not changed themselves show the new title too."""
    retitle(connection, notebook.page_ids, "draft", notebook.title)
    if notebook.publication:
        shown = [page.id for page in notebook.publication.pages]
        retitle(connection, shown, "published", notebook.publication.title)


def _draft(notebook: NotebookFact, event: Event) -> Entry:
    return _entry("draft", notebook, event, notebook.title)


def _entry(scope: Scope, notebook: NotebookFact, event: Event, notebook_title: str) -> Entry:
    page: Any = event.fact
    return Entry(
        scope=scope,
        page_id=page.page_id,
        notebook_id=page.notebook_id,
        author_id=page.owner_id,
        notebook_title=notebook_title,
        title=page.title,
        body=page.content,
        version=_version(notebook, page.version),
        updated_at=page.updated_at,
    )


def _version(notebook: NotebookFact, page_version: int) -> int:
    """One number that grows with either: under the lock neither is ever read twice in falling order."""
    return notebook.version << PAGE_BITS | page_version


MODEL = Model(
    "search",
    INDEX_SEARCH,
    hears=(
        *(*SAVES, PagePurged, NotebookEdited, PageTrashed, PageRestored),
        *(NotebookPublished, NotebookUnpublished, NotebookTrashed, NotebookRestored, NotebookPurged),
    ),
    project=refresh,
    tables=(index.search_entries, search_notebooks),
    builders=(index.__name__,),
)
