"""The door to the queues in Redis. Only the relay and the clock put anything in."""

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

from infra import redis_client
from infra.settings import Settings

# Longer than any batch takes, so that RQ ends only what hangs.
JOB_SECONDS = 180
FAILED_JOB_SECONDS = 24 * 3600


def connect(settings: Settings, timeout: float | None = 5.0) -> Redis:
    """A connection pool for queues; workers pass ``None``, since RQ sets its own time limits."""
    # redis-py would retry each command ten times over; the relay has its own loop for that.
    options = {"retry": Retry(NoBackoff(), 1)} if timeout else {}
    return redis_client.connect(settings.redis_url, timeout, **options)


def queue(redis: Redis, name: str) -> Queue:
    """The queue of one reaction; JSON, so that what lies in Redis can be read but never executed."""
    return Queue(name, connection=redis, serializer=JSONSerializer, default_timeout=JOB_SECONDS)
