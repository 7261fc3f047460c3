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
    found = redis.get(KEY)
    theirs = found.decode(errors="replace") if isinstance(found, bytes) else str(found)
    if theirs != ours:
        raise NotOurs(_told("Redis", theirs, ours, f"delete the key {KEY} in it"))


def refuse_others_bucket(store: Store, ours: str) -> bool:
    """Whether the bucket bears our mark.

    Raises:
        NotOurs
    """
    # The id is in the name: of two that mark a bucket at the same moment each sees the other's.
    marks = [each.key.removeprefix(FOLDER) for each in store.under(FOLDER)]
    if others := [each for each in marks if each != ours]:
        remedy = f"remove the object {FOLDER}{others[0]} from it"
        raise NotOurs(_told(f"the bucket {store.bucket}", others[0], ours, remedy))
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


def _told(what: str, theirs: str, ours: str, remedy: str) -> str:
    return (
        f"{what} is marked as that of the database {theirs}, and this service's database is {ours}: give each service "
        f"one of its own. If it is this service's after all (its database was made anew), {remedy} and start again."
    )
