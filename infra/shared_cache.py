"""What all API processes share, kept in Redis: the answer while MySQL is away.

Every entry has a time to live, so Redis never fills up with them, and may be evicted. Redis is a hint here too: any
failure of it is a miss, and one that does not answer is left alone until it does.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError, TimeoutError
from redis.retry import Retry

from infra import redis_client
from infra.settings import Settings
from infra.watch import Watch

logger = logging.getLogger(__name__)

SECONDS_TO_LIVE = 3600
# Who goes on asking puts an entry there again long before Redis forgets it; soon, when it could not be put there.
TELL_AGAIN_SECONDS = SECONDS_TO_LIVE / 4
TRY_AGAIN_SECONDS = 5.0
SOCKET_SECONDS = 0.25

# Newest wins, here as in every projection: a slow process must not bring back what was withdrawn meanwhile. An equal
# version only gets its time to live anew: what is read again and again must not vanish while nobody changes it.
_PUT_NEWEST = """
local known = tonumber(redis.call('HGET', KEYS[1], 'version'))
if known and known > tonumber(ARGV[1]) then return 0 end
if known ~= tonumber(ARGV[1]) then redis.call('HSET', KEYS[1], 'version', ARGV[1], 'fact', ARGV[2]) end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""


def connect(settings: Settings) -> Redis:
    """A pool for caches alone: RQ raises the time limits of its own."""
    return redis_client.connect(settings.redis_url, SOCKET_SECONDS, retry=Retry(NoBackoff(), 0))


class SharedCache:
    """Bytes under names: those that never change under theirs, and those of which the highest version counts."""

    def __init__(self, redis: Redis, watch: Watch | None = None) -> None:
        self._redis = redis
        self._put_newest = redis.register_script(_PUT_NEWEST)
        self._watch = watch or Watch("Redis", redis.ping)

    def put(self, name: str, body: bytes) -> bool:
        """Keep it for the next ``SECONDS_TO_LIVE``; whether Redis has it now."""
        return bool(self._try(lambda: self._redis.set(_key(name), body, ex=SECONDS_TO_LIVE)))

    def get(self, name: str) -> bytes | None:
        kept = self._try(lambda: self._redis.get(_key(name)))
        return kept if isinstance(kept, bytes) else None

    def put_newest(self, name: str, version: int, body: bytes) -> bool:
        """The same for what changes: an older version changes nothing. Whether Redis answered."""
        return self._try(lambda: self._put_newest([_key(name)], [version, body, SECONDS_TO_LIVE])) is not None

    def newest(self, name: str) -> bytes | None:
        kept = self._try(lambda: self._redis.hget(_key(name), "fact"))
        return kept if isinstance(kept, bytes) else None

    def is_alive(self) -> bool:
        return bool(self._try(self._redis.ping))

    def _try(self, ask: Callable[[], Any]) -> Any:
        """The answer, None when Redis does not give one."""
        if self._watch.is_down:
            return None
        try:
            return ask()
        except (ConnectionError, TimeoutError):
            self._watch.suspect()
        except RedisError as error:
            # It answers, and not as it should: full, perhaps.
            logger.info("the shared cache has failed: %s", error)
        return None


def tell_again_at(is_told: bool) -> float:
    """When, on the monotonic clock, an entry that was just put there should be put there again."""
    return time.monotonic() + (TELL_AGAIN_SECONDS if is_told else TRY_AGAIN_SECONDS)


def _key(name: str) -> str:
    return f"sinpluma:{name}"
