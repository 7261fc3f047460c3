import threading
import time
from collections.abc import Callable

import pytest

from infra import lease
from infra.lease import Leases, wait_out
from infra.memory import ENTRY_BYTES, Memory


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(lease, "time", made)
    return made


def leases_of(seconds: float) -> Leases[str, str]:
    return Leases(seconds, Memory(1024 * 1024), "thing")


def reading(values: list[str]) -> Callable[[str, str | None], str]:
    return lambda *_: values.pop(0)


def test_a_value_is_read_once_while_its_lease_is_young(clock: Clock) -> None:
    leases = leases_of(1.0)
    values = ["first", "second"]
    assert leases.get("key", reading(values)) == "first"
    clock.now += 0.49
    assert leases.get("key", reading(values)) == "first"


def test_whoever_comes_after_the_end_reads_again_and_is_told_what_was_known(clock: Clock) -> None:
    leases = leases_of(1.0)
    leases.get("key", lambda _, known: f"first after {known}")
    clock.now += 1.0
    assert leases.get("key", lambda _, known: f"second after {known}") == "second after first after None"


def test_a_lease_counts_from_when_its_read_began(clock: Clock) -> None:
    leases = leases_of(1.0)

    def slow(key: str, known: str | None) -> str:
        clock.now += 0.8
        return "read before 100.8"

    leases.get("key", slow)
    clock.now += 0.2
    assert leases.get("key", lambda *_: "read at 101.0") == "read at 101.0"


def test_after_waiting_out_no_lease_given_before_is_believed(clock: Clock) -> None:
    here = leases_of(1.0)
    here.get("key", lambda *_: "published")
    wait_out(1.0)
    assert here.get("key", lambda *_: "withdrawn") == "withdrawn"


def test_in_the_second_half_one_renews_and_the_others_go_on() -> None:
    leases = leases_of(60.0)
    leases.get("key", lambda *_: "old")
    # Its second half, without waiting for it.
    lease_now = leases._memory.get(("thing", "key"))
    leases._keep("key", lease_now._replace(renew_at=time.monotonic()))
    renewing, go_on = threading.Event(), threading.Event()

    def renew(key: str, known: str | None) -> str:
        renewing.set()
        assert go_on.wait(10)
        return "new"

    renewer = threading.Thread(target=leases.get, args=("key", renew))
    renewer.start()
    assert renewing.wait(10)
    assert leases.get("key", lambda *_: "nobody else asks") == "old"
    go_on.set()
    renewer.join()
    assert leases.get("key", lambda *_: "nobody else asks") == "new"


def test_when_the_renewal_fails_the_lease_still_ends(clock: Clock) -> None:
    leases = leases_of(1.0)
    leases.get("key", lambda *_: "old")
    clock.now += 0.5

    def fail(key: str, known: str | None) -> str:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        leases.get("key", fail)
    clock.now += 0.5
    assert leases.get("key", lambda *_: "new") == "new"


def test_the_leases_used_least_recently_make_room() -> None:
    memory = Memory(2 * (ENTRY_BYTES + 10_000))
    leases: Leases[int, str] = Leases(60.0, memory, "thing", weigh=lambda _: 10_000)
    for key in (1, 2):
        leases.get(key, lambda *_: "first")
    assert leases.get(1, lambda *_: "again") == "first"
    leases.get(3, lambda *_: "first")
    assert leases.get(2, lambda _, known: f"again after {known}") == "again after None"
    assert leases.get(3, lambda *_: "again") == "first"


def test_leases_of_two_kinds_share_a_memory_and_no_value() -> None:
    memory = Memory(1024 * 1024)
    for kind in ("one", "another"):
        leases: Leases[str, str] = Leases(60.0, memory, kind)

        def value(_: object, known: str | None, kind: str = kind) -> str:
            return f"{kind} after {known}"

        assert leases.get("key", value) == f"{kind} after None"
