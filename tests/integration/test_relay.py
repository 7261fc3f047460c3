"""The bridge from MySQL to Redis: what is committed is handed over, whatever dies, whoever else relays."""

import json
import random
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError
from sqlalchemy import Connection, Engine, func, insert, select, update

from domain.commands.notebooks import CreateNotebook, create_notebook
from domain.unit_of_work import UnitOfWork
from events import deliveries, log
from events.relay import BATCH, MOST_WAITING, NO_PAUSES, RESEND_AFTER, Relay, run
from events.subscriptions import AGAIN_QUEUE, CUT_REVISIONS, REACTIONS, UNROUTED, UPDATE_VIEWS
from infra import broker
from infra.clock import new_id, now
from infra.nudge import AWAKE_SECONDS, KEY, PAUSE_SECONDS, Nudge, await_nudge
from infra.settings import Settings
from infra.stopping import Stop
from infra.watch import Watch
from read_models.notebook_view import notebook_views
from tests.integration.writing import (
    CAUSE,
    PATIENCE,
    a_notebook,
    a_page,
    event_ids,
    held_at,
    in_threads,
    repeated_in_background,
    save,
)
from tests.service import Service
from workers.reaction_table import SUBSCRIPTIONS

owed = deliveries.deliveries


def sent(redis: Redis, reaction: str) -> list[list[str]]:
    """The batches of ids that lie in a queue, as they lie there."""
    queue = broker.queue(redis, reaction)
    return [json.loads(zlib.decompress(redis.hget(f"rq:job:{each}", "data")))[2][1] for each in queue.job_ids]  # type: ignore[arg-type]


def take_all(redis: Redis, reaction: str) -> list[str]:
    """Take what lies in a queue out of it, as a worker does that then dies without a trace."""
    ids = list(chain.from_iterable(sent(redis, reaction)))
    broker.queue(redis, reaction).empty()
    return ids


def make_due(db: Engine) -> None:
    """The lease of everything that was sent is over."""
    with db.begin() as connection:
        connection.execute(update(owed).values(due_at=now() - timedelta(seconds=1)))


def rows(db: Engine, *where: Any) -> list[Any]:
    with db.connect() as connection:
        return list(connection.execute(select(owed).where(*where).order_by(owed.c.reaction, owed.c.event_id)))


def waiting(db: Engine) -> int:
    with db.connect() as connection:
        return connection.scalar(select(func.count()).select_from(log.outbox)) or 0


def test_a_job_names_its_reaction_and_ids_and_nothing_that_anyone_wrote(service: Service, db: Engine) -> None:
    page = a_page(db, content="A secret of mine.")
    service.relay.run_once()
    (job_id,) = broker.queue(service.redis, UPDATE_VIEWS).job_ids
    kept: dict[bytes, bytes] = service.redis.hgetall(f"rq:job:{job_id}")  # type: ignore[assignment]
    call = json.loads(zlib.decompress(kept[b"data"]))
    assert call == ["workers.reaction.react", None, [UPDATE_VIEWS, event_ids(db)], {}]
    everything = b" ".join([*kept.values(), zlib.decompress(kept[b"data"])])
    assert b"secret" not in everything
    assert page.id.encode() not in everything


def test_an_event_is_owed_to_each_of_its_reactions_and_to_no_other(service: Service, db: Engine) -> None:
    a_page(db)
    service.relay.run_once()
    assert Counter((row.type, row.reaction) for row in rows(db)) == {
        ("notebook.created", "update-views"): 1,
        ("notebook.page_added", "update-views"): 1,
        ("page.created", "update-views"): 1,
        ("page.created", "cut-revisions"): 1,
        ("page.created", "index-search"): 1,
        ("page.created", "track-references"): 1,
    }
    assert waiting(db) == 0


def test_a_round_with_nothing_to_do_says_so(service: Service, db: Engine) -> None:
    a_notebook(db)
    assert service.relay.run_once() > 0
    assert service.relay.run_once() == 0


def test_what_was_sent_is_not_sent_again_while_its_lease_lasts(service: Service, db: Engine) -> None:
    a_notebook(db)
    service.relay.run_once()
    assert len(take_all(service.redis, UPDATE_VIEWS)) == 1
    service.relay.run_once()
    assert sent(service.redis, UPDATE_VIEWS) == []
    (row,) = rows(db)
    assert timedelta(0) < row.due_at - now() <= RESEND_AFTER


