"""What RQ must be told, each for a fault that it would otherwise have."""

import os
import signal
import time
from collections.abc import Iterator

import pytest
from redis import Redis
from rq import Worker

from deploy.embedded import EmbeddedServices
from events.subscriptions import UPDATE_VIEWS
from infra import broker
from infra import shared_cache as cache
from infra.settings import Settings
from tests.chaos.system import System, until
from tests.conftest import PATIENCE
from tests.integration.writing import a_notebook
from tests.service import Service
from workers.runner import MAINTENANCE_SECONDS, WORKER_TTL_SECONDS, make_worker


@pytest.fixture
def worker(service: Service) -> Iterator[Worker]:
    made = make_worker(service.settings, UPDATE_VIEWS)
    yield made
    made.connection.close()


def test_a_worker_takes_its_jobs_so_that_none_is_lost_when_it_dies(service: Service, servers: EmbeddedServices) -> None:
    """On several queues RQ pops (BLPOP); on exactly one it moves (BLMOVE), and finds again what its predecessor had."""
    with System(servers, programs=()) as system:
        system.start("worker-update-views")
        commands = until(lambda: waiting_commands(service.redis), PATIENCE, "a worker that waits for jobs")
    assert commands == {"blmove"}


def test_a_worker_that_finds_no_redis_waits_for_it(service: Service, servers: EmbeddedServices) -> None:
    with System(servers, programs=()) as system:
        servers.stop_one("redis")
        try:
            system.start("worker-update-views")
            log = system.processes.log("worker-update-views")
            until(lambda: "waits for Redis" in log.read_text(), PATIENCE, "a worker that waits")
        finally:
            servers.start_one("redis")
        assert until(lambda: waiting_commands(service.redis), PATIENCE, "a worker that waits for jobs") == {"blmove"}
        assert system.processes.endings == []


def waiting_commands(redis: Redis) -> set[str]:
    return {each["cmd"] for each in redis.client_list() if each["cmd"].startswith(("bl", "br"))}


def test_what_a_dead_worker_held_is_looked_for_soon_and_it_is_soon_known_to_be_dead(worker: Worker) -> None:
    worker.register_birth()
    try:
        # RQ lets the key outlive the worker by a minute.
        assert 0 < worker.connection.ttl(worker.key) <= WORKER_TTL_SECONDS + 60
        assert worker.worker_ttl == WORKER_TTL_SECONDS
        assert worker.maintenance_interval == MAINTENANCE_SECONDS <= 15
    finally:
        worker.register_death()


def test_finished_jobs_leave_nothing_and_failed_ones_go_after_a_day(service: Service) -> None:
    a_notebook(service.engine)
    service.relay.run_once()
    (job_id,) = broker.queue(service.redis, UPDATE_VIEWS).job_ids
    kept = service.redis.hgetall(f"rq:job:{job_id}")
    assert (kept[b"result_ttl"], kept[b"failure_ttl"]) == (b"0", b"86400")
    assert 0 < int(kept[b"timeout"]) == broker.JOB_SECONDS
    assert b"retries_left" not in kept, "retries are counted in the deliveries, where a wiped Redis can't forget them"
    service.drain()
    assert service.redis.keys("rq:job:*") == []


def test_the_workers_patience_with_redis_is_not_the_caches(settings: Settings, worker: Worker) -> None:
    """RQ raises the time limits of its connections to minutes."""
    assert worker.connection.connection_pool.connection_kwargs["socket_timeout"] != cache.SOCKET_SECONDS
    asked = cache.connect(settings)
    assert asked.connection_pool is not worker.connection.connection_pool
    os.kill(pid := redis_pid(asked), signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert cache.SharedCache(asked).get("anything") is None
        assert time.monotonic() - began < 1.0
    finally:
        os.kill(pid, signal.SIGCONT)


def redis_pid(redis: Redis) -> int:
    return int(redis.info("server")["process_id"])
