"""Column types, the same on MySQL and MariaDB."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import TypeDecorator
from sqlalchemy.dialects.mysql import CHAR, DATETIME, MEDIUMTEXT

# Ids are 32 hexadecimal digits; ASCII keeps an index entry at 32 bytes where utf8mb4 would reserve 128.
Id = CHAR(32, charset="ascii", collation="ascii_bin")
LongText = MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware ``datetime`` in Python, DATETIME(6) in UTC on the server."""

    impl = DATETIME(fsp=6)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.replace(tzinfo=UTC) if value else None


class Json(TypeDecorator[Any]):
    """A value of the given type, stored as JSON text; the servers' own JSON types differ, text does not."""

    impl = LongText
    # ``kind`` is part of SQLAlchemy's key of a compiled statement, since it is a parameter of the constructor.
    cache_ok = True

    def __init__(self, kind: Any = dict[str, Any]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Any) -> Any:
        return None if value is None else msgspec.json.decode(value, type=self.kind)


class IdList(TypeDecorator[tuple[str, ...]]):
    """A tuple of ids, stored comma-joined so that FIND_IN_SET can tell a place without reading the list."""

    impl = MEDIUMTEXT(charset="ascii", collation="ascii_bin")
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Any) -> str | None:
        return None if value is None else ",".join(value)

    def process_result_value(self, value: str | None, dialect: Any) -> tuple[str, ...] | None:
        return None if value is None else tuple(value.split(",")) if value else ()