def test_what_a_dead_worker_took_with_it_is_sent_again_when_its_lease_is_over(service: Service, db: Engine) -> None:
    a_page(db)
    service.relay.run_once()
    lost = take_all(service.redis, UPDATE_VIEWS)
    make_due(db)
    service.relay.run_once()
    assert sent(service.redis, UPDATE_VIEWS) == []
    assert sorted(sent(service.redis, AGAIN_QUEUE)[0]) == sorted(lost) == event_ids(db)


@pytest.fixture
def halfway(service: Service) -> Iterator[Redis]:
    """A Redis that answers everything but takes no job: what a relay sees that dies between claim and enqueue."""
    service.redis.acl_setuser("halfway", enabled=True, nopass=True, categories=["+@all"], reset=True)
    service.redis.execute_command("ACL", "SETUSER", "halfway", "%R~rq:*", "~sinpluma:*", "allchannels")
    pool = dict(service.redis.connection_pool.connection_kwargs)
    yield Redis(host=pool["host"], port=pool["port"], username="halfway", password="any")
    service.redis.acl_deluser("halfway")


def test_a_relay_that_dies_between_claim_and_enqueue_costs_a_pause_and_no_event(
    service: Service, db: Engine, halfway: Redis
) -> None:
    a_page(db)
    service.relay.run_once()
    for reaction in REACTIONS:
        take_all(service.redis, reaction)
    make_due(db)
    with pytest.raises(NoPermissionError):
        Relay(db, halfway, SUBSCRIPTIONS).run_once()
    claimed = [row.event_id for row in rows(db, owed.c.reaction == UPDATE_VIEWS, owed.c.due_at > now())]
    assert claimed == event_ids(db), "claimed and never sent"
    service.relay.run_once()
    assert sent(service.redis, UPDATE_VIEWS) == []
    make_due(db)
    service.drain()
    assert rows(db) == []


def test_a_wiped_redis_gets_everything_pending_at_once(service: Service, db: Engine) -> None:
    a_page(db)
    service.relay.run_once()
    before = [sent(service.redis, reaction) for reaction in REACTIONS]
    service.redis.flushall()
    service.relay.run_once()
    assert [sent(service.redis, reaction) for reaction in REACTIONS] == before
    assert sorted(before[0][0]) == event_ids(db)
    service.drain()
    assert rows(db) == []


def test_redis_wiped_again_and_again_loses_nothing(service: Service, db: Engine) -> None:
    page = a_page(db)
    for number in range(5):
        save(db, page, f"text {number}")
        service.relay.run_once()
        service.redis.flushall()
    service.drain()
    assert rows(db) == []
    with db.connect() as connection:
        assert connection.scalar(select(notebook_views.c.word_count)) == 2


def test_what_is_parked_is_not_sent_again_even_when_redis_is_wiped(service: Service, db: Engine) -> None:
    a_notebook(db)
    service.relay.run_once()
    with db.begin() as connection:
        connection.execute(update(owed).values(state="parked"))
    make_due(db)
    service.redis.flushall()
    service.relay.run_once()
    assert sent(service.redis, UPDATE_VIEWS) == []


def test_under_load_the_batches_grow_and_not_the_queue(service: Service, db: Engine) -> None:
    page = a_page(db)
    for number in range(MOST_WAITING + 3):
        save(db, page, f"text {number}")
        service.relay.run_once()
    assert len(sent(service.redis, UPDATE_VIEWS)) == MOST_WAITING
    late = len(rows(db, owed.c.reaction == UPDATE_VIEWS, owed.c.due_at <= now()))
    assert late > 1
    take_all(service.redis, UPDATE_VIEWS)
    service.relay.run_once()
    assert [len(batch) for batch in sent(service.redis, UPDATE_VIEWS)] == [late]


def test_a_reaction_gets_a_job_at_most_so_often_and_then_all_that_came_meanwhile(service: Service, db: Engine) -> None:
    page = a_page(db)
    relay = Relay(db, service.redis, SUBSCRIPTIONS, NO_PAUSES | {UPDATE_VIEWS: 3600.0})
    relay.run_once()
    first = take_all(service.redis, UPDATE_VIEWS)
    for number in range(3):
        save(db, page, f"text {number}")
        relay.run_once()
    assert sent(service.redis, UPDATE_VIEWS) == []
    assert len(sent(service.redis, CUT_REVISIONS)) == MOST_WAITING
    service.relay.run_once()
    (batch,) = sent(service.redis, UPDATE_VIEWS)
    assert len(batch) == 3
    assert not set(batch) & set(first)


