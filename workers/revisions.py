"""Cut revisions from saves, publications and refused edits."""

from collections.abc import Sequence

from sqlalchemy import Connection

from events.event import Event
from read_models import revisions


def cut_revisions(connection: Connection, events: Sequence[Event]) -> None:
    revisions.project(connection, events)
