"""Profiles, pages, notebooks and publications, brought up to date together: they share one lock per notebook."""

from collections.abc import Sequence

from sqlalchemy import Connection

from events.accounts import ProfileEdited, UserFact, UserRegistered
from events.event import Event
from events.notebooks import (
    NotebookCreated,
    NotebookEdited,
    NotebookFact,
    NotebookPublished,
    NotebookPurged,
    NotebookRestored,
    NotebookTrashed,
    NotebookUnpublished,
    PageAdded,
    PageRestored,
    PagesReordered,
    PageTrashed,
)
from events.pages import SAVES, PageFact, PagePurged
from events.subscriptions import UPDATE_VIEWS
from read_models import notebook_view, page_view, profiles, published
from read_models.model import Model
from read_models.projection import newest_of


def project(connection: Connection, events: Sequence[Event]) -> None:
    """Apply a batch in any order; only the newest fact of each aggregate counts. The caller commits."""
    pages = newest_of(events, PageFact)
    notebooks = newest_of(events, NotebookFact)
    touched: list[PageFact | NotebookFact] = [*pages.values(), *notebooks.values()]
    owners = {fact.notebook_id: fact.owner_id for fact in touched}
    stored = notebook_view.lock(connection, owners)
    newer = [fact for fact in notebooks.values() if (fact.version, notebook_view.BUILDER) > stored[fact.notebook_id]]
    profiles.project(connection, newest_of(events, UserFact).values())
    page_view.project(connection, pages.values())
    notebook_view.project(connection, newer)
    published.project(connection, newer)
    notebook_view.recount(connection, owners)
    _forget_purged(connection, events)


def _forget_purged(connection: Connection, events: Sequence[Event]) -> None:
    """The log holds no other event of them, so none can bring them back."""
    notebook_ids = sorted(newest_of(events, NotebookPurged))
    page_view.forget(connection, sorted(newest_of(events, PagePurged)))
    notebook_view.forget(connection, notebook_ids)
    published.forget(connection, notebook_ids)


_NOTEBOOK = (
    *(NotebookCreated, NotebookEdited, PageAdded, PagesReordered, PageTrashed, PageRestored),
    *(NotebookPublished, NotebookUnpublished, NotebookTrashed, NotebookRestored, NotebookPurged),
)
MODEL = Model(
    "views",
    UPDATE_VIEWS,
    hears=(UserRegistered, ProfileEdited, *SAVES, PagePurged, *_NOTEBOOK),
    project=project,
    tables=(
        profiles.profiles,
        page_view.page_views,
        notebook_view.notebook_views,
        published.published_notebooks,
        published.published_pages,
    ),
    builders=(profiles.__name__, page_view.__name__, notebook_view.__name__, published.__name__),
)
