"""The process that a worker forked stays for what falls due meanwhile: it saves forks, and changes nothing else."""

import logging
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisAway
from redis.exceptions import NoPermissionError
from redis.retry import Retry
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import Engine, event, func, select, update

from deploy.embedded import EmbeddedServices
from domain.page import Page
from events import holds
from events.deliveries import deliveries
from events.log import outbox
from events.relay import Relay
from events.subscriptions import CUT_REVISIONS, REACTIONS, UPDATE_VIEWS
from infra import broker
from infra.clock import now
from tests.chaos.system import System, until
from tests.conftest import PATIENCE
from tests.integration.writing import a_page, save
from tests.service import Service
from workers import staying
from workers.reaction import Reactor
from workers.reaction_table import REACTIONS as TABLE
from workers.reaction_table import SUBSCRIPTIONS
from workers.runner import RelayedJob
from workers.staying import StayingWorker, stay

owed = (deliveries.c.reaction == UPDATE_VIEWS, deliveries.c.state == "pending")


class Here(StayingWorker):
    """Does its jobs in the test's own process, and stays in it."""

    execute_job = SimpleWorker.execute_job


def reactor(service: Service, at_once: int = 250) -> Reactor:
    chosen = replace(TABLE[UPDATE_VIEWS], at_once=at_once, pause=0.0)
    return Reactor(service.engine, service.settings, UPDATE_VIEWS, chosen)


def left(db: Engine) -> int:
    with db.connect() as connection:
        return connection.scalar(select(func.count()).select_from(deliveries).where(*owed)) or 0


def handed_out(db: Engine, redis: Redis, page: Page, *texts: str) -> None:
    """Events that the relay has made deliveries of, and sent to nobody."""
    for content in texts:
        save(db, page, content)
    # Right before: a hold ends by itself.
    for name in REACTIONS:
        holds.hold(redis, name)
    Relay(db, redis, SUBSCRIPTIONS).run_once()


@pytest.fixture
def page(service: Service) -> Page:
    made = a_page(service.engine)
    service.drain()
    return made


def test_what_is_held_gets_no_job_until_it_is_released(service: Service, db: Engine, page: Page) -> None:
    save(db, page, "one more")
    holds.hold(service.redis, UPDATE_VIEWS)
    service.relay.run_once()
    assert service.relay.is_behind, "a relay that sleeps now would not see the end of the hold"
    queues = {name: broker.queue(service.redis, name).count for name in (UPDATE_VIEWS, CUT_REVISIONS)}
    assert queues == {UPDATE_VIEWS: 0, CUT_REVISIONS: 1}
    holds.release(service.redis, UPDATE_VIEWS)
    service.relay.run_once()
    assert broker.queue(service.redis, UPDATE_VIEWS).count == 1


def test_what_failed_before_is_sent_whoever_stays(service: Service, db: Engine, page: Page) -> None:
    handed_out(db, service.redis, page, "one", "two")
    with db.begin() as connection:
        first = connection.scalars(select(deliveries.c.event_id).where(*owed)).first()
        connection.execute(update(deliveries).where(*owed, deliveries.c.event_id == first).values(again=True))
    holds.hold(service.redis, UPDATE_VIEWS)
    service.relay.run_once()
    service.work()
    with db.connect() as connection:
        assert first not in connection.scalars(select(deliveries.c.event_id).where(*owed)).all()


def test_a_hold_of_who_was_killed_ends_by_itself(service: Service) -> None:
    holds.hold(service.redis, UPDATE_VIEWS)
    (key,) = service.redis.keys("sinpluma:held:*")
    assert 0 < service.redis.pttl(key) <= 1000 * holds.HOLD_SECONDS


def test_who_stays_handles_what_is_due_and_goes_when_there_is_no_more(service: Service, db: Engine, page: Page) -> None:
    handed_out(db, service.redis, page, "one", "two")
    stay(service.redis, reactor(service), seconds=PATIENCE)
    assert left(db) == 0


def test_a_full_batch_is_a_backlog_and_the_rest_is_left_to_the_relay(service: Service, db: Engine, page: Page) -> None:
    handed_out(db, service.redis, page, "one", "two", "three")
    stay(service.redis, reactor(service, at_once=2), seconds=PATIENCE)
    assert left(db) == 1


