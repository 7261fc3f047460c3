"""Marks on what a service takes for its own: the id of its database, in Redis and in the bucket.

Two services may be given one Redis or one bucket by mistake. They would take each other's jobs, and remove each other's
pictures; by the mark the second one knows.
"""

import tempfile
from pathlib import Path

from redis import Redis

from infra.objects import Store

KEY = "sinpluma:database"
FOLDER = "sinpluma/"


class NotOurs(Exception):
    """It bears another database's mark. The message has both ids, and what helps."""


def claim_redis(redis: Redis, ours: str) -> None:
    """Mark it, unless it is marked.

    Raises:
        NotOurs
    """
    # Without a time to live, so that it is not what has to make room.
    redis.set(KEY, ours, nx=True)
    refuse_others_redis(redis, ours)


def refuse_others_redis(redis: Redis, ours: str) -> None:
    """
    Raises:
        NotOurs
    """
    found = redis.get(KEY)
    theirs = found.decode(errors="replace") if isinstance(found, bytes) else ours
    if theirs != ours:
        raise NotOurs(_told("Redis", theirs, ours))


def refuse_others_bucket(store: Store, ours: str) -> bool:
    """Whether the bucket bears our mark.

    Raises:
        NotOurs
    """
    # The id is in the name: of two that mark a bucket at the same moment each sees the other's.
    marks = [each.key.removeprefix(FOLDER) for each in store.under(FOLDER)]
    if others := [each for each in marks if each != ours]:
        raise NotOurs(_told(f"the bucket {store.bucket}", others[0], ours))
    return bool(marks)


def claim_bucket(store: Store, ours: str) -> None:
    """Mark it, unless it is marked.

    Raises:
        NotOurs
    """
    if refuse_others_bucket(store, ours):
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"The pictures here are those of the database with this id.\n")
        file.flush()
        store.put(f"{FOLDER}{ours}", Path(file.name), "text/plain")
    refuse_others_bucket(store, ours)


def unmark_bucket(store: Store) -> None:
    """Take all marks off. Whoever calls this knows that the services that left them are gone."""
    for each in list(store.under(FOLDER)):
        store.remove(each.key)


def _told(what: str, theirs: str, ours: str) -> str:
    return (
        f"{what} is marked as that of the database {theirs}, and this service's database is {ours}: give each service "
        "one of its own. If that service is gone for good (as when this one's database was made anew), "
        "`python -m operate.claims --take-over` marks it as this one's."
    )
