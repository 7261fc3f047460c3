"""A second set of a read model's tables, filled from the log by the very code that fills the first."""

import logging
import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, event, text

from events import log
from events.event import DamagedEvent, Event, UnknownEvent
from events.subscriptions import names_for
from read_models.models import Model

logger = logging.getLogger(__name__)


class Shadow:
    """The tables of ``model`` under names with a prefix. Every statement on ``engine`` that names one of them is
    about its shadow; the log and all else are what they are."""

    def __init__(self, engine: Engine, model: Model, prefix: str) -> None:
        self.model = model
        self.prefix = prefix
        self.engine = engine.execution_options()
        names = "|".join(table.name for table in model.tables)
        self._names = re.compile(rf"\b({names})\b")
        event.listen(self.engine, "before_cursor_execute", self._redirect, retval=True)

    def _redirect(self, _: Any, __: Any, statement: str, parameters: Any, *___: Any) -> tuple[str, Any]:
        # Values are parameters, so nothing that anyone wrote is ever touched.
        return self._names.sub(rf"{self.prefix}\1", statement), parameters

    def create(self, connection: Connection) -> None:
        """Make the tables empty, whatever was there."""
        self.drop(connection)
        for table in self.model.tables:
            connection.execute(text(f"CREATE TABLE {self.prefix}{table.name} LIKE {table.name}"))

    def drop(self, connection: Connection) -> None:
        for table in self.model.tables:
            connection.execute(text(f"DROP TABLE IF EXISTS {self.prefix}{table.name}"))

    def next_ids(self, connection: Connection, position: str, limit: int) -> list[str]:
        """The next events of the log that the model is made from, after this one."""
        return log.ids_after(connection, position, names_for(self.model.reaction), limit)

    def project(self, connection: Connection, event_ids: Sequence[str]) -> None:
        """Apply these events; one that cannot be read is left out, as it is in the live tables. The caller commits,
        on a connection of ``engine``."""
        self.model.project(connection, _readable(connection, event_ids))


def _readable(connection: Connection, event_ids: Sequence[str]) -> list[Event]:
    try:
        return log.load(connection, event_ids)
    except (DamagedEvent, UnknownEvent) as error:
        if len(event_ids) == 1:
            logger.error("left out of a rebuild: %s", error, extra={"event_id": event_ids[0]})
            return []
        return [event for event_id in event_ids for event in _readable(connection, [event_id])]
