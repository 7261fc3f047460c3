"""What is larger than the server takes at once (``max_allowed_packet``) is the fault of what was sent, not an outage.

The server says so (1153) and closes the connection; as a rule it closes it while we still send, and all that is seen is
a connection that was lost. So whoever loses one over something large asks the server how much it takes.
"""

from collections.abc import Mapping
from typing import Any

import pymysql
from sqlalchemy import Engine, NullPool, create_engine, event

from infra.database_errors import UNCONNECTED, UNREACHABLE, error_number

REFUSED = 1153
LOST = UNREACHABLE - UNCONNECTED
# PyMySQL sends rows of one statement together up to this; a larger row goes alone.
ROWS_TOGETHER = 1_024_000
# Not worth a question below: no server takes less.
SMALL = 256 * 1024
# What the largest page can come to: 1 MiB of what has to be escaped twice, as JSON and as SQL.
WANTED = 16 * 1024 * 1024


class TooLarge(Exception):
    """The server does not take this; its operator can allow more."""


def watch(engine: Engine) -> None:
    """Let statements of this engine that are too large raise TooLarge."""
    reached: dict[str, Any] = {}

    def remember(_: Any, __: Any, ___: Any, options: dict[str, Any]) -> None:
        reached.update(options)

    def tell(context: Any) -> TooLarge | None:
        number, size = error_number(context.original_exception), _size(context.parameters)
        if number == REFUSED or (number in LOST and size > SMALL and size > _limit(reached)):
            context.is_disconnect = True
            return TooLarge(f"{size} bytes are more than the database's max_allowed_packet")
        return None

    event.listen(engine, "do_connect", remember)
    event.listen(engine, "handle_error", tell)


def _size(parameters: Any) -> int:
    """About how many bytes the largest packet of these has."""
    rows = parameters if isinstance(parameters, list) else [parameters]
    sizes = [_row_size(row) for row in rows]
    return max([*sizes, min(sum(sizes), ROWS_TOGETHER)])


def _row_size(row: Any) -> int:
    values = row.values() if isinstance(row, Mapping) else row or ()
    return sum(len(value.encode()) if isinstance(value, str) else 8 for value in values)


def _limit(options: dict[str, Any]) -> float:
    try:
        with pymysql.connect(**options) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT @@max_allowed_packet")
            return float(cursor.fetchone()[0])
    except pymysql.MySQLError:
        return float("inf")  # it is away indeed


def shortage(database_url: str) -> str | None:
    """What to tell whoever starts the service, when the server takes too little; None when it takes enough."""
    engine = create_engine(database_url, poolclass=NullPool, connect_args={"connect_timeout": 3, "read_timeout": 10})
    with engine.connect() as connection:
        size = int(connection.exec_driver_sql("SELECT @@max_allowed_packet").scalar_one())
    if size >= WANTED:
        return None
    return (
        f"the database's max_allowed_packet is {size}; long pages are refused (413). SET GLOBAL max_allowed_packet = "
        f"{4 * WANTED}, and the same in its configuration"
    )