def test_a_batch_has_an_end(service: Service, db: Engine) -> None:
    with db.begin() as connection:
        connection.execute(insert(owed), [a_delivery(each) for each in range(BATCH + 1)])
    service.relay.run_once()
    for size in (BATCH, 1):
        service.relay.run_once()
        assert [len(batch) for batch in sent(service.redis, UPDATE_VIEWS)] == [size]
        take_all(service.redis, UPDATE_VIEWS)


def a_delivery(number: int) -> dict[str, object]:
    return {
        "reaction": UPDATE_VIEWS,
        "event_id": f"{number:032x}",
        "type": "page.edited",
        "aggregate_id": "a" * 32,
        "version": number,
        "owner_id": "a" * 32,
        "withdraws": None,
        "occurred_at": now(),
        "state": "pending",
        "due_at": now(),
        "attempts": 0,
        "error": None,
    }


def an_outbox_row(name: str) -> dict[str, object]:
    ids = {"event_id": new_id(), "aggregate_id": new_id(), "owner_id": new_id()}
    return {**ids, "type": name, "version": 1, "withdraws": None, "occurred_at": now()}


def test_an_event_of_a_type_that_nobody_knows_is_parked_and_blocks_nothing(service: Service, db: Engine) -> None:
    known = a_notebook(db)
    strange = an_outbox_row("page.teleported")
    with db.begin() as connection:
        connection.execute(insert(log.outbox), strange)
    service.drain()
    (parked,) = rows(db)
    assert (parked.reaction, parked.event_id, parked.state) == (UNROUTED, strange["event_id"], "parked")
    assert "page.teleported" in parked.error
    with db.connect() as connection:
        assert list(connection.scalars(select(notebook_views.c.notebook_id))) == [known.id]


def test_an_event_that_nobody_reacts_to_is_done_when_it_is_relayed(service: Service, db: Engine) -> None:
    unheard = [name for name, reactions in SUBSCRIPTIONS.items() if not reactions]
    for batch in (unheard[:1], unheard):
        with db.begin() as connection:
            connection.execute(insert(log.outbox), [an_outbox_row(name) for name in batch])
        service.drain()
        assert (rows(db), waiting(db)) == ([], 0)


def test_a_relay_waits_for_no_writer(service: Service, db: Engine, impatient: Engine) -> None:
    with db.connect() as slow:
        begin_notebook(slow)
        for _ in range(20):
            a_notebook(db)
        Relay(impatient, service.redis, SUBSCRIPTIONS).run_once()
        assert len(take_all(service.redis, UPDATE_VIEWS)) == 20
        slow.rollback()


@pytest.mark.parametrize("due", [0, 1, 2, 20])
def test_a_relay_that_claims_holds_nothing_that_a_worker_comes_for(db: Engine, due: int) -> None:
    later = now() + RESEND_AFTER
    with db.begin() as connection:
        sent_before = [a_delivery(each) | {"due_at": later} for each in range(20)]
        connection.execute(insert(owed), sent_before + [a_delivery(100 + each) for each in range(due)])
    with db.connect() as relay, db.connect() as worker:
        assert len(deliveries.claim_due(relay, UPDATE_VIEWS, BATCH, RESEND_AFTER)) == due
        ids = [f"{each:032x}" for each in range(20)]
        assert sorted(deliveries.lock(worker, UPDATE_VIEWS, ids)) == ids


def two_halves(db: Engine, size: int) -> tuple[list[str], list[str]]:
    """The events of twice so many deliveries that are due."""
    with db.begin() as connection:
        connection.execute(insert(owed), [a_delivery(each) for each in range(2 * size)])
    ids = [f"{each:032x}" for each in range(2 * size)]
    return ids[:size], ids[size:]


