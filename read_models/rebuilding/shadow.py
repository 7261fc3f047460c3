"""A second set of a read model's tables, filled from the log by the very code that fills the first."""

import re
from typing import Any

from sqlalchemy import Connection, Engine, event, inspect, text

from read_models.model import Model


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

    def exists(self, connection: Connection) -> bool:
        there = set(inspect(connection).get_table_names())
        return all(f"{self.prefix}{table.name}" in there for table in self.model.tables)

    def analyze(self, connection: Connection) -> None:
        """Tell the server what is in the tables, or it would have to guess how to search them."""
        for table in self.model.tables:
            connection.execute(text(f"ANALYZE TABLE {self.prefix}{table.name}"))
