"""Events that hang or kill whoever handles them: they are found, tried alone, given up; all others flow."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from rq import Worker
from rq.serializers import JSONSerializer
from rq.timeouts import JobTimeoutException
from sqlalchemy import Connection, Engine, select, text, update

from events import deliveries
from events.event import Event
from events.relay import MOST_WAITING, REACT
from events.subscriptions import AGAIN_QUEUE, CUT_REVISIONS, MAKE_THUMBNAILS, UPDATE_VIEWS
from infra import broker
from infra.clock import now
from infra.database import write_engine
from infra.objects import StoreAway
from infra.settings import Settings
from read_models.page_view import page_views
from tests.chaos.system import until
from tests.conftest import PATIENCE
from tests.integration.test_reactions import deliver, still_owed
from tests.integration.test_relay import make_due, sent, take_all
from tests.integration.writing import a_page, save
from tests.service import Service
from workers import reaction, time_limit
from workers.reaction import Reactor, react
from workers.reaction_table import REACTIONS as EFFECTS
from workers.reaction_table import Reaction
from workers.runner import RelayedJob

owed = deliveries.deliveries
SECONDS = 0.3
EVENTS = 12


def many(db: Engine, number: int = EVENTS) -> list[str]:
    page = a_page(db)
    for count in range(number - 3):
        save(db, page, f"text {count}")
    return deliver(db)


def doing(harm: Callable[[Connection], object], bad: str) -> Callable[[Connection, Sequence[Event]], None]:
    """The views' own effect, and harm where this event is among those it gets."""

    def effect(connection: Connection, events: Sequence[Event]) -> None:
        EFFECTS[UPDATE_VIEWS].apply(connection, events)
        if bad in {event.id for event in events}:
            harm(connection)

    return effect


def sleep(_: Connection) -> None:
    time.sleep(60)


def sleep_on_the_server(connection: Connection) -> None:
    connection.execute(text("SELECT SLEEP(1)"))


@pytest.mark.parametrize("hang", [sleep, sleep_on_the_server])
def test_a_batch_that_hangs_is_broken_off_and_each_of_it_tried_alone(
    db: Engine, settings: Settings, hang: Callable[[Connection], object]
) -> None:
    ids = many(db)
    bad = ids[5]
    reactor = Reactor(db, settings, UPDATE_VIEWS, Reaction(UPDATE_VIEWS, (), doing(hang, bad), seconds=SECONDS))
    began = time.monotonic()
    reactor.handle(ids)
    assert time.monotonic() - began < 30, "not once for each half"
    assert {(row.again, row.attempts) for row in still_owed(db)} <= {(True, 0), (False, 0)}
    for each in ids:
        reactor.handle_again(each)
    if hang is sleep_on_the_server:
        # The server learns only at the end of its sleep that nobody listens; until then it holds the first batch.
        time.sleep(1)
        for each in ids:
            if each != bad:
                reactor.handle_again(each)
    (left,) = still_owed(db)
    assert (left.event_id, left.attempts, left.state) == (bad, 1, "pending")
    assert left.error.startswith("TookTooLong")


def test_a_batch_that_took_too_long_is_due_at_once_among_those_to_be_tried_again(
    db: Engine, settings: Settings
) -> None:
    ids = many(db)
    Reactor(db, settings, UPDATE_VIEWS, Reaction(UPDATE_VIEWS, (), doing(sleep, ids[0]), seconds=SECONDS)).handle(ids)
    with db.begin() as connection:
        assert (UPDATE_VIEWS, False) not in deliveries.due_now(connection)
        assert (UPDATE_VIEWS, True) in deliveries.due_now(connection)
    assert {row.attempts for row in still_owed(db)} == {0}, "nobody knows yet which of them it was"


def test_what_failed_is_tried_again_apart_from_the_others(db: Engine, settings: Settings) -> None:
    def fail(_: Connection) -> None:
        raise ValueError("it can't be done")

    ids = many(db)
    # After Redis was wiped nothing is marked as sent before, this one neither.
    Reactor(db, settings, UPDATE_VIEWS, Reaction(UPDATE_VIEWS, (), doing(fail, ids[0]))).handle(ids)
    assert [(row.event_id, row.again) for row in still_owed(db)] == [(ids[0], True)]