@pytest.mark.parametrize("size", [1, 3, 20])
def test_a_relay_that_claims_waits_for_no_worker(db: Engine, impatient: Engine, size: int) -> None:
    held, free = two_halves(db, size)
    with db.connect() as worker, impatient.connect() as relay:
        assert sorted(deliveries.lock(worker, UPDATE_VIEWS, held)) == held
        assert sorted(deliveries.claim_due(relay, UPDATE_VIEWS, BATCH, RESEND_AFTER)) == free


@pytest.mark.parametrize("size", [1, 3, 20])
def test_workers_wait_for_no_other_worker(db: Engine, impatient: Engine, size: int) -> None:
    mine, others = two_halves(db, size)
    with db.connect() as worker, impatient.connect() as other:
        assert sorted(deliveries.lock(worker, UPDATE_VIEWS, mine)) == mine
        assert sorted(deliveries.lock(other, UPDATE_VIEWS, [*mine, *others])) == others
        deliveries.done(other, UPDATE_VIEWS, others)
        other.commit()
        deliveries.done(worker, UPDATE_VIEWS, mine)
        worker.commit()
    assert rows(db) == []


def claim(db: Engine) -> list[str]:
    with db.begin() as connection:
        return sorted(deliveries.claim_due(connection, UPDATE_VIEWS, BATCH, RESEND_AFTER))


def park(db: Engine) -> None:
    with db.begin() as connection:
        connection.execute(update(owed).values(state="parked"))


@pytest.mark.parametrize("meanwhile", [claim, park])
def test_what_is_due_no_more_when_its_row_is_reached_is_not_claimed(
    db: Engine, settings: Settings, meanwhile: Callable[[Engine], object]
) -> None:
    with db.begin() as connection:
        connection.execute(insert(owed), [a_delivery(each) for each in range(3)])
    # Between the search, which locks nothing, and the locks.
    with ThreadPoolExecutor(1) as pool, held_at(settings, "SELECT deliveries.event_id FROM (") as late:
        claiming = pool.submit(claim, late.engine)
        assert late.begun.wait(PATIENCE)
        meanwhile(db)
        late.go_on.set()
        assert claiming.result(PATIENCE) == []


def test_two_relays_at_once_send_each_event_exactly_once(service: Service, db: Engine) -> None:
    page = a_page(db)
    for number in range(60):
        save(db, page, f"text {number}")
    relays = [Relay(db, broker.connect(service.settings), SUBSCRIPTIONS) for _ in range(2)]
    taken = {reaction: Counter[str]() for reaction in REACTIONS}
    while any(in_threads(Relay.run_once, relays)):
        for reaction in REACTIONS:
            taken[reaction].update(take_all(service.redis, reaction))
    assert taken[UPDATE_VIEWS] == Counter(event_ids(db))
    assert {count for counts in taken.values() for count in counts.values()} == {1}


class CursorRelay:
    """The control: a relay as many write it, which asks for ids greater than the last one it saw. It must fail."""

    def __init__(self, db: Engine) -> None:
        self._db = db
        self._last = ""
        self.seen: set[str] = set()

    def run_once(self) -> None:
        with self._db.connect() as connection:
            query = select(log.events.c.id).where(log.events.c.id > self._last).order_by(log.events.c.id)
            new = list(connection.scalars(query))
            connection.rollback()
        self.seen.update(new)
        self._last = max([self._last, *new])


def begin_notebook(connection: Connection) -> str:
    """A command that has written everything and has not committed."""
    uow = UnitOfWork(connection, CAUSE)
    notebook = create_notebook(CreateNotebook("A notebook", "", {}), uow)
    uow.flush()
    return notebook.id


def test_a_slow_transaction_is_relayed_and_a_cursor_would_have_passed_it_by(service: Service, db: Engine) -> None:
    control = CursorRelay(db)
    with db.connect() as slow:
        begin_notebook(slow)
        early = slow.scalar(select(log.events.c.id))
        assert early is not None
        while not (quick := event_ids(db)) or max(quick) < early:
            a_notebook(db)
        control.run_once()
        service.relay.run_once()
        assert sorted(take_all(service.redis, UPDATE_VIEWS)) == quick
        slow.commit()
    control.run_once()
    service.relay.run_once()
    assert sent(service.redis, UPDATE_VIEWS) == [[early]]
    assert control.seen == set(quick), "the control has lost what came late"


