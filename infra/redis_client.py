"""A Redis client for any URL that the settings allow: ``redis://``, ``rediss://`` or ``redis+sentinel://``."""

from typing import Any, cast

import redis_sentinel_url
from redis import Redis


def connect(url: str, seconds: float | None, **options: Any) -> Redis:
    """A client with its own pool; ``seconds`` limits connecting and each answer, ``None`` leaves both open.

    With Sentinel it is a client of the master, which it asks for anew after each failover.
    """
    limits = {"socket_timeout": seconds, "socket_connect_timeout": seconds}
    if not url.startswith("redis+sentinel://"):
        return Redis.from_url(url, **limits, **options)
    _, client = redis_sentinel_url.connect(url, sentinel_options=limits, client_options={**limits, **options})
    return cast(Redis, client)
