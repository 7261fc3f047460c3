"""Before a service works: are this Redis and this bucket its own? What can't be reached is no reason not to start."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from sqlalchemy.exc import SQLAlchemyError

from infra import redis_client
from infra.database import write_engine
from infra.identity import database_id
from infra.marks import (
    KEY,
    NotOurs,
    claim_bucket,
    claim_redis,
    refuse_others_bucket,
    refuse_others_redis,
    unmark_bucket,
)
from infra.objects import BadCopy, NoSuchObject, Store, StoreAway
from infra.settings import Settings, SettingsError, load_settings

# A start must not hang because of a mark.
SECONDS = 2.0
AWAY = (RedisError, OSError, StoreAway, NoSuchObject, BadCopy)


def claim(settings: Settings) -> None:
    """Mark them as this database's.

    Raises:
        NotOurs: another service has marked one of them.
    """
    ours = _database_id(settings)
    if ours is None:
        return
    with _if_reached(), _redis(settings) as redis:
        claim_redis(redis, ours)
    with _if_reached():
        claim_bucket(Store(settings, read_seconds=SECONDS), ours)


def refuse_others(settings: Settings) -> None:
    """Change nothing.

    Raises:
        NotOurs: another service has marked Redis or the bucket; to a database without an id every mark is another's.
    """
    ours = _database_id(settings) or "a new one"
    with _if_reached(), _redis(settings) as redis:
        refuse_others_redis(redis, ours)
    with _if_reached():
        refuse_others_bucket(Store(settings, read_seconds=SECONDS), ours)


def take_over(settings: Settings) -> None:
    """Mark them as this database's, whoever has marked them before.

    Raises:
        AWAY: one of them can't be reached, and keeps its mark.
    """
    with _redis(settings) as redis:
        redis.delete(KEY)
    unmark_bucket(Store(settings, read_seconds=SECONDS))
    claim(settings)


@contextmanager
def _redis(settings: Settings) -> Iterator[Redis]:
    redis = redis_client.connect(settings.redis_url, SECONDS, retry=Retry(NoBackoff(), 0))
    try:
        yield redis
    finally:
        redis.close()


def _if_reached() -> AbstractContextManager[None]:
    return suppress(*AWAY)


def _database_id(settings: Settings) -> str | None:
    engine = write_engine(settings, pool_size=1, patience=SECONDS)
    try:
        with engine.connect() as connection:
            return database_id(connection)
    except (SQLAlchemyError, OSError):
        return None
    finally:
        engine.dispose()


@cache
def end_unless_ours(settings: Settings) -> None:
    """End this process where another service's mark is. Once: what is forked from one that has looked need not look."""
    try:
        claim(settings)
    except NotOurs as refusal:
        sys.exit(f"sinpluma: {refusal}")


def main() -> int:
    """For whoever starts the programs: 1, and why, when they would refuse. ``--take-over`` is for operators."""
    work = take_over if sys.argv[1:] == ["--take-over"] else claim
    try:
        work(load_settings())
    except (NotOurs, SettingsError, *AWAY) as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
