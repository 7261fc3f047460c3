"""What keeps requests away from a database that is known not to answer, and tells the watch when to look."""

from typing import Any

from pymysql.err import OperationalError
from sqlalchemy import QueuePool

from infra.database_errors import CANT_CONNECT, FAILED_OVER, UNCONNECTED, error_number
from infra.watch import Watch


def watched_pool(watch: Watch) -> type[QueuePool]:
    class Watched(QueuePool):
        """Hands out no connection, and lets nobody wait for one, while the server is known not to answer."""

        def connect(self) -> Any:
            refuse_if_down(watch)
            return super().connect()

    return Watched


def refuse_if_down(watch: Watch, *_: Any) -> None:
    if watch.is_down:
        raise OperationalError(CANT_CONNECT, "the server did not answer a moment ago")


def tell(watch: Watch, context: Any) -> None:
    # A connection that was closed says nothing of the server; one that was refused, or waited in vain, does.
    error = context.original_exception
    if error_number(error) in UNCONNECTED or isinstance(error.__context__, TimeoutError):
        watch.suspect()


def mark_failed_over(context: Any) -> None:
    """SQLAlchemy does not take these for a lost server."""
    if error_number(context.original_exception) in FAILED_OVER:
        context.is_disconnect = True
