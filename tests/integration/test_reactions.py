"""How reactions handle what they are sent: the effect and its receipt are one, and a bad event stops no other."""

import json
import signal
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from redis import Redis
from rq import SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy import Connection, Engine, event, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from domain.page import Page
from events import deliveries, log
from events.event import Event
from events.pages import PageCreated
from events.relay import REACT
from events.subscriptions import CUT_REVISIONS, INDEX_SEARCH, REACTIONS, UPDATE_VIEWS
from infra import broker, queue_depths
from infra.clock import now
from infra.database import write_engine
from infra.settings import Settings
from read_models.notebook_view import notebook_views
from read_models.page_view import page_views
from read_models.revisions import revisions
from read_models.search.index import search_entries
from tests.integration.writing import a_notebook, a_page, dump, event_ids, in_threads, save
from tests.service import Service
from workers.reaction import Reactor
from workers.reaction_table import REACTIONS as EFFECTS
from workers.reaction_table import SUBSCRIPTIONS, Reaction
from workers.runner import RelayedJob

owed = deliveries.deliveries
Effect = Callable[[Connection, Sequence[Event]], None]


def deliver(db: Engine) -> list[str]:
    """The events are owed to their reactions, as after the relay's round; answers their ids."""
    with db.begin() as connection:
        while deliveries.fan_out(connection, SUBSCRIPTIONS, 500):
            pass
    return event_ids(db)


def reactor(db: Engine, settings: Settings, effect: Effect, **more: Any) -> Reactor:
    """A worker of the views' queue with an effect of the test's own."""
    return Reactor(db, settings, UPDATE_VIEWS, Reaction(UPDATE_VIEWS, (), effect, **more))


def still_owed(db: Engine, reaction: str = UPDATE_VIEWS) -> list[Any]:
    with db.connect() as connection:
        return list(connection.execute(select(owed).where(owed.c.reaction == reaction).order_by(owed.c.event_id)))


@pytest.fixture
def counted(db: Engine) -> Iterator[Engine]:
    """The database with a table where effects can be counted."""
    with db.begin() as connection:
        connection.execute(text("CREATE TABLE handled (id CHAR(32) PRIMARY KEY, times INT NOT NULL) ENGINE=InnoDB"))
    yield db
    with db.begin() as connection:
        connection.execute(text("DROP TABLE handled"))


def count(connection: Connection, events: Sequence[Event]) -> None:
    """The views' own effect, and one more that a repetition would show in."""
    EFFECTS[UPDATE_VIEWS].apply(connection, events)
    once_more = "INSERT INTO handled VALUES (:id, 1) ON DUPLICATE KEY UPDATE times = times + 1"
    connection.execute(text(once_more), [{"id": event.id} for event in events])


def times_handled(db: Engine) -> dict[str, int]:
    with db.connect() as connection:
        return {row.id: row.times for row in connection.execute(text("SELECT id, times FROM handled"))}


def test_a_handled_batch_leaves_its_effect_and_owes_nothing(counted: Engine, settings: Settings) -> None:
    page = a_page(counted)
    reactor(counted, settings, count).handle(deliver(counted))
    assert still_owed(counted) == []
    with counted.connect() as connection:
        assert list(connection.scalars(select(page_views.c.page_id))) == [page.id]
    assert len(still_owed(counted, CUT_REVISIONS)) == len(still_owed(counted, INDEX_SEARCH)) == 1, "each for itself"


def test_a_batch_that_is_sent_again_has_no_second_effect(counted: Engine, settings: Settings) -> None:
    a_page(counted)
    worker, ids = reactor(counted, settings, count), deliver(counted)
    for batch in (ids, ids, ids[:1], ids[::-1], ids * 2):
        worker.handle(batch)
    assert times_handled(counted) == dict.fromkeys(ids, 1)


def test_workers_that_get_the_same_batch_at_once_have_one_effect(counted: Engine, settings: Settings) -> None:
    page = a_page(counted)
    for number in range(20):
        save(counted, page, f"text {number}")
    ids = deliver(counted)
    in_threads(lambda batch: reactor(counted, settings, count).handle(batch), [ids, ids[::-1], ids[5:], ids[:15]])
    reactor(counted, settings, count).handle(ids)
    assert times_handled(counted) == dict.fromkeys(ids, 1)
    assert still_owed(counted) == []


