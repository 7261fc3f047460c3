"""Keep the table of what uses which picture up to date."""

from collections.abc import Sequence

from sqlalchemy import Connection

from events.event import Event
from read_models import references


def track_references(connection: Connection, events: Sequence[Event]) -> None:
    references.project(connection, events)
