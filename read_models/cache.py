"""What readers see, kept in Redis: shared by all API processes, and the answer while MySQL is away.

Every entry is bounded by a time to live, so Redis never fills up with it. Redis is a hint here too: any failure of it
is a miss, and one that does not answer is left alone until it does.
"""

import logging
from collections.abc import Callable
from typing import Any

import msgspec
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError, TimeoutError
from redis.retry import Retry

from events.notebooks import NotebookFact
from infra import redis_client
from infra.settings import Settings
from infra.watch import Watch
from read_models.profiles import Profile

logger = logging.getLogger(__name__)

SECONDS_TO_LIVE = 3600
SOCKET_SECONDS = 0.25

# Newest wins, here as in every projection: a slow process must not bring back what was withdrawn meanwhile.
_PUT_NEWER = """
local known = tonumber(redis.call('HGET', KEYS[1], 'version'))
if known and known >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'fact', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""


def connect(settings: Settings) -> Redis:
    """A pool for caches alone: RQ raises the time limits of its own."""
    return redis_client.connect(settings.redis_url, SOCKET_SECONDS, retry=Retry(NoBackoff(), 0))


class SharedCache:
    """Newest publication facts by notebook, and finished answers under names that say their version."""

    def __init__(self, redis: Redis, watch: Watch | None = None) -> None:
        self._redis = redis
        self._put_newer = redis.register_script(_PUT_NEWER)
        self._watch = watch or Watch("Redis", redis.ping)

    def put_publication(self, fact: NotebookFact) -> None:
        """Remember what readers may see of a notebook; an older fact changes nothing."""
        kept = msgspec.json.encode(fact)
        self._try(lambda: self._put_newer([_notebook_key(fact.notebook_id)], [fact.version, kept, SECONDS_TO_LIVE]))

    def publication(self, notebook_id: str) -> NotebookFact | None:
        """The newest known fact, None when there is none or Redis is away."""
        kept = self._try(lambda: self._redis.hget(_notebook_key(notebook_id), "fact"))
        return msgspec.json.decode(kept, type=NotebookFact) if isinstance(kept, bytes) else None

    def put_profile(self, profile: Profile) -> None:
        self.put_answer(f"profile:{profile.id}", msgspec.json.encode(profile))

    def profile(self, user_id: str) -> Profile | None:
        kept = self.answer(f"profile:{user_id}")
        return msgspec.json.decode(kept, type=Profile) if kept else None

    def put_answer(self, name: str, body: bytes) -> None:
        self._try(lambda: self._redis.set(_answer_key(name), body, ex=SECONDS_TO_LIVE))

    def answer(self, name: str) -> bytes | None:
        kept = self._try(lambda: self._redis.get(_answer_key(name)))
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


def _notebook_key(notebook_id: str) -> str:
    return f"sinpluma:publication:{notebook_id}"


def _answer_key(name: str) -> str:
    return f"sinpluma:answer:{name}"