class Died(Exception):
    pass


def test_an_effect_without_its_receipt_is_taken_back(counted: Engine, settings: Settings) -> None:
    a_page(counted)
    ids = deliver(counted)
    before = dump(counted, [notebook_views, page_views])

    def die_after(connection: Connection, events: Sequence[Event]) -> None:
        count(connection, events)
        raise Died

    reactor(counted, settings, die_after).handle(ids)
    assert dump(counted, [notebook_views, page_views]) == before
    assert times_handled(counted) == {}
    assert [(row.event_id, row.attempts) for row in still_owed(counted)] == [(each, 1) for each in ids]
    assert all("Died" in row.error for row in still_owed(counted))


@pytest.mark.parametrize("last_words", ["DELETE deliveries", "COMMIT"])
def test_a_worker_that_dies_after_its_effect_has_had_none(counted: Engine, settings: Settings, last_words: str) -> None:
    a_page(counted)
    ids = deliver(counted)
    mine = write_engine(settings, pool_size=1)

    def die_before(_: Connection, __: object, statement: str, *___: object) -> None:
        if statement.startswith(last_words):
            raise KeyboardInterrupt

    def die_in_commit(_: Connection) -> None:
        if last_words == "COMMIT":
            raise KeyboardInterrupt

    event.listen(mine, "before_cursor_execute", die_before)
    event.listen(mine, "commit", die_in_commit)
    with pytest.raises(KeyboardInterrupt):
        reactor(mine, settings, count).handle(ids)
    mine.dispose()
    assert times_handled(counted) == {}
    assert [(row.event_id, row.attempts) for row in still_owed(counted)] == [(each, 0) for each in ids]
    reactor(counted, settings, count).handle(ids)
    assert times_handled(counted) == dict.fromkeys(ids, 1)


def test_a_worker_that_loses_the_server_between_effect_and_receipt_counts_no_failure(
    counted: Engine, settings: Settings
) -> None:
    a_page(counted)
    ids = deliver(counted)

    def cut_off(connection: Connection, events: Sequence[Event]) -> None:
        count(connection, events)
        connection.execute(text("KILL CONNECTION_ID()"))

    with pytest.raises(DBAPIError):
        reactor(counted, settings, cut_off).handle(ids)
    assert times_handled(counted) == {}
    assert [row.attempts for row in still_owed(counted)] == [0] * len(ids)
    reactor(counted, settings, count).handle(ids)
    assert times_handled(counted) == dict.fromkeys(ids, 1)


def test_a_passing_trouble_of_the_server_is_tried_again_at_once(counted: Engine, settings: Settings) -> None:
    a_page(counted)
    ids, tries = deliver(counted), []

    def fail_first(connection: Connection, events: Sequence[Event]) -> None:
        tries.append(len(events))
        count(connection, events)
        if len(tries) == 1:
            connection.execute(text("SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213"))

    reactor(counted, settings, fail_first).handle(ids)
    assert tries == [len(ids), len(ids)]
    assert (still_owed(counted), times_handled(counted)) == ([], dict.fromkeys(ids, 1))


def poisoned_by(bad: str) -> Effect:
    def effect(connection: Connection, events: Sequence[Event]) -> None:
        count(connection, events)
        if bad in {event.id for event in events}:
            raise ValueError("I can't swallow this")

    return effect


def test_a_bad_event_stops_no_other_of_its_batch(counted: Engine, settings: Settings) -> None:
    page = a_page(counted)
    for number in range(29):
        save(counted, page, f"text {number}")
    ids = deliver(counted)
    for bad in (ids[0], ids[13], ids[-1]):
        with counted.begin() as connection:
            connection.execute(text("DELETE FROM handled"))
            connection.execute(text("DELETE FROM deliveries"))
            connection.execute(insert(owed), [a_delivery(connection, each) for each in ids])
        reactor(counted, settings, poisoned_by(bad)).handle(ids)
        assert times_handled(counted) == {each: 1 for each in ids if each != bad}
        (left,) = still_owed(counted)
        assert (left.event_id, left.attempts, left.state) == (bad, 1, "pending")


