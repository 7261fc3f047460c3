"""Before a service works: are this Redis and this bucket its own? What can't be reached is no reason not to start."""

import sys
from contextlib import suppress
from functools import cache

from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from sqlalchemy.exc import SQLAlchemyError

from infra import redis_client
from infra.database import write_engine
from infra.identity import database_id
from infra.marks import NotOurs, claim_bucket, claim_redis
from infra.objects import BadCopy, NoSuchObject, Store, StoreAway
from infra.settings import Settings, load_settings

# A start must not hang because of a mark.
SECONDS = 2.0


def claim(settings: Settings) -> None:
    """Mark them as this database's.

    Raises:
        NotOurs: another service has marked one of them.
    """
    ours = _database_id(settings)
    if ours is None:
        return
    with suppress(RedisError, OSError):
        redis = redis_client.connect(settings.redis_url, SECONDS, retry=Retry(NoBackoff(), 0))
        try:
            claim_redis(redis, ours)
        finally:
            redis.close()
    with suppress(StoreAway, NoSuchObject, BadCopy):
        claim_bucket(Store(settings, read_seconds=SECONDS), ours)


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
    """For whoever starts the programs: 1, and why, when they would refuse."""
    try:
        claim(load_settings())
    except NotOurs as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
