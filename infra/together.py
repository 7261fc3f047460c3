"""Statements that go to the server in one packet: a round trip for all of them instead of one for each.

The server carries them out in order and stops at the first that fails. Only rows to be written are said in this way;
what they hold never becomes part of a statement's text but through the driver.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from pymysql.constants import CLIENT
from pymysql.cursors import Cursor
from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.dialects.mysql import pymysql

# Beyond this each goes by itself: what a server takes at once is meant for one large page, not for several.
MOST_BYTES = 1_000_000
MYSQL: Dialect = pymysql.dialect()


class Said(NamedTuple):
    """A statement, and its values in the order of its placeholders."""

    statement: str
    values: tuple[Any, ...]


class WholeCursor(Cursor):
    """One that has seen all answers when it returns, and so raises the error of any statement in the packet."""

    def execute(self, query: Any, args: Any = None) -> int:
        affected: int = super().execute(query, args)
        while self.nextset():
            affected = self.rowcount
        return affected


# For a connection that may be sent several statements at once. FOUND_ROWS is what SQLAlchemy would ask for itself.
CONNECT_ARGS = {"client_flag": CLIENT.MULTI_STATEMENTS | CLIENT.FOUND_ROWS, "cursorclass": WholeCursor}


def insertions(table: Table, rows: Sequence[Mapping[str, Any]]) -> list[Said]:
    """Adds rows, which have the same columns: all at once, or each by itself when they are large."""
    together = _insertion(table, rows)
    return [together] if _size(together) <= MOST_BYTES else [_insertion(table, [row]) for row in rows]


def _insertion(table: Table, rows: Sequence[Mapping[str, Any]]) -> Said:
    names = tuple(rows[0])
    values = tuple(_bound(table, name, row[name]) for row in rows for name in names)
    return Said(_insert(table, names, len(rows)), values)


def change(table: Table, key: str, changed: Mapping[str, Any]) -> Said:
    """Sets what is given in the row of that id."""
    values = (_bound(table, name, value) for name, value in changed.items())
    return Said(_update(table, tuple(changed)), (*values, key))


def say(connection: Connection, all_of_it: Iterable[Said]) -> None:
    """Send these in order: in one packet, but large ones by themselves."""
    packet: list[Said] = []
    room = MOST_BYTES
    for said in all_of_it:
        size = _size(said)
        if packet and size > room:
            _send(connection, packet)
            packet, room = [], MOST_BYTES
        packet.append(said)
        room -= size
    if packet:
        _send(connection, packet)


def _size(said: Said) -> int:
    return sum(len(value) for value in said.values if isinstance(value, str))


def _send(connection: Connection, packet: Sequence[Said]) -> None:
    values = tuple(value for said in packet for value in said.values)
    connection.exec_driver_sql("; ".join(said.statement for said in packet), values)


@cache
def _insert(table: Table, names: tuple[str, ...], rows: int) -> str:
    # Of names of columns alone, here and below.
    row = f"({', '.join(['%s'] * len(names))})"
    return f"INSERT INTO {table.name} ({', '.join(map(_quoted, names))}) VALUES {', '.join([row] * rows)}"  # noqa: S608


@cache
def _update(table: Table, names: tuple[str, ...]) -> str:
    assigned = ", ".join(f"{_quoted(name)} = %s" for name in names)
    return f"UPDATE {table.name} SET {assigned} WHERE id = %s"  # noqa: S608


def _quoted(name: str) -> str:
    return MYSQL.identifier_preparer.quote(name)


def _bound(table: Table, name: str, value: Any) -> Any:
    process = _processors(table)[name]
    return value if process is None else process(value)


@cache
def _processors(table: Table) -> dict[str, Callable[[Any], Any] | None]:
    types = {column.name: column.type.dialect_impl(MYSQL) for column in table.columns}
    return {name: kind.bind_processor(MYSQL) for name, kind in types.items()}