def test_halves_of_a_bad_batch_that_there_is_no_time_for_are_left_to_be_tried_alone(
    counted: Engine, settings: Settings
) -> None:
    page = a_page(counted)
    for number in range(9):
        save(counted, page, f"text {number}")
    ids = deliver(counted)
    reactor(counted, settings, poisoned_by(ids[4])).handle(ids, until=time.monotonic())
    assert times_handled(counted) == {}
    rows = still_owed(counted)
    assert {(row.state, row.again, row.attempts) for row in rows} == {("pending", True, 0)}
    assert [row.event_id for row in rows] == ids
    with counted.connect() as connection:
        assert (UPDATE_VIEWS, True) in deliveries.due_now(connection)


def a_delivery(connection: Connection, event_id: str) -> dict[str, Any]:
    stored = connection.execute(select(log.events).where(log.events.c.id == event_id)).one()
    return {
        "reaction": UPDATE_VIEWS,
        "event_id": event_id,
        "type": stored.type,
        "aggregate_id": stored.aggregate_id,
        "version": stored.version,
        "owner_id": "a" * 32,
        "withdraws": None,
        "occurred_at": stored.occurred_at,
        "state": "pending",
        "due_at": now(),
        "attempts": 0,
        "error": None,
    }


def test_a_bad_event_is_tried_with_growing_pauses_and_then_parked(counted: Engine, settings: Settings) -> None:
    a_page(counted)
    ids = deliver(counted)
    worker = reactor(counted, settings, poisoned_by(ids[0]))
    pauses = []
    for attempt in range(1, settings.delivery_max_attempts):
        tried_at = now()
        worker.handle([ids[0]])
        row = still_owed(counted)[0]
        assert (row.attempts, row.state, row.error) == (attempt, "pending", "ValueError: I can't swallow this")
        pauses.append(row.due_at - tried_at)
    assert all(timedelta(seconds=2**n) <= pause < timedelta(seconds=2**n + 30) for n, pause in enumerate(pauses, 1))
    worker.handle([ids[0]])
    assert (still_owed(counted)[0].attempts, still_owed(counted)[0].state) == (settings.delivery_max_attempts, "parked")


def test_a_pause_is_never_longer_than_ten_minutes(db: Engine) -> None:
    a_page(db)
    ids = deliver(db)
    with db.begin() as connection:
        connection.execute(update(owed).values(attempts=90))
        deliveries.failed(connection, UPDATE_VIEWS, ids[0], "x" * 5000, most=100)
    row = still_owed(db)[0]
    assert row.due_at - now() <= timedelta(minutes=10)
    assert (row.attempts, len(row.error)) == (91, 2000)


def test_what_is_parked_is_handled_no_more_and_what_comes_after_it_is(counted: Engine, settings: Settings) -> None:
    page = a_page(counted)
    first = deliver(counted)
    with counted.begin() as connection:
        connection.execute(update(owed).where(owed.c.reaction == UPDATE_VIEWS).values(state="parked"))
    save(counted, page, "later")
    later = [each for each in deliver(counted) if each not in first]
    reactor(counted, settings, count).handle([*first, *later])
    assert set(times_handled(counted)) == set(later)
    assert [row.event_id for row in still_owed(counted)] == first


def test_a_failure_of_what_another_worker_handled_meanwhile_changes_nothing(db: Engine) -> None:
    a_notebook(db)
    with db.begin() as connection:
        assert deliveries.failed(connection, UPDATE_VIEWS, "f" * 32, "late", most=8) == "gone"


def test_a_hint_that_fails_after_the_commit_costs_no_event(counted: Engine, settings: Settings) -> None:
    a_page(counted)
    ids = deliver(counted)
    hinted: list[int] = []

    def hint(_: Settings, events: Sequence[Event]) -> None:
        hinted.append(len(events))
        raise Died

    reactor(counted, settings, count, after=hint).handle(ids)
    assert (still_owed(counted), times_handled(counted)) == ([], dict.fromkeys(ids, 1))
    assert hinted == [len(ids)], "there is nothing to try again"


