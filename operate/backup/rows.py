"""Rows as the server has them: as text, so that MariaDB and MySQL understand each other's, and no type of ours may
have changed meanwhile. A row is a JSON list of strings and nulls; what is no text is ``{"b": BASE64}``."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import pymysql
from pymysql.converters import conversions
from pymysql.cursors import SSCursor
from sqlalchemy import create_engine, make_url

from workers.reaction_table import MODELS

# Read models are rebuilt from the log, the clock starts afresh, and the sweep's findings concern another bucket.
IDENTITY = "identity"
READ_MODELS = frozenset(table.name for model in MODELS.values() for table in model.tables)
NOT_CARRIED = READ_MODELS | {"rebuilds", "rebuild_tail", "chores", "orphan_objects", "alembic_version", IDENTITY}
# Those that a rebuild or a comparison makes beside the live ones.
BESIDE = ("shadow_", "old_", "compared_")
CHUNK_BYTES = 4 * 1024 * 1024
# A large table waits between two pieces while the ones before are compressed and written.
PATIENCE_SECONDS = 3600
_ENCODERS = {kind: encode for kind, encode in conversions.items() if not isinstance(kind, int)}

Row = Sequence[Any]


def connect(database_url: str, **more: Any) -> "pymysql.Connection[Any]":
    """A connection whose values come as text."""
    url = make_url(database_url)
    _, given = create_engine(url).dialect.create_connect_args(url)
    options = {"charset": "utf8mb4", "connect_timeout": 5, "read_timeout": PATIENCE_SECONDS, "conv": _ENCODERS}
    connection: pymysql.Connection[Any] = pymysql.connect(**(dict(given) | options | more))
    with connection.cursor() as cursor:
        # Strict, so that nothing is cut to fit; and the server waits as long as we do.
        cursor.execute(
            "SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES', "
            f"net_write_timeout = {PATIENCE_SECONDS}, net_read_timeout = {PATIENCE_SECONDS}"
        )
    return connection


def begin_snapshot(connection: "pymysql.Connection[Any]") -> None:
    """From here on every read sees the database as it is now; writers do not wait."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")


def ask(connection: "pymysql.Connection[Any]", question: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(question, values or None)
        return list(cursor.fetchall())


def carried_tables(connection: "pymysql.Connection[Any]") -> dict[str, list[str]]:
    """By name, the columns of each table of the record."""
    rows = ask(
        connection,
        "SELECT c.table_name, c.column_name FROM information_schema.columns c JOIN information_schema.tables t "
        "ON t.table_schema = c.table_schema AND t.table_name = c.table_name AND t.table_type = 'BASE TABLE' "
        "WHERE c.table_schema = DATABASE() AND COALESCE(c.generation_expression, '') = '' "
        "ORDER BY c.table_name, c.ordinal_position",
    )
    found: dict[str, list[str]] = {}
    for name, column in rows:
        if name not in NOT_CARRIED and not name.startswith(BESIDE):
            found.setdefault(name, []).append(column)
    return found


def count(connection: "pymysql.Connection[Any]", name: str) -> int:
    return int(ask(connection, f"SELECT COUNT(*) FROM `{name}`")[0][0])  # noqa: S608 - a name from the schema


def lines(connection: "pymysql.Connection[Any]", name: str, columns: Sequence[str]) -> Iterator[bytes]:
    """Each row of a table as a line of JSON, as they come."""
    chosen = ", ".join(f"`{column}`" for column in columns)
    with connection.cursor(SSCursor) as cursor:
        cursor.execute(f"SELECT {chosen} FROM `{name}`")  # noqa: S608
        for row in cursor.fetchall_unbuffered():
            yield msgspec.json.encode([_sayable(value) for value in row])


def _sayable(value: Any) -> Any:
    return {"b": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _storable(value: Any) -> Any:
    return base64.b64decode(value["b"]) if isinstance(value, dict) else value


def chunks(found: Iterable[bytes], size: int = CHUNK_BYTES) -> Iterator[list[bytes]]:
    """Lines in lists of about ``size`` bytes."""
    chunk: list[bytes] = []
    length = 0
    for line in found:
        chunk.append(line)
        length += len(line)
        if length >= size:
            yield chunk
            chunk, length = [], 0
    if chunk:
        yield chunk


class Digest:
    """Of a table: the same whatever the order of its rows, which servers are free to choose."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, line: bytes) -> None:
        self.rows += 1
        self._sum += int.from_bytes(hashlib.sha256(line).digest(), "big")

    def hex(self) -> str:
        return f"{self._sum % (1 << 256):064x}"


def insert(connection: "pymysql.Connection[Any]", name: str, columns: Sequence[str], chunk: Sequence[bytes]) -> None:
    """Insert lines of ``lines``, in one transaction."""
    chosen = ", ".join(f"`{column}`" for column in columns)
    marks = ", ".join(["%s"] * len(columns))
    rows = [[_storable(value) for value in msgspec.json.decode(line)] for line in chunk]
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO `{name}` ({chosen}) VALUES ({marks})", rows)  # noqa: S608
    connection.commit()