def test_nobody_stays_for_ever(service: Service, db: Engine, page: Page) -> None:
    handed_out(db, service.redis, page, "one", "two", "three")
    stay(service.redis, reactor(service), seconds=0.0)
    assert left(db) == 3


def test_what_is_claimed_falls_due_again_like_what_the_relay_sent(service: Service, db: Engine, page: Page) -> None:
    handed_out(db, service.redis, page, "one")
    reactor(service).claim()
    with db.connect() as connection:
        (row,) = connection.execute(select(deliveries).where(*owed)).all()
    assert (row.again, row.attempts) == (True, 0)
    assert row.due_at > now()


def test_a_server_that_is_away_ends_the_stay_and_nothing_else(
    service: Service, db: Engine, page: Page, caplog: pytest.LogCaptureFixture
) -> None:
    handed_out(db, service.redis, page, "one")
    away = Redis(port=1, retry=Retry(NoBackoff(), 0))
    with caplog.at_level(logging.WARNING), pytest.raises(RedisAway):
        holds.hold(away, UPDATE_VIEWS)
    stay(away, reactor(service))
    assert "stays no longer" in caplog.text
    assert left(db) == 1


@pytest.mark.parametrize(("at_once", "stays"), [(250, True), (1, False)])
def test_a_worker_stays_after_its_job_unless_that_was_a_full_batch(
    service: Service, db: Engine, page: Page, monkeypatch: pytest.MonkeyPatch, at_once: int, stays: bool
) -> None:
    """What is due when the job ends is handled by the same process, and the reaction is held for as long."""
    seen: list[set[str]] = []
    monkeypatch.setattr(staying, "reactor_of", lambda _: reactor(service, at_once))
    save(db, page, "one")
    service.relay.run_once()
    save(db, page, "two")
    queue = broker.queue(service.redis, UPDATE_VIEWS)

    @event.listens_for(db, "commit")
    def look(_: object) -> None:
        seen.append(holds.held(service.redis, [UPDATE_VIEWS]))

    try:
        Relay(db, service.redis, SUBSCRIPTIONS).run_once()
        seen.clear()
        worker = Here([queue], connection=service.redis, serializer=JSONSerializer, job_class=RelayedJob)
        worker.work(burst=True, logging_level="ERROR")
    finally:
        event.remove(db, "commit", look)
    assert left(db) == (0 if stays else 1)
    assert any(seen) == stays
    assert holds.held(service.redis, [UPDATE_VIEWS]) == set()


def test_a_job_is_done_where_the_hint_can_not_be_given(service: Service, db: Engine, page: Page) -> None:
    save(db, page, "one")
    service.relay.run_once()
    service.redis.execute_command("ACL", "SETUSER", "rq-alone", "on", ">secret", "+@all", "~rq:*", "&*")
    server = urlsplit(service.settings.redis_url)
    url = server._replace(netloc=f"rq-alone:secret@{server.hostname}:{server.port}").geturl()
    limited = broker.connect(replace(service.settings, redis_url=url))
    with pytest.raises(NoPermissionError):
        holds.hold(limited, UPDATE_VIEWS)
    queue = broker.queue(limited, UPDATE_VIEWS)
    Here([queue], connection=limited, serializer=JSONSerializer, job_class=RelayedJob).work(
        burst=True, logging_level="ERROR"
    )
    service.redis.execute_command("ACL", "DELUSER", "rq-alone")
    assert left(db) == 0


def test_one_process_handles_what_is_saved_one_after_the_other(service: Service, servers: EmbeddedServices) -> None:
    """Each is handled before the next is saved: as many jobs, if nobody stayed."""
    with System(servers, programs=("relay", "worker-update-views")) as system:
        page = a_page(system.engine)
        (name,) = until(lambda: system.redis.smembers("rq:workers"), PATIENCE, "a worker")
        saves = 0

        def is_a_fork_saved() -> bool:
            nonlocal saves
            saves += 1
            save(system.engine, page, f"text {saves}")
            until(lambda: not pending(system.engine), PATIENCE, "a save that is handled")
            return int(system.redis.hget(name, "successful_job_count") or 0) < saves

        until(is_a_fork_saved, PATIENCE, "fewer jobs than saves")


def pending(db: Engine) -> int:
    """Events that the relay has not seen, and deliveries of ``update-views``."""
    with db.connect() as connection:
        return (connection.scalar(select(func.count()).select_from(outbox)) or 0) + left(db)