def test_a_hint_comes_after_the_commit(counted: Engine, settings: Settings) -> None:
    a_page(counted)
    ids = deliver(counted)
    seen: list[dict[str, int]] = []
    reactor(counted, settings, count, after=lambda *_: seen.append(times_handled(counted))).handle(ids)
    assert seen == [dict.fromkeys(ids, 1)]


# The last one is of a newer schema, in which the content is no text any more.
@pytest.mark.parametrize("payload", ["{}", '{"cut": ', "", "[]", '{"owner_id": "a", "content": {"blocks": []}}'])
def test_a_damaged_event_is_parked_in_the_end_and_blocks_nothing(service: Service, db: Engine, payload: str) -> None:
    damaged, healthy = a_page(db), a_page(db, content="Healthy words")
    with db.begin() as connection:
        bad = log.events.c.aggregate_id == damaged.id
        connection.execute(update(log.events).where(bad).values(payload=payload))
    while service.pending():
        service.relay.run_once()
        service.work()
        with db.begin() as connection:
            connection.execute(update(owed).where(owed.c.state == "pending").values(due_at=now()))
    with db.connect() as connection:
        assert list(connection.scalars(select(page_views.c.page_id))) == [healthy.id]
        assert list(connection.scalars(select(revisions.c.page_id))) == [healthy.id]
    for reaction in SUBSCRIPTIONS.get(PageCreated.name) or ():
        assert [(row.aggregate_id, row.state) for row in still_owed(db, reaction)] == [(damaged.id, "parked")]
        assert "DamagedEvent" in still_owed(db, reaction)[0].error
    service.drain()


def test_an_event_that_became_unknown_after_it_was_delivered_is_parked_too(counted: Engine, settings: Settings) -> None:
    a_page(counted)
    ids = deliver(counted)
    with counted.begin() as connection:
        connection.execute(update(log.events).where(log.events.c.id == ids[-1]).values(type="page.teleported"))
    for _ in range(settings.delivery_max_attempts):
        reactor(counted, settings, count).handle(ids)
    assert [(row.event_id, row.state) for row in still_owed(counted)] == [(ids[-1], "parked")]
    assert set(times_handled(counted)) == set(ids[:-1])


def test_a_delivery_of_an_event_that_the_log_does_not_hold_comes_to_an_end(counted: Engine, settings: Settings) -> None:
    a_page(counted)
    ids = deliver(counted)
    with counted.begin() as connection:
        connection.execute(log.events.delete().where(log.events.c.id == ids[0]))
    reactor(counted, settings, count).handle(ids)
    assert (still_owed(counted), set(times_handled(counted))) == ([], set(ids[1:]))


TIME = "2026-01-01T00:00:00.000000Z"
NOBODY_S = ["f" * 32, "F" * 32, "", "x", "x" * 5000, "\x00", "' OR 1=1 --"]


def call(function: str, *arguments: Any) -> bytes:
    return zlib.compress(json.dumps([function, None, list(arguments), {}]).encode())


def put(redis: Redis, name: str, job: dict[str, Any], place: str = "") -> None:
    """What anyone who reaches Redis can do."""
    redis.rpush(f"rq:queue:{UPDATE_VIEWS}{place}", name)
    if job:
        redis.hset(f"rq:job:{name}", mapping=cast(Any, job))


def work(service: Service) -> None:
    options: dict[str, Any] = {"connection": service.redis, "serializer": JSONSerializer, "job_class": RelayedJob}
    SimpleWorker([UPDATE_VIEWS], **options).work(burst=True, logging_level="ERROR")


@pytest.mark.parametrize("arguments", [[[]], [["f" * 32]], [["f" * 32], True], [NOBODY_S]], ids=str)
def test_a_job_does_only_what_is_owed(service: Service, db: Engine, arguments: list[Any]) -> None:
    a_page(db)
    deliver(db)
    before = dump(db)
    put(service.redis, "job", {"data": call(REACT, UPDATE_VIEWS, *arguments), "created_at": TIME})
    work(service)
    assert dump(db) == before
    assert (queue_depths.dropped(service.redis), service.redis.zcard(f"rq:failed:{UPDATE_VIEWS}")) == (0, 0)


