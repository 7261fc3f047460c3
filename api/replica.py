"""Reads that a replica of the database may answer: what never changes once it is there (docs/adr/0014).

A replica lags. So it is never asked whether something may be read, or which version is the newest; only for the text of
a version that the primary has just named, and if it has not got it yet, the primary is asked after all.
"""

import logging
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, TimeoutError

from api.services import Services, services

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


def read_settled(read: Callable[[Connection], Result | None]) -> Result | None:
    """What ``read`` finds of a version that exists: on the replica, or else on the primary."""
    here = services()
    found = _of_replica(here, read)
    if found is not None:
        return found
    with here.reading.connect() as connection:
        return read(connection)


def _of_replica(here: Services, read: Callable[[Connection], Result | None]) -> Result | None:
    if here.replica is None or here.replica_breaker.is_open():
        return None
    try:
        with here.replica.connect() as connection:
            found = read(connection)
    except (DBAPIError, TimeoutError) as error:
        here.replica_breaker.failed()
        logger.warning("the replica did not answer: %s", type(error).__name__)
        return None
    here.replica_breaker.worked()
    return found