def test_what_is_handled_is_what_was_committed_however_long_transactions_stay_open(
    service: Service, db: Engine
) -> None:
    control = CursorRelay(db)
    other = Relay(db, broker.connect(service.settings), SUBSCRIPTIONS)

    def write(number: int) -> list[str]:
        dice = random.Random(number)
        return [each for _ in range(25) if (each := hold_open(db, dice))]

    with repeated_in_background(control.run_once), repeated_in_background(other.run_once):
        results: list[list[str]] = []
        writing = threading.Thread(target=lambda: results.extend(in_threads(write, range(20))))
        writing.start()
        while writing.is_alive():
            service.relay.run_once()
            service.work()
        writing.join(PATIENCE)
    service.drain()
    control.run_once()
    committed = {each for result in results for each in result}
    with db.connect() as connection:
        handled = set(connection.scalars(select(notebook_views.c.notebook_id).where(notebook_views.c.version > 0)))
    assert 0 < len(committed) < 20 * 25
    assert handled == committed
    assert len(event_ids(db)) == len(committed)
    assert control.seen < set(event_ids(db)), "the control passed too: this was no race at all"


def hold_open(db: Engine, dice: random.Random) -> str | None:
    """A notebook in a transaction that stays open for a while; a tenth of them come to nothing."""
    with db.connect() as connection:
        made = begin_notebook(connection)
        time.sleep(dice.uniform(0, 0.03))
        if dice.random() < 0.1:
            connection.rollback()
            return None
        connection.commit()
        return made


class Watched(Relay):
    """A relay whose rounds are counted; ``rounds`` says what happens in each before it, the last one stops the loop."""

    def __init__(self, service: Service, *rounds: Callable[[], object]) -> None:
        super().__init__(service.engine, service.redis, SUBSCRIPTIONS)
        self.rounds = 0
        self.stop = Stop()
        self._before = rounds

    def run_once(self) -> int:
        self.rounds += 1
        if self.rounds == len(self._before):
            self.stop.set()
        self._before[self.rounds - 1]()
        return super().run_once()


def nothing() -> None:
    pass


def test_the_loop_goes_on_when_a_server_was_away_and_stops_when_it_is_told_to(service: Service) -> None:
    nobody = broker.connect(replace(service.settings, redis_url="redis://127.0.0.1:1/0"))
    relay = Watched(service, nobody.ping, nothing, nothing)
    run(relay, relay.stop, lambda: True)
    assert relay.rounds == 3


def test_the_relay_sleeps_only_when_nothing_is_due(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.relay.AWAKE_SECONDS", 0.0)
    author = service.author()
    service.drain()

    def write() -> None:
        author.notebook("Walks")

    # The second one's events are due and can't be sent: a job waits in each queue.
    relay = Watched(service, nothing, write, write, nothing, nothing, service.work)
    slept_after: list[int] = []

    def sleep() -> bool:
        slept_after.append(relay.rounds)
        return False

    run(relay, relay.stop, sleep)
    assert slept_after == [1]


def test_who_was_woken_looks_for_as_long_as_nobody_pokes_again(service: Service) -> None:
    """Each event of a burst must be found, and only the first one of each half a second pokes."""
    woken: list[float] = []
    relay = Watched(service, *[nothing] * 20, lambda: woken.append(time.monotonic()))
    sleeps = 0

    def sleep() -> bool:
        nonlocal sleeps
        sleeps += 1
        return True

    run(relay, relay.stop, sleep)
    assert sleeps == 1
    assert AWAKE_SECONDS >= 2 * PAUSE_SECONDS


def test_a_save_wakes_the_relay_and_pokes_never_pile_up(service: Service) -> None:
    author = service.author()
    while await_nudge(service.redis, 1):
        pass
    nudge = Nudge(service.redis, Watch("Redis", service.redis.ping))
    service.app.extensions["sinpluma"] = replace(service.app.extensions["sinpluma"], nudge=nudge)
    author.notebook("Walks")
    assert await_nudge(service.redis, 1)
    for _ in range(3):
        nudge._next_at = 0.0
        nudge.poke()
    assert service.redis.llen(KEY) == 1


def test_a_poke_waits_for_no_redis(service: Service) -> None:
    nobody = broker.connect(replace(service.settings, redis_url="redis://127.0.0.1:1/0"))
    watch = Watch("Redis", nobody.ping)
    Nudge(nobody, watch).poke()
    assert watch.is_down
