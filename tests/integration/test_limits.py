"""Rate limits: what is counted, by whom, what the answers say, with Redis and without."""

import dataclasses
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from api import create_app
from api.limits import ACCOUNT, ATTEMPT, CHANGE, PASSWORD, READ, SEARCH
from api.permits import BLOCKS, Limit, Limiter
from deploy.embedded import EmbeddedServices
from infra.settings import CHECKOUT, Settings
from infra.shared_cache import connect
from tests.integration.signing_in import administrator, device, registered, sign_in
from tests.service import PASSWORD as SECRET
from tests.service import Service

WRONG = "not the password"


@pytest.fixture
def limited(service: Service) -> Service:
    """The service with its limits on; ``service`` beside it sets up what they would refuse."""
    return Service(dataclasses.replace(service.settings, ratelimit_enabled=True), service.engine)


@contextmanager
def without_redis(servers: EmbeddedServices) -> Iterator[None]:
    servers.stop_one("redis")
    try:
        yield
    finally:
        servers.start_one("redis")


def from_address(app: Flask, address: str, method: str, path: str, **more: Any) -> TestResponse:
    base = {"REMOTE_ADDR": address}
    return app.test_client().open(f"/api/v1{path}", method=method, environ_base=base, **more)


def told(answer: TestResponse) -> tuple[int, int]:
    """Limit and what remains of it."""
    return int(answer.headers["X-RateLimit-Limit"]), int(answer.headers["X-RateLimit-Remaining"])


def attempt(app: Flask, email: str, password: str = WRONG, address: str = "192.0.2.1") -> TestResponse:
    return from_address(app, address, "POST", "/auth/login", json={"email": email, "password": password})


# --- signing in


def ten_attempts_and_no_more(app: Flask, email: str) -> None:
    """From one address, whose own limit is higher."""
    answers = [attempt(app, name) for name in [email, email.upper(), email.title()] * 4]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
    assert attempt(app, email, SECRET).status_code == 429, "the right password is no better than the wrong ones"


def test_ten_attempts_a_minute_on_one_account_whatever_the_case_of_its_address(limited: Service) -> None:
    ten_attempts_and_no_more(limited.app, registered(limited))


def test_an_account_that_does_not_exist_is_limited_as_well(limited: Service) -> None:
    ten_attempts_and_no_more(limited.app, "nobody@example.org")


