"""Keep the search index up to date."""

from collections.abc import Sequence

from sqlalchemy import Connection

from events.event import Event
from read_models.search import refresh


def index_search(connection: Connection, events: Sequence[Event]) -> None:
    refresh.refresh(connection, events)
