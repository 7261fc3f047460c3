"""Caches in Redis give way to queues."""

from collections.abc import Iterator

import pytest
from redis import Redis
from redis.exceptions import ResponseError
from rq.utils import as_text

from infra import broker
from infra.shared_cache import SECONDS_TO_LIVE
from tests.service import Service

ROOM = 3 * 1024 * 1024


@pytest.fixture
def full(service: Service) -> Iterator[Redis]:
    """A Redis of 3 MB more than it needs, which a flood of cache entries has filled."""
    redis = service.redis
    redis.config_set("maxmemory", redis.info("memory")["used_memory"] + ROOM)
    try:
        for number in range(2000):
            redis.set(f"sinpluma:cache:{number}", b"x" * 4096, ex=SECONDS_TO_LIVE)
        yield redis
    finally:
        redis.config_set("maxmemory", 256 * 1024 * 1024)


def test_a_flood_of_cache_entries_takes_no_room_from_the_queues(service: Service, full: Redis) -> None:
    assert full.info("stats")["evicted_keys"] > 0, "it was full"
    author = service.author()
    page = author.page(author.notebook()["id"], content="Herons at dawn.")
    service.drain()
    assert author.get("/search?q=herons")["items"][0]["page_id"] == page["id"]


def test_a_queue_is_never_evicted(service: Service, full: Redis) -> None:
    queue = broker.queue(full, "update-views")

    def fill() -> None:
        for number in range(10_000):
            full.rpush(queue.key, f"{number}-" + "x" * 2000)

    with pytest.raises(ResponseError, match="maxmemory"):
        fill()
    kept = full.lrange(queue.key, 0, -1)
    assert kept is not None
    assert [int(as_text(each).partition("-")[0]) for each in kept] == list(range(len(kept)))