@pytest.mark.parametrize(
    "arguments",
    [
        [UPDATE_VIEWS, ["学而"]],
        [UPDATE_VIEWS, ["\ud800"]],
        [UPDATE_VIEWS, [1, None, {}]],
        [UPDATE_VIEWS, "f" * 32],
        [UPDATE_VIEWS, None],
        [UPDATE_VIEWS, {"f" * 32: 1}],
        [UPDATE_VIEWS, [], 1],
        ["no-reaction", ["f" * 32]],
        ["", []],
        [None, []],
        [["update-views"], []],
        [{"update-views": 1}, ["f" * 32]],
        [7, 7],
    ],
    ids=ascii,
)
def test_a_job_that_is_not_ours_is_dropped_and_counted(service: Service, db: Engine, arguments: list[Any]) -> None:
    a_page(db)
    deliver(db)
    before = dump(db)
    put(service.redis, "job", {"data": call(REACT, *arguments), "created_at": TIME})
    work(service)
    assert dump(db) == before
    assert (queue_depths.dropped(service.redis), service.redis.zcard(f"rq:failed:{UPDATE_VIEWS}")) == (1, 0)


FOR_EVER = -1
# Whatever anyone who reaches Redis may put into a queue.
HAND_MADE: dict[str, dict[str, Any]] = {
    "no id at all!": {"data": b"x"},
    "no-function-of-ours": {"data": call("os.mkdir", "left-by-a-job"), "created_at": TIME},
    "a-name-without-a-job": {},
    "no-function": {"data": zlib.compress(b"[null, null, [], {}]"), "created_at": TIME},
    "no-arguments": {"data": zlib.compress(b'["workers.reaction.react", null, null, {}]'), "created_at": TIME},
    "a-job-without-anything": {"x": "y"},
    "no-JSON": {"data": b"garbage", "created_at": TIME},
    "no-time": {"data": call(REACT, UPDATE_VIEWS, []), "created_at": "yesterday"},
    "a-function-that-is-not-there": {"data": call("workers.reaction.nothing"), "created_at": "2026-01-01T00:00:00Z"},
    "too-few-arguments": {"data": call(REACT), "created_at": TIME},
    "too-many-arguments": {
        "data": call(REACT, UPDATE_VIEWS, [], False, 1),
        "created_at": TIME,
    },
    "unknown-reaction": {"data": call(REACT, "x", ["y"]), "created_at": TIME},
}


@pytest.mark.parametrize("name", HAND_MADE)
@pytest.mark.parametrize("place", ["", ":intermediate"], ids=["waiting", "left by a worker that died"])
def test_a_hand_made_job_does_not_stop_the_worker(
    service: Service, db: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, place: str
) -> None:
    page = a_page(db)
    monkeypatch.chdir(tmp_path)
    put(service.redis, name, HAND_MADE[name], place)
    # Where it fills the queue, ours is sent when it is gone.
    for _ in range(2):
        service.relay.run_once()
        work(service)
    assert queue_depths.dropped(service.redis) == bool(HAND_MADE[name])
    assert list(tmp_path.iterdir()) == [], "nothing that Redis holds is ever called, but what the relay sent"
    if not place:
        assert service.redis.ttl(f"rq:job:{name}") != FOR_EVER, "and nothing of it stays"
    assert service.redis.zcard(f"rq:failed:{UPDATE_VIEWS}") == 0
    assert broker.queue(service.redis, UPDATE_VIEWS).count == 0
    with db.connect() as connection:
        assert list(connection.scalars(select(page_views.c.page_id))) == [page.id]