def test_the_account_is_limited_by_all_processes_together(limited: Service) -> None:
    apps = [limited.app, create_app(limited.settings)]
    email = registered(limited)
    answers = [attempt(apps[n % 2], email) for n in range(14)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 4


def test_the_account_is_limited_without_redis(limited: Service, servers: EmbeddedServices) -> None:
    email = registered(limited)
    with without_redis(servers):
        ten_attempts_and_no_more(limited.app, email)


def test_what_was_counted_with_redis_counts_when_it_goes_away(limited: Service, servers: EmbeddedServices) -> None:
    email = registered(limited)
    assert [attempt(limited.app, email).status_code for n in range(6)] == [401] * 6
    with without_redis(servers):
        later = [attempt(limited.app, email).status_code for n in range(6)]
    assert later == [401] * 4 + [429] * 2


def test_who_guesses_from_one_address_locks_nobody_out_at_another(limited: Service) -> None:
    email = registered(limited)
    for _ in range(29):
        attempt(limited.app, email, address="192.0.2.66")
    assert attempt(limited.app, email, SECRET, "192.0.2.66").status_code == 429
    assert attempt(limited.app, email, SECRET, "192.0.2.67").status_code == 200


def test_a_hundred_attempts_a_minute_on_one_account_from_everywhere(limited: Service) -> None:
    email = registered(limited)
    answers = [attempt(limited.app, email, address=f"192.0.2.{n // 9}") for n in range(104)]
    assert [answer.status_code for answer in answers] == [401] * 100 + [429] * 4


@pytest.mark.parametrize("spelling", ["{} ", "  {}", "{}\t", "{}\u3000", "{}\u00a0", "{}\n"])
def test_white_space_around_an_address_makes_no_other_name_of_it(limited: Service, spelling: str) -> None:
    email = registered(limited)
    spelt = spelling.format(email)
    assert attempt(limited.app, spelt, SECRET).status_code == 422
    form = {"email": spelt, "password": WRONG}
    statuses = [limited.client().post("/internal/login", data=form).status_code for _ in range(10)]
    assert statuses == [401] * 10
    entered = limited.client().post("/internal/login", data={"email": email, "password": SECRET})
    assert entered.status_code == 429, "the same account was counted"


def test_thirty_attempts_a_minute_from_one_address(limited: Service) -> None:
    answers = [attempt(limited.app, f"n{n}@example.org") for n in range(32)]
    assert [answer.status_code for answer in answers] == [401] * 30 + [429] * 2
    assert attempt(limited.app, "n@example.org", address="192.0.2.2").status_code == 401


def test_an_account_of_ones_own_buys_no_attempts(service: Service, limited: Service) -> None:
    who = device(service)
    body = {"email": "victim@example.org", "password": WRONG}
    statuses = []
    for n in range(32):
        answer = limited.client().post(
            "/api/v1/auth/login",
            json=body | {"email": f"v{n}@example.org"},
            headers={"Authorization": f"Bearer {who.access}"},
        )
        statuses.append(answer.status_code)
    assert statuses == [401] * 30 + [429] * 2


def test_an_answer_to_too_many_attempts_says_when_to_come_back(limited: Service) -> None:
    email = registered(limited)
    for _ in range(10):
        answer = attempt(limited.app, email)
    assert told(answer) == (10, 0), "of the two limits the nearer is told"
    refused = attempt(limited.app, email)
    assert refused.status_code == 429
    assert refused.content_type == "application/problem+json"
    assert told(refused) == (10, 0)
    wait, reset = int(refused.headers["Retry-After"]), int(refused.headers["X-RateLimit-Reset"])
    assert 1 <= wait <= 60
    assert abs(time.time() + wait - reset) < 3


def test_the_limit_is_over_when_the_minute_is(limited: Service) -> None:
    email = registered(limited)
    ten_attempts_and_no_more(limited.app, email)
    for key in limited.redis.scan_iter("sinpluma:limit:*"):
        limited.redis.pexpire(key, 1)
    # A process that has not seen the window, since those that have may wait for its end by their own clock.
    assert attempt(create_app(limited.settings), email, SECRET).status_code == 200


def test_the_dashboards_login_counts_the_same_attempts(limited: Service, service: Service) -> None:
    chief = administrator(service)
    form = {"email": chief.email, "password": WRONG}
    client = limited.client()
    assert [client.post("/internal/login", data=form).status_code for _ in range(8)] == [401] * 8
    assert [attempt(limited.app, chief.email, address="127.0.0.1").status_code for _ in range(3)] == [401, 401, 429]
    refused = client.post("/internal/login", data=form | {"password": SECRET})
    assert refused.status_code == 429
    assert "Retry-After" in refused.headers


def test_the_current_password_can_be_guessed_ten_times_a_minute(service: Service, limited: Service) -> None:
    who = device(service)
    who.app = limited.app
    body = {"current_password": WRONG, "new_password": SECRET}
    statuses = [who.ask("POST", "/auth/password", json=body).status_code for _ in range(12)]
    assert statuses == [403] * 10 + [429] * 2


# --- everything else


def test_reading_and_changing_are_limited_by_user(service: Service, limited: Service) -> None:
    who, other = device(service), device(service)
    who.app = other.app = limited.app
    assert told(who.ask("GET", "/notebooks")) == (READ.user.most, READ.user.most - 1)
    assert told(who.ask("GET", "/users/me")) == (READ.user.most, READ.user.most - 2)
    assert told(who.ask("POST", "/notebooks", json={"title": "One"})) == (CHANGE.user.most, CHANGE.user.most - 1)
    assert told(who.ask("GET", "/search?q=one")) == (SEARCH.user.most, SEARCH.user.most - 1)
    assert told(other.ask("GET", "/notebooks")) == (READ.user.most, READ.user.most - 1)


def test_anonymous_requests_are_limited_by_address(limited: Service) -> None:
    first, second = ("2001:db8:1:2::1", "2001:db8:1:3::1")
    path = "/notebooks?public=true"
    assert told(from_address(limited.app, first, "GET", path))[1] == READ.address.most - 1
    assert told(from_address(limited.app, "2001:db8:1:2:ffff::9", "GET", path))[1] == READ.address.most - 2
    assert told(from_address(limited.app, second, "GET", path))[1] == READ.address.most - 1
    assert told(from_address(limited.app, "192.0.2.7", "GET", path))[1] == READ.address.most - 1
    assert told(from_address(limited.app, "::ffff:192.0.2.7", "GET", path))[1] == READ.address.most - 2


def test_what_is_refused_or_absent_is_counted_too(limited: Service) -> None:
    def left(path: str, **more: Any) -> int:
        return told(from_address(limited.app, "192.0.2.5", "GET", path, **more))[1]

    bad = {"Authorization": "Bearer nonsense"}
    counted = [left("/users/me"), left("/users/me", headers=bad), left("/nothing"), left("/notebooks/1")]
    assert counted == [READ.address.most - n for n in (1, 2, 3, 4)]


def test_registrations_are_limited_by_address(limited: Service) -> None:
    body = {"username": "x", "email": "x", "password": "x"}
    ask = [from_address(limited.app, "192.0.2.9", "POST", "/auth/register", json=body) for _ in range(122)]
    assert [answer.status_code for answer in ask] == [422] * CHANGE.address.most + [429] * 2


def test_watching_machines_are_not_limited(limited: Service) -> None:
    for path in ("/healthz", "/readyz", "/openapi.json"):
        assert "X-RateLimit-Limit" not in limited.client().get(path).headers


def test_limits_can_be_switched_off(service: Service) -> None:
    email = registered(service)
    answers = [sign_in(service.app, email, WRONG) for _ in range(12)]
    assert {answer.status_code for answer in answers} == {401}
    assert not any(name.startswith("X-RateLimit") for answer in answers for name, _ in answer.headers)


def test_requests_are_answered_without_redis(service: Service, limited: Service, servers: EmbeddedServices) -> None:
    who = device(service)
    who.app = limited.app
    with without_redis(servers):
        began = time.monotonic()
        answers = [who.ask("GET", "/notebooks") for _ in range(20)]
        assert time.monotonic() - began < 5
        assert {answer.status_code for answer in answers} == {200}
        assert told(answers[-1])[0] == READ.user.most
        assert told(answers[-1])[1] < told(answers[0])[1]
    assert who.ask("GET", "/notebooks").status_code == 200


# --- how it counts


def limiter(settings: Settings) -> Limiter:
    return Limiter(connect(settings))


def until_refused(counting: Limiter, limit: Limit) -> int:
    """How many requests of the holder pass before one is over the limit."""
    passed = 0
    while not counting.count(limit, "holder").is_over:
        passed += 1
    return passed


@pytest.mark.parametrize("most", [1, 7, 50, 120, 1001])
def test_many_threads_of_many_processes_get_exactly_the_limit(service: Service, most: int) -> None:
    processes = [limiter(service.settings) for _ in range(3)]
    limit = Limit("exact", most)
    with ThreadPoolExecutor(12) as pool:
        passed = list(pool.map(lambda n: until_refused(processes[n % 3], limit), range(12)))
    assert sum(passed) == most
    # And one alone gets all of it.
    alone = [processes[0].count(limit, "other").is_over for _ in range(most + 5)]
    assert alone == [False] * most + [True] * 5


def test_a_read_asks_redis_once_in_a_block_and_a_refused_one_never(service: Service) -> None:
    def commands() -> int:
        return int(service.redis.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])

    counting, limit = limiter(service.settings), Limit("blocks", 500)
    counting.count(Limit("first", 500), "holder")  # a Redis that does not know the script yet is asked twice
    before = commands()
    for _ in range(500):
        assert not counting.count(limit, "holder").is_over
    assert commands() - before == BLOCKS
    for _ in range(500):
        assert counting.count(limit, "holder").is_over
    assert commands() - before == BLOCKS


