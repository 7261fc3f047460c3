"""Redis behind Sentinel: the queues and the shared cache follow the master."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from redis import Redis
from redis.exceptions import RedisError

from infra import broker
from infra import shared_cache as cache
from infra.settings import Settings
from tests.e2e.running import free_port, wait_for

PATIENCE = 30.0


@pytest.fixture
def sentinel(settings: Settings, tmp_path: Path) -> Iterator[int]:
    """The port of a Sentinel that watches the session's own Redis."""
    master = urlsplit(settings.redis_url)
    port = free_port()
    configuration = tmp_path / "sentinel.conf"
    configuration.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\n"
        f"sentinel monitor notes 127.0.0.1 {master.port} 1\nsentinel auth-pass notes {master.password}\n"
    )
    process = subprocess.Popen(["redis-server", str(configuration), "--sentinel"], stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: knows_a_master(port), PATIENCE, "the Sentinel")
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE)


def knows_a_master(port: int) -> bool:
    try:
        return bool(Redis(host="127.0.0.1", port=port).execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "notes"))
    except RedisError:
        return False


def test_queues_and_cache_find_the_master_by_its_name(settings: Settings, sentinel: int) -> None:
    password = urlsplit(settings.redis_url).password
    watched = replace(settings, redis_url=f"redis+sentinel://:{password}@127.0.0.1:{sentinel}/notes/0")
    # A queue that no other test has filled.
    mine = uuid4().hex
    assert broker.queue(broker.connect(watched), mine).count == 0
    broker.queue(broker.connect(settings), mine).push_job_id("a job")
    assert broker.queue(broker.connect(watched), mine).job_ids == ["a job"]
    shared = cache.SharedCache(cache.connect(watched))
    shared.put("a name", b"a body")
    assert shared.get("a name") == b"a body"
    assert cache.SharedCache(cache.connect(settings)).get("a name") == b"a body"
