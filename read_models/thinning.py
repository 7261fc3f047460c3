"""Which revisions are enough: all of a day, then one an hour for a month, one a day after.

What the author named, published, restored or was refused is kept for ever, and so is the newest. The events of texts
that no revision keeps leave the log with them: it would grow for ever, and a rebuild from it would bring them back.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from events import log, outstanding, usage
from events.notebooks import NotebookFact
from events.pages import history_of
from read_models import references
from read_models.freshness import cut_revisions_within
from read_models.revisions import NAME, revision_labels, revisions

PASSING = frozenset({"save", "autosave"})
OF_THE_TEXT = PASSING | {"restore"}


@dataclass(frozen=True)
class Window:
    """Of the passing revisions of one page in it, the last one is enough."""

    begin: datetime
    end: datetime

    def holds(self, moment: datetime) -> bool:
        return self.begin <= moment < self.end


@dataclass(frozen=True)
class Kept:
    """A revision without its text."""

    id: str
    version: int
    kind: str
    created_at: datetime
    label: str | None


def superfluous(history: Sequence[Kept], window: Window, shown: Collection[int]) -> list[Kept]:
    """The revisions of a page that can go. ``shown`` are versions that readers see or saw: their texts stay anyway."""
    before = _earlier_text(history)
    passing = [each for each in history if each.kind in PASSING and window.holds(each.created_at)]
    passing.sort(key=lambda each: (each.created_at, each.version, each.id))
    return [
        each
        for each in passing[:-1]
        # The events of a shown text stay in the log; the revision that they belong to would come back in a rebuild.
        if each.label is None and not any(before[each.id] < version <= each.version for version in shown)
    ]


def _earlier_text(history: Sequence[Kept]) -> dict[str, int]:
    """By id, the version that the revision before it ends with: all after it belong to this one."""
    texts = sorted((each for each in history if each.kind in OF_THE_TEXT), key=lambda each: each.version)
    ends = [0, *(each.version for each in texts)]
    return {each.id: end for each, end in zip(texts, ends, strict=False)}


def pages_in(connection: Connection, window: Window, after: str, limit: int) -> list[str]:
    """The ids of pages with revisions in this window, in order, from the one ``after`` on."""
    columns = revisions.c
    mine = (columns.created_at >= window.begin, columns.created_at < window.end, columns.page_id > after)
    return list(connection.scalars(select(columns.page_id).where(*mine).distinct().order_by("page_id").limit(limit)))


def thin_page(connection: Connection, page_id: str, owner_id: str, notebook_id: str, window: Window) -> int:
    """Delete the superfluous revisions of a page; returns how many. The caller has locked the page."""
    # A name given a moment ago must be known here; another one can't be given before this is committed.
    cut_revisions_within(connection, owner_id, (page_id, history_of(page_id), notebook_id))
    if outstanding.owes_before(connection, owner_id, (page_id, history_of(page_id)), window.end):
        return 0
    shown = set(_published_now(connection, page_id, notebook_id))
    history = _history(connection, page_id)
    shown |= {each.version for each in history if each.kind == "publish"}
    gone = {each.id for each in superfluous(history, window, shown)}
    _forget(connection, gone)
    kept = {each.version for each in history if each.id not in gone}
    _compact(connection, page_id, window, kept | shown)
    if gone:
        usage.owe_recount(connection, owner_id)
    return len(gone)


def _history(connection: Connection, page_id: str) -> list[Kept]:
    columns = revisions.c
    named = revisions.outerjoin(revision_labels, revision_labels.c.revision_id == columns.id)
    query = select(columns.id, columns.version, columns.kind, columns.created_at, NAME)
    return [Kept(*row) for row in connection.execute(query.select_from(named).where(columns.page_id == page_id))]


def _published_now(connection: Connection, page_id: str, notebook_id: str) -> Iterator[int]:
    event = log.newest(connection, notebook_id)
    if event and isinstance(event.fact, NotebookFact) and event.fact.publication:
        yield from (page.version for page in event.fact.publication.pages if page.id == page_id)


def _forget(connection: Connection, revision_ids: Collection[str]) -> None:
    for revision_id in sorted(revision_ids):
        connection.execute(delete(revisions).where(revisions.c.id == revision_id))
    references.forget_revisions(connection, revision_ids)


def _compact(connection: Connection, page_id: str, window: Window, kept: Collection[int]) -> None:
    """Erase the events of texts that nothing keeps. The newest of all stays: it is what the page is."""
    before = log.versions_before(connection, page_id, window.end)
    newest = log.newest_versions(connection, [page_id])[page_id]
    log.erase(connection, [event_id for event_id, version in before if version not in kept and version != newest])