def test_what_remains_falls_by_one(service: Service) -> None:
    counting, limit = limiter(service.settings), Limit("falling", 120)
    assert [counting.count(limit, "holder").remaining for _ in range(122)] == [*range(119, -1, -1), 0, 0]


def test_windows_do_not_pile_up(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.permits.MOST_WINDOWS", 100)
    counting, limit = limiter(service.settings), Limit("many", 5)
    for n in range(250):
        counting.count(limit, f"holder {n}")
    assert len(counting._windows) == 100
    assert [counting.count(limit, "holder 0").remaining for _ in range(2)] == [3, 2], "Redis remembers what was dropped"


TABLE = {
    "reading, signed in": READ.user,
    "reading, anonymous": READ.address,
    "searching": SEARCH.user,
    "changing anything, refreshing tokens": CHANGE.user,
    "changing anything, anonymous (to register)": CHANGE.address,
    "changing the password": PASSWORD.user,
    "signing in": (ATTEMPT, ACCOUNT),
}


def test_the_table_of_the_documentation_is_the_one_of_the_code() -> None:
    page = (CHECKOUT / "docs" / "limits.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    written = [(what, a_minute) for what, _, a_minute in rows[2:]]
    known = [
        (what, limit) for what, limits in TABLE.items() for limit in (limits if type(limits) is tuple else (limits,))
    ]
    assert written[: len(known)] == [(what, f"{limit.most:,}") for what, limit in known]


# --- what is written in a day


def a_small_day(monkeypatch: pytest.MonkeyPatch, kibibytes: int) -> None:
    monkeypatch.setattr("api.limits.WRITTEN", Limit("written", kibibytes // 4, seconds=24 * 3600))


def writer(limited: Service) -> tuple[Any, str, str]:
    """An author with a page of 20 kB, its place, and one's token."""
    author = device(limited).author()
    page = author.page(author.notebook()["id"], content="x" * 20_000)
    return author, f"/notebooks/{page['notebook_id']}/pages/{page['id']}", str(author.token)


def test_receipts_and_autosaves_that_later_ones_replace_end_with_the_day(
    limited: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A title that changes by autosaves under keys: no quota grows, and each leaves the whole text twice."""
    a_small_day(monkeypatch, 500)
    author, place, _ = writer(limited)
    statuses = []
    for number in range(14):
        sent = {"title": f"Title {number}", "autosave": True}
        answer = author.client.put(
            f"/api/v1{place}",
            json=sent,
            headers={"Authorization": f"Bearer {author.token}", "Idempotency-Key": f"key {number}"},
        )
        statuses.append(answer.status_code)
    assert statuses == sorted(statuses)
    assert statuses.count(200) in (11, 12), "44 kB each, and as much for the first page"
    assert statuses[-1] == 429
    assert "in one day" in answer.get_json()["detail"]
    assert 3600 < int(answer.headers["Retry-After"]) <= 24 * 3600
    assert author.get(place)["title"] == f"Title {statuses.count(200) - 1}", "nothing of it is stored"
    device(limited).author().notebook("Others go on")


def test_a_day_is_counted_by_all_processes_together(limited: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    a_small_day(monkeypatch, 500)
    _, place, token = writer(limited)
    apps = [limited.app, create_app(limited.settings)]
    statuses = [
        apps[number % 2]
        .test_client()
        .put(f"/api/v1{place}", json={"title": f"{number}"}, headers={"Authorization": f"Bearer {token}"})
        .status_code
        for number in range(16)
    ]
    assert 10 <= statuses.count(200) <= 13, statuses
    assert statuses[-2:] == [429, 429]


def test_a_replayed_answer_writes_nothing(limited: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    a_small_day(monkeypatch, 200)
    author, place, token = writer(limited)
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "once"}
    for _ in range(10):
        assert author.client.put(f"/api/v1{place}", json={"title": "Once"}, headers=headers).status_code == 200