@pytest.fixture
def harmful(monkeypatch: pytest.MonkeyPatch) -> Callable[[Reaction], None]:
    def become(harmful: Reaction) -> None:
        monkeypatch.setattr(reaction, "REACTIONS", EFFECTS | {UPDATE_VIEWS: harmful})

    return become


@pytest.fixture
def forking(service: Service) -> Iterator[Callable[[], None]]:
    """Let workers that fork, as the service's do, handle what lies in the queues of the views and of second tries."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def work() -> None:
        for queue in (UPDATE_VIEWS, AGAIN_QUEUE):
            if broker.queue(service.redis, queue).count:
                options: dict[str, Any] = {"serializer": JSONSerializer, "job_class": RelayedJob}
                Worker([queue], connection=service.redis, **options).work(burst=True, logging_level="CRITICAL")

    yield work
    for number, handler in kept.items():
        signal.signal(number, handler)


def die(_: Connection) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hear_nothing(_: Connection) -> None:
    """As deep in a library written in C: no signal reaches Python."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    time.sleep(60)


@pytest.mark.parametrize("harm", [die, hear_nothing])
def test_an_event_that_kills_whoever_handles_it_is_parked_and_no_other_is(
    service: Service, db: Engine, harmful: Any, forking: Any, harm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_limit, "GRACE_SECONDS", 0.1)
    ids = many(db)
    with db.begin() as connection:
        connection.execute(owed.delete().where(owed.c.reaction != UPDATE_VIEWS))
    # Long enough to come to the harm on any machine: broken off before, it would fail instead of never coming back.
    harmful(Reaction(UPDATE_VIEWS, (), doing(harm, ids[4]), seconds=1 if harm is hear_nothing else 30))
    rounds = 0
    while service.pending():
        service.relay.run_once()
        forking()
        make_due(db)
        rounds += 1
        assert rounds < 40
    (left,) = still_owed(db)
    assert (left.event_id, left.state, left.attempts) == (ids[4], "parked", service.settings.delivery_max_attempts)
    assert "never came back" in left.error
    with db.connect() as connection:
        assert connection.scalar(select(page_views.c.version)) == EVENTS - 2


def test_what_failed_before_never_stands_in_the_way_of_what_did_not(service: Service, db: Engine) -> None:
    first = many(db)
    service.relay.run_once()
    take_all(service.redis, UPDATE_VIEWS)
    make_due(db)
    later = [each for each in many(db) if each not in first]
    service.relay.run_once()
    assert [sorted(batch) for batch in sent(service.redis, UPDATE_VIEWS)] == [later]
    assert sorted(first) in [sorted(batch) for batch in sent(service.redis, AGAIN_QUEUE)]


def test_second_tries_find_a_place_in_a_queue_that_is_full(service: Service, db: Engine) -> None:
    queue = broker.queue(service.redis, MAKE_THUMBNAILS)
    for _ in range(MOST_WAITING):
        queue.enqueue(REACT, MAKE_THUMBNAILS, [])
    many(db)
    with db.begin() as connection:
        connection.execute(update(owed).values(again=True))
    service.relay.run_once()
    assert queue.count == MOST_WAITING + 1


def test_a_wiped_redis_counts_against_no_event(service: Service, db: Engine) -> None:
    ids = many(db)
    service.relay.run_once()
    with db.begin() as connection:
        connection.execute(update(owed).where(owed.c.event_id == ids[0]).values(attempts=1))
    service.redis.flushall()
    service.relay.run_once()
    assert sorted(sent(service.redis, UPDATE_VIEWS)[0]) == ids[1:]
    assert [ids[0]] in sent(service.redis, AGAIN_QUEUE)


