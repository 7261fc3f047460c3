"""Profiles, pages, notebooks and publications, brought up to date together: they share one lock per notebook."""

from collections.abc import Sequence

from sqlalchemy import Connection

from events.accounts import UserFact
from events.event import Event
from events.notebooks import NotebookFact
from events.pages import PageFact
from read_models import notebook_view, page_view, profiles, published
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