@pytest.mark.parametrize("wrapped", [False, True], ids=["raised", "wrapped by RQ"])
def test_a_worker_hears_sigterm_also_while_it_reads_a_job(
    service: Service, db: Engine, monkeypatch: pytest.MonkeyPatch, wrapped: bool
) -> None:
    a_page(db)
    service.relay.run_once()
    [job_id] = broker.queue(service.redis, UPDATE_VIEWS).job_ids
    owner, name = (JSONSerializer, "loads") if wrapped else (Job, "restore")
    monkeypatch.setattr(owner, name, lambda *_: signal.raise_signal(signal.SIGTERM))
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        # A burst, so that a worker that has not heard it comes to an end too.
        work(service)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert service.redis.exists(f"rq:job:{job_id}"), "the job was not taken for a damaged one"
    assert service.redis.lrange(f"rq:queue:{UPDATE_VIEWS}:intermediate", 0, -1) == [job_id.encode()]


def test_each_reaction_has_an_effect_and_a_queue_of_its_name() -> None:
    assert set(EFFECTS) == set(REACTIONS)


def index_first(db: Engine, settings: Settings, page: Page) -> None:
    """Handle the first event of a page for the search."""
    with db.connect() as connection:
        first = connection.scalar(
            select(log.events.c.id).where(log.events.c.aggregate_id == page.id, log.events.c.version == 1)
        )
    Reactor(db, settings, INDEX_SEARCH, EFFECTS[INDEX_SEARCH]).handle([str(first)])


def test_all_waiting_saves_of_a_page_are_indexed_at_once(db: Engine, settings: Settings) -> None:
    page, other = a_page(db), a_page(db)
    for number in range(2, 7):
        save(db, page, f"text {number}")
        save(db, other, f"text {number}")
    deliver(db)
    parked = (owed.c.reaction == INDEX_SEARCH, owed.c.aggregate_id == page.id, owed.c.version == 3)
    of_another = (owed.c.reaction == INDEX_SEARCH, owed.c.aggregate_id == page.id, owed.c.version == 5)
    with db.begin() as connection:
        connection.execute(update(owed).where(*parked).values(state="parked"))
    with db.begin() as holding:
        holding.execute(select(owed).where(*of_another).with_for_update())
        index_first(db, settings, page)
    left = [(row.aggregate_id, row.version) for row in still_owed(db, INDEX_SEARCH)]
    assert sorted(left) == sorted([(page.id, 3), (page.id, 5), *((other.id, version) for version in range(1, 7))])
    assert len([row for row in still_owed(db, CUT_REVISIONS) if row.aggregate_id == page.id]) == 6, "each of them"
    with db.connect() as connection:
        entries = connection.execute(select(search_entries.c.page_id, search_entries.c.body)).all()
    assert [tuple(row) for row in entries] == [(page.id, "text 6")]


def test_only_a_save_is_done_with_the_newest_text(db: Engine, settings: Settings) -> None:
    page = a_page(db)
    for number in range(2, 5):
        save(db, page, f"text {number}")
    deliver(db)
    with db.begin() as connection:
        later = update(log.events).where(log.events.c.aggregate_id == page.id, log.events.c.version == 3)
        connection.execute(later.values(type="page.painted"))
    index_first(db, settings, page)
    assert [row.version for row in still_owed(db, INDEX_SEARCH)] == [3]


def test_a_slow_worker_does_not_hold_up_the_batches_of_another(counted: Engine, settings: Settings) -> None:
    one, other = a_page(counted), a_page(counted)
    deliver(counted)
    started, finish = threading.Event(), threading.Event()

    def slow(connection: Connection, events: Sequence[Event]) -> None:
        EFFECTS[UPDATE_VIEWS].apply(connection, events)
        started.set()
        assert finish.wait(30)

    with counted.connect() as connection:
        by_owner = {
            page.id: list(
                connection.scalars(
                    select(log.events.c.id).where(log.events.c.aggregate_id.in_([page.id, page.notebook_id]))
                )
            )
            for page in (one, other)
        }
    busy = threading.Thread(target=reactor(counted, settings, slow).handle, args=(by_owner[one.id],))
    busy.start()
    try:
        assert started.wait(30)
        reactor(counted, settings, count).handle(by_owner[other.id])
        assert {row.event_id for row in still_owed(counted)} == set(by_owner[one.id])
        with counted.connect() as connection:
            assert connection.scalar(select(func.count()).select_from(page_views)) == 1
    finally:
        finish.set()
        busy.join(30)
    assert still_owed(counted) == []