def test_what_there_is_no_time_for_is_handed_back_as_it_was(
    service: Service, db: Engine, harmful: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = many(db)
    harmful(replace(EFFECTS[UPDATE_VIEWS], at_once=5))
    monkeypatch.setattr(reaction, "JOB_BUDGET_SECONDS", 0)
    service.relay.run_once()
    react(UPDATE_VIEWS, ids)
    assert [row.event_id for row in still_owed(db)] == ids[5:]
    assert {(row.again, row.attempts) for row in still_owed(db)} == {(False, 0)}
    with db.connect() as connection:
        assert (UPDATE_VIEWS, False) in deliveries.due_now(connection)
    service.drain()


@pytest.mark.parametrize("reason", [StoreAway, JobTimeoutException])
def test_a_try_that_ends_for_a_reason_beside_its_event_is_no_try(
    db: Engine, settings: Settings, reason: type[Exception]
) -> None:
    ids = many(db)

    def end(_: Connection) -> None:
        raise reason("no fault of theirs")

    reactor = Reactor(db, settings, UPDATE_VIEWS, Reaction(UPDATE_VIEWS, (), doing(end, ids[0])))
    with pytest.raises(reason):
        reactor.handle(ids)
    for _ in range(settings.delivery_max_attempts + 1):
        until(lambda: is_free(db, ids[0]), PATIENCE, "the server to see that the connection was given up")
        with pytest.raises(reason):
            reactor.handle_again(ids[0])
    assert {(row.state, row.attempts, row.error) for row in still_owed(db)} == {("pending", 0, None)}


def is_free(db: Engine, event_id: str) -> bool:
    """Whether nobody holds the delivery. One whose connection was invalidated does until the server sees that."""
    with db.begin() as connection:
        return deliveries.lock(connection, UPDATE_VIEWS, [event_id]) == [event_id]


def test_a_try_from_which_nobody_comes_back_falls_due_after_growing_pauses(db: Engine) -> None:
    ids = many(db)
    for number in range(1, 5):
        tried_at = now()
        with db.begin() as connection:
            assert deliveries.begin_try(connection, UPDATE_VIEWS, ids[0], most=10) == "pending"
        row = next(row for row in still_owed(db) if row.event_id == ids[0])
        assert row.attempts == number
        assert timedelta(seconds=2**number) <= row.due_at - tried_at < timedelta(seconds=2**number + 30)


def test_each_try_alone_that_fails_counts_once(db: Engine, settings: Settings) -> None:
    ids = many(db)

    def fail(_: Connection) -> None:
        raise ValueError("I can't swallow this")

    reactor = Reactor(db, settings, UPDATE_VIEWS, Reaction(UPDATE_VIEWS, (), doing(fail, ids[0])))
    most = settings.delivery_max_attempts
    for number in range(1, most + 1):
        reactor.handle_again(ids[0])
        row = next(row for row in still_owed(db) if row.event_id == ids[0])
        assert (row.attempts, row.state) == (number, "parked" if number == most else "pending")


def test_a_connection_with_an_open_question_is_thrown_away_whichever_limit_ran_out(
    db: Engine, settings: Settings
) -> None:
    ids = many(db)
    mine = write_engine(settings, pool_size=1)

    def end(*_: object) -> None:
        raise JobTimeoutException

    def run_out(connection: Connection) -> None:
        signal.signal(signal.SIGALRM, end)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        connection.execute(text("SELECT SLEEP(0.5)"))

    with pytest.raises(JobTimeoutException):
        Reactor(mine, settings, UPDATE_VIEWS, Reaction(UPDATE_VIEWS, (), doing(run_out, ids[0]))).handle(ids)
    with mine.connect() as connection:
        assert connection.scalar(text("SELECT 7")) == 7
    mine.dispose()


def test_what_another_worker_is_at_is_not_tried_a_second_time(db: Engine, settings: Settings) -> None:
    ids = many(db)
    handled: list[str] = []
    reactor = Reactor(
        db, settings, UPDATE_VIEWS, Reaction(UPDATE_VIEWS, (), lambda _, events: handled.extend(e.id for e in events))
    )
    with db.begin() as busy:
        assert deliveries.lock(busy, UPDATE_VIEWS, ids[:1])
        reactor.handle_again(ids[0])
    assert handled == []
    assert [row.attempts for row in still_owed(db)] == [0] * len(ids)
    reactor.handle_again(ids[0])
    assert handled == ids[:1]
    assert len(still_owed(db, CUT_REVISIONS)) > 0


def test_a_limit_gives_back_the_time_that_was_left_of_the_one_around_it() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda *_: heard.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 1000)
        with time_limit.time_limit(50):
            assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 50
        assert 900 < signal.getitimer(signal.ITIMER_REAL)[0] <= 1000
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert heard == []
