"""Bring the views up to date: profiles, pages, notebooks and what is published."""

from collections.abc import Sequence

from sqlalchemy import Connection

from events.event import Event
from read_models import views


def update_views(connection: Connection, events: Sequence[Event]) -> None:
    views.project(connection, events)
