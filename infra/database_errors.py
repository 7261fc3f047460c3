"""What the error numbers of MySQL and MariaDB mean to a caller: try again, or later, or never."""

from sqlalchemy.exc import DBAPIError

# The whole transaction may be run again after these: lock wait, deadlock, snapshot, certification, rollback errors.
RETRYABLE = frozenset({1020, 1047, 1180, 1205, 1213, 3101})
# A duplicate key: someone else was first. Run again, the command sees their row and answers for it.
LOST_RACE = frozenset({1062})
# SQLAlchemy does not take these for a lost server, yet after a failover the connection is of no use: read-only,
# shutting down, not a full member of the group.
FAILED_OVER = frozenset({1047, 1053, 1290, 1836})
CANT_CONNECT = 2003
UNCONNECTED = frozenset({2002, CANT_CONNECT})
UNREACHABLE = UNCONNECTED | {0, 2006, 2013, 2014, 2055}
# The server answers but cannot write: the disk is full, or a file or table may not grow.
FULL = frozenset({1021, 1026, 1030, 1114})


def error_number(error: BaseException | None) -> int | None:
    """The server's error number of a driver or SQLAlchemy exception, None when there is none."""
    original = error.orig if isinstance(error, DBAPIError) else error
    args = getattr(original, "args", ())
    return args[0] if args and isinstance(args[0], int) else None


def is_retryable(error: BaseException) -> bool:
    """Whether the server rolled the transaction back for a reason that may be gone a moment later."""
    return error_number(error) in RETRYABLE | LOST_RACE


def is_refused_commit(error: BaseException) -> bool:
    """Whether the server itself said that it rolled back instead of committing. Anything else leaves it open."""
    return error_number(error) in RETRYABLE - FAILED_OVER


def is_unreachable(error: BaseException) -> bool:
    """Whether the server could not be reached, went away, is shutting down or has no room left: nothing is wrong with
    what it was asked, and later it will answer."""
    return isinstance(error, DBAPIError) and (
        error.connection_invalidated or error_number(error) in UNREACHABLE | FAILED_OVER | FULL
    )
