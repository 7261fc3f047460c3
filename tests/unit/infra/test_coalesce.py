import threading
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from infra.coalesce import Coalesced


class Server:
    """Answers each question when the test says so, with the state of the moment in which it was asked."""

    def __init__(self) -> None:
        self.state = 1
        self.questions: list[set[str]] = []
        self.asked = threading.Semaphore(0)
        self.may_answer = threading.Semaphore(0)

    def ask(self, keys: Collection[str]) -> dict[str, int]:
        seen = self.state
        self.questions.append(set(keys))
        self.asked.release()
        assert self.may_answer.acquire(timeout=10)
        return dict.fromkeys(keys, seen)


def started(pool: ThreadPoolExecutor, coalesced: Coalesced[str, int], *keys: str) -> "Future[list[int]]":
    """A caller that has surely joined a question."""
    joined = threading.Event()
    join = coalesced._join

    def telling(wanted: Collection[str]) -> object:
        found = join(wanted)
        joined.set()
        return found

    coalesced._join = telling  # type: ignore[assignment, method-assign]
    future = pool.submit(coalesced.get, *keys)
    assert joined.wait(10)
    coalesced._join = join  # type: ignore[method-assign]
    return future


def test_alone_one_asks_at_once() -> None:
    coalesced = Coalesced(lambda keys: {key: len(key) for key in keys})
    assert coalesced.get("a", "bcd") == [1, 3]


def test_those_who_come_during_a_question_share_the_next_and_get_nothing_older_than_they_are() -> None:
    server = Server()
    coalesced = Coalesced(server.ask)
    with ThreadPoolExecutor(4) as pool:
        first = started(pool, coalesced, "a")
        assert server.asked.acquire(timeout=10)
        server.state = 2
        others = [started(pool, coalesced, *keys) for keys in (("a", "b"), ("b",), ("c",))]
        server.may_answer.release(2)
        assert first.result(10) == [1]
        assert [other.result(10) for other in others] == [[2, 2], [2], [2]]
    assert server.questions == [{"a"}, {"a", "b", "c"}]


def test_a_failure_is_told_to_all_who_asked_and_to_nobody_else() -> None:
    failures = [ConnectionError("gone")]

    def ask(keys: Collection[str]) -> dict[str, int]:
        if failures:
            raise failures.pop()
        return dict.fromkeys(keys, 1)

    coalesced = Coalesced(ask)
    with pytest.raises(ConnectionError):
        coalesced.get("a")
    assert coalesced.get("a") == [1]


def test_a_question_that_hangs_does_not_hold_up_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.coalesce.PATIENCE", 0.01)
    server = Server()
    coalesced = Coalesced(server.ask)
    with ThreadPoolExecutor(2) as pool:
        hanging = started(pool, coalesced, "a")
        assert server.asked.acquire(timeout=10)
        second = pool.submit(coalesced.get, "b")
        assert server.asked.acquire(timeout=10)
        assert not hanging.done()
        server.may_answer.release(2)
        assert second.result(10) == [1]
        assert hanging.result(10) == [1]


def test_those_who_share_a_question_that_was_cut_off_ask_again() -> None:
    server = Server()
    stopped: list[BaseException] = []

    def ask(keys: Collection[str]) -> dict[str, int]:
        found = server.ask(keys)
        if stopped:
            # What ends a thread from outside is no Exception.
            raise stopped.pop()
        return found

    coalesced = Coalesced(ask)
    with ThreadPoolExecutor(3) as pool:
        first = started(pool, coalesced, "a")
        assert server.asked.acquire(timeout=10)
        asks = started(pool, coalesced, "b")
        shares = started(pool, coalesced, "b")
        server.may_answer.release()
        assert first.result(10) == [1]
        assert server.asked.acquire(timeout=10)
        stopped.append(SystemExit())
        server.may_answer.release(2)
        with pytest.raises(SystemExit):
            asks.result(10)
        assert shares.result(10) == [1]
