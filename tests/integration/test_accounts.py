"""Accounts over HTTP: registering, signing in and out, families of refresh tokens, passwords, profiles."""

import dataclasses
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from api import create_app
from deploy.embedded import EmbeddedServices
from domain.receipts import receipts
from domain.session import LIFETIME, RETRY, sessions
from domain.user import users
from infra.clock import now
from tests.integration.signing_in import Device, device, registered, shift, sign_in
from tests.service import PASSWORD, Service
from workers.clock import purge_sessions

GOOD = {"username": "Ada_1", "email": "Ada@Example.org", "password": PASSWORD}


def register(service: Service, **fields: Any) -> TestResponse:
    return service.client().post("/api/v1/auth/register", json=GOOD | fields)


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def jti(answer: TestResponse) -> str:
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: str = claims(answer.get_json()["refresh_token"])["jti"]
    return found


# --- registering


def test_registering_answers_what_was_registered_and_nothing_more(service: Service) -> None:
    answer = register(service)
    assert answer.status_code == 201
    made = answer.get_json()
    assert made == {"id": made["id"], "username": "Ada_1", "email": "Ada@Example.org"}
    assert service.anyone().get(f"/users/{made['id']}")["display_name"] == "Ada_1"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "ab"),
        ("username", "a" * 33),
        ("username", "a b c"),
        ("username", "añada"),
        ("username", "ada\n"),
        ("username", 12345),
        ("username", None),
        ("email", "nobody"),
        ("email", "@example.org"),
        ("email", "a@b@example.org "),
        ("email", '"\x01"@example.org'),
        ("email", "a@" + "b" * 63 + ".org" * 60),
        ("email", "ß" * 130 + "@example.org"),
        ("email", True),
        ("password", "short"),
        ("password", "n" * 9),
        ("password", "n" * 129),
        ("password", "1234567890"),
        ("password", "Password123"),
        ("password", 1234567890123),
        ("password", "nul \x00 is not text"),
        ("role", "admin"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_name_and_nothing_is_stored(service: Service, field: str, value: Any) -> None:
    answer = register(service, **{field: value})
    assert answer.status_code == 422
    assert list(answer.get_json()["errors"]) == [field]
    with service.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(users)) == 0


@pytest.mark.parametrize("missing", GOOD)
def test_what_is_missing_is_refused_by_name(service: Service, missing: str) -> None:
    body = {name: value for name, value in GOOD.items() if name != missing}
    answer = service.client().post("/api/v1/auth/register", json=body)
    assert (answer.status_code, list(answer.get_json()["errors"])) == (422, [missing])


@pytest.mark.parametrize("password", ["p" * 10, "p" * 128, "пароль из слов", "𝔭𝔞𝔰𝔰𝔴𝔬𝔯𝔡 of ten"])
def test_a_password_may_have_ten_to_128_characters_of_any_script(service: Service, password: str) -> None:
    assert register(service, password=password).status_code == 201
    assert sign_in(service.app, GOOD["email"], password).status_code == 200


def test_all_of_a_long_password_counts(service: Service) -> None:
    register(service, password="x" * 127 + "a")
    assert sign_in(service.app, GOOD["email"], "x" * 127 + "b").status_code == 401
    assert sign_in(service.app, GOOD["email"], "x" * 127 + "a").status_code == 200


def test_name_and_address_are_taken_whatever_their_case(service: Service) -> None:
    register(service)
    answer = register(service, username="ADA_1", email="aDA@eXAMPLE.org")
    assert answer.status_code == 409
    assert set(answer.get_json()["errors"]) == {"username", "email"}
    assert list(register(service, username="other").get_json()["errors"]) == ["email"]
    assert list(register(service, email="other@example.org").get_json()["errors"]) == ["username"]
    register(service, username="jose", email="josé@example.org")
    assert list(register(service, username="josef", email="JOSE\u0301@example.org").get_json()["errors"]) == ["email"]


def test_of_many_who_register_the_same_at_once_one_succeeds(service: Service) -> None:
    for round in range(10):
        with ThreadPoolExecutor(8) as pool:
            answers = pool.map(
                lambda n, r=round: register(service, username=f"n{n % 2}-{r}", email=f"r{r}@x.org"), range(8)
            )
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [201] + [409] * 7


def test_a_repeated_registration_with_its_key_is_not_taken(service: Service) -> None:
    client, key = service.client(), {"Idempotency-Key": "one"}
    first = client.post("/api/v1/auth/register", json=GOOD, headers=key)
    again = client.post("/api/v1/auth/register", json=GOOD, headers=key)
    assert (again.status_code, again.get_json()) == (201, first.get_json())
    assert again.headers["Idempotency-Replayed"] == "true"


# --- signing in


def test_signing_in_answers_a_pair_and_ones_own_profile(service: Service) -> None:
    register(service)
    pair = sign_in(service.app, "ADA@example.ORG").get_json()
    assert set(pair) == {"access_token", "refresh_token", "token_type", "expires_in", "user"}
    assert (pair["token_type"], pair["expires_in"]) == ("Bearer", 600)
    assert pair["user"]["email"] == "Ada@Example.org"
    access, refresh = claims(pair["access_token"]), claims(pair["refresh_token"])
    assert access["exp"] - access["iat"] == 600
    assert refresh["exp"] - refresh["iat"] == 30 * 24 * 3600
    me = service.client().get("/api/v1/users/me", headers={"Authorization": f"Bearer {pair['access_token']}"})
    assert me.get_json().items() >= pair["user"].items()


@pytest.mark.parametrize("header", ["Bearer not-a-token", "Basic QQ==", ""])
def test_whoever_signs_in_or_registers_may_send_a_token_that_no_longer_counts(service: Service, header: str) -> None:
    client, sent = service.client(), {"Authorization": header}
    assert client.post("/api/v1/auth/register", json=GOOD, headers=sent).status_code == 201
    pair = client.post("/api/v1/auth/login", json={"email": GOOD["email"], "password": PASSWORD}, headers=sent)
    assert pair.status_code == 200
    assert client.get("/api/v1/search?q=word", headers=sent).status_code == 401


def test_an_unknown_address_and_a_wrong_password_are_refused_alike(service: Service) -> None:
    register(service)
    wrong = sign_in(service.app, GOOD["email"], "not the password")
    unknown = sign_in(service.app, "nobody@example.org", "not the password")
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert wrong.get_json() | {"request_id": ""} == unknown.get_json() | {"request_id": ""}


def test_an_unknown_address_takes_as_long_as_a_wrong_password(service: Service) -> None:
    slow = Service(dataclasses.replace(service.settings, bcrypt_rounds=9), service.engine)
    register(slow)

    def seconds(email: str) -> float:
        began = time.process_time()
        assert sign_in(slow.app, email, "not the password").status_code == 401
        return time.process_time() - began

    # The processor's time, in turns: other work on the machine must not decide.
    pairs = [(seconds(GOOD["email"]), seconds("nobody@example.org")) for _ in range(9)]
    ratio = statistics.median(unknown for _, unknown in pairs) / statistics.median(wrong for wrong, _ in pairs)
    assert 0.7 < ratio < 1.4


def test_a_repeated_login_with_its_key_answers_the_same_pair_and_no_table_holds_it(service: Service) -> None:
    email, key = registered(service), {"Idempotency-Key": "a login"}
    first, again = (sign_in(service.app, email, headers=key) for _ in range(2))
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.get_json() == again.get_json()
    with service.engine.connect() as connection:
        kept = connection.scalars(select(receipts.c.body)).all()
        assert connection.scalar(select(func.count()).select_from(sessions)) == 1
    assert kept
    assert not any("eyJ" in body for body in kept)


def test_a_password_that_changes_while_it_is_checked_opens_no_session(service: Service) -> None:
    """The check takes a quarter of a second; a login must not slip in behind the change that ends all sessions."""
    for _ in range(20):
        email = registered(service)
        changing = device(service, email)
        body = {"current_password": PASSWORD, "new_password": PASSWORD + "!"}
        with ThreadPoolExecutor(5) as pool:
            logins = [pool.submit(sign_in, service.app, email) for _ in range(4)]
            change = pool.submit(changing.ask, "POST", "/auth/password", json=body)
        assert change.result().status_code == 204
        opened = [login.result().get_json() for login in logins if login.result().status_code == 200]
        assert [Device(service.app, email, pair).status() for pair in opened] == [401] * len(opened)


# --- families of refresh tokens


def test_a_refresh_token_is_traded_for_a_pair_again_and_again(service: Service) -> None:
    who = device(service)
    seen = {who.refresh}
    for _ in range(5):
        who.take(who.renew())
        assert who.status() == 200
        assert who.refresh not in seen
        seen.add(who.refresh)
    assert set(who.renew().get_json()) == {"access_token", "refresh_token", "token_type", "expires_in"}


def test_a_lost_answer_may_be_asked_for_again_and_is_the_same(service: Service) -> None:
    who = device(service)
    first = who.renew()
    shift(service.engine, sessions.c.refreshed_at, RETRY.total_seconds() - 5)
    again = who.renew()
    assert jti(again) == jti(first)
    who.take(again)
    assert who.status() == 200


def test_two_refreshes_at_once_get_the_same_successor(service: Service) -> None:
    for _ in range(10):
        who = device(service)
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _, who=who: who.renew(), range(6)))
        assert len({jti(answer) for answer in answers}) == 1


def test_a_predecessor_that_comes_too_late_ends_the_family(service: Service) -> None:
    who = device(service)
    spent = who.refresh
    who.take(who.renew())
    shift(service.engine, sessions.c.refreshed_at, RETRY.total_seconds() + 1)
    assert_the_family_ends(who, spent)


def test_an_older_ancestor_ends_the_family_however_soon(service: Service) -> None:
    who = device(service)
    ancestor = who.refresh
    who.take(who.renew())
    who.take(who.renew())
    assert_the_family_ends(who, ancestor)


def assert_the_family_ends(who: Device, spent: str) -> None:
    neighbour = Device(who.app, who.email, sign_in(who.app, who.email).get_json())
    assert who.status() == 200
    reuse = who.renew(spent)
    assert reuse.status_code == 401
    assert reuse.content_type == "application/problem+json"
    assert "WWW-Authenticate" in reuse.headers
    assert who.status() == 401
    assert [who.renew(token).status_code for token in (spent, who.refresh)] == [401, 401]
    assert neighbour.status() == 200


def test_reuse_ends_the_family_and_a_retry_works_with_redis_stopped(
    service: Service, servers: EmbeddedServices
) -> None:
    who, loser = device(service), device(service)
    servers.stop_one("redis")
    try:
        assert jti(loser.renew()) == jti(loser.renew())
        ancestor = who.refresh
        who.take(who.renew())
        who.take(who.renew())
        assert_the_family_ends(who, ancestor)
        later = device(service, who.email)
        assert later.ask("POST", "/auth/logout").status_code == 204
        assert later.status() == 401
    finally:
        servers.start_one("redis")


def test_a_refresh_that_is_repeated_with_its_key_answers_the_stored_pair(service: Service) -> None:
    who = device(service)
    first = who.renew(key="k")
    shift(service.engine, sessions.c.refreshed_at, RETRY.total_seconds() - 10)
    again = who.renew(key="k")
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (200, "true")
    assert again.get_json() == first.get_json()
    spent = who.refresh
    who.take(again)
    assert who.renew(key="k").status_code == 422, "the token is part of the request that the key is for"
    assert who.status() == 200
    assert who.ask("POST", "/auth/logout").status_code == 204
    assert who.renew(spent, key="k").status_code == 401, "no replay brings back what logout ended"


def test_a_session_that_nobody_refreshed_for_thirty_days_is_over_and_purged(service: Service) -> None:
    idle = device(service)
    shift(service.engine, sessions.c.expires_at, LIFETIME.total_seconds() + 1)
    active = device(service)
    assert (idle.status(), idle.renew().status_code) == (401, 401)
    assert [purge_sessions(service.engine, service.settings, now()) for _ in range(2)] == [1, 0]
    assert active.status() == 200


# --- signing out


def test_no_process_accepts_a_token_after_its_logout_was_acknowledged(service: Service) -> None:
    """Fifty rounds, and two applications that have both seen the token a moment before."""
    elsewhere = create_app(service.settings)
    email = registered(service)
    for _ in range(50):
        who = device(service, email)
        there = Device(elsewhere, email, {"user": who.user, "access_token": who.access, "refresh_token": who.refresh})
        assert (there.status(), who.status()) == (200, 200)
        assert who.ask("POST", "/auth/logout").status_code == 204
        assert (there.status(), who.status()) == (401, 401)
        assert (there.renew().status_code, who.renew().status_code) == (401, 401)


def test_a_logout_ends_one_session_alone(service: Service) -> None:
    one = device(service)
    other = device(service, one.email)
    assert one.ask("POST", "/auth/logout").status_code == 204
    assert (one.status(), other.status()) == (401, 200)
    assert one.ask("POST", "/auth/logout").status_code == 401


def test_a_logout_that_is_sent_again_with_its_key_is_told_that_the_token_is_dead(service: Service) -> None:
    who = device(service)
    assert who.ask("POST", "/auth/logout", key="k").status_code == 204
    again = who.ask("POST", "/auth/logout", key="k")
    assert again.status_code == 401
    assert "Idempotency-Replayed" not in again.headers


def test_a_revoked_token_stays_dead_when_redis_is_wiped(service: Service) -> None:
    who = device(service)
    who.ask("POST", "/auth/logout")
    service.redis.flushall()
    assert (who.status(), who.renew().status_code) == (401, 401)


# --- changing the password


def test_a_new_password_ends_every_other_session_and_keeps_this_one(service: Service) -> None:
    this = device(service)
    others = [device(service, this.email) for _ in range(3)]
    assert [other.status() for other in others] == [200] * 3
    body = {"current_password": PASSWORD, "new_password": "another long password"}
    assert this.ask("POST", "/auth/password", json=body).status_code == 204
    assert [other.status() for other in others] == [401] * 3
    assert [other.renew().status_code for other in others] == [401] * 3
    assert (this.status(), this.renew().status_code) == (200, 200)
    assert sign_in(service.app, this.email).status_code == 401
    assert sign_in(service.app, this.email, "another long password").status_code == 200


def test_a_wrong_current_password_changes_nothing(service: Service) -> None:
    this = device(service)
    other = device(service, this.email)
    body = {"current_password": "not the password", "new_password": "another long password"}
    assert this.ask("POST", "/auth/password", json=body).status_code == 403
    assert (this.status(), other.status()) == (200, 200)
    assert sign_in(service.app, this.email).status_code == 200


def test_a_new_password_keeps_the_rules_of_the_first(service: Service) -> None:
    this = device(service)
    for bad in ("short", "1234567890", "x" * 129, 5):
        answer = this.ask("POST", "/auth/password", json={"current_password": PASSWORD, "new_password": bad})
        assert (answer.status_code, list(answer.get_json()["errors"])) == (422, ["new_password"])


def test_a_repeated_change_with_its_key_is_answered_though_the_password_is_another_now(service: Service) -> None:
    this = device(service)
    body = {"current_password": PASSWORD, "new_password": "another long password"}
    answers = [this.ask("POST", "/auth/password", key="change", json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [204, 204]
    assert "Idempotency-Replayed" in answers[1].headers
    assert this.ask("POST", "/auth/password", json=body).status_code == 403


# --- profiles


def test_a_profile_shows_address_and_role_to_its_owner_alone(service: Service) -> None:
    who, other = device(service), device(service)
    own = who.ask("GET", "/users/me").get_json()
    public = {name: value for name, value in own.items() if name not in ("email", "role")}
    assert public.pop("usage") == {"notebooks": 0, "text_bytes": 0, "picture_bytes": 0}
    assert set(public) == {"id", "username", "display_name", "bio", "avatar_url", "created_at"}
    assert (own["email"], own["role"]) == (who.email, "user")
    assert who.ask("GET", f"/users/{own['id']}").get_json() == public | {"email": who.email, "role": "user"}
    assert other.ask("GET", f"/users/{own['id']}").get_json() == public
    assert service.anyone().get(f"/users/{own['id']}") == public


def test_a_profile_is_cached_as_far_as_it_is_public(service: Service) -> None:
    who = device(service)
    path = f"/users/{who.user['id']}"
    public, private = service.client().get(f"/api/v1{path}"), who.ask("GET", path)
    assert public.headers["Cache-Control"] == "public, max-age=0, must-revalidate"
    assert private.headers["Cache-Control"] == "private, no-cache"
    assert who.ask("GET", "/users/me").headers["Cache-Control"] == "private, no-cache"
    assert public.headers["Vary"] == private.headers["Vary"] == "Authorization"
    assert public.headers["ETag"] != private.headers["ETag"]
    known = {"If-None-Match": public.headers["ETag"]}
    assert service.client().get(f"/api/v1{path}", headers=known).status_code == 304
    who.author().put(path, {"bio": "Something new."})
    assert service.client().get(f"/api/v1{path}", headers=known).status_code == 200


def test_an_edited_profile_is_seen_at_once_and_by_every_reader_of_the_log(service: Service) -> None:
    author = device(service).author()
    notebook = author.notebook()
    edited = author.put(f"/users/{author.id}", {"display_name": "Ada L.", "bio": "Notes on engines.\n" * 3})
    assert (edited["display_name"], edited["bio"]) == ("Ada L.", "Notes on engines.\n" * 3)
    assert author.get("/users/me").items() >= edited.items()
    assert author.get(f"/notebooks/{notebook['id']}")["owner"]["display_name"] == "Ada L."
    author.post(f"/notebooks/{notebook['id']}/publish", expect=200)
    service.drain()
    assert service.anyone().get("/notebooks?public=true")["items"][0]["owner"]["display_name"] == "Ada L."
    kept = author.put(f"/users/{author.id}", {})
    assert kept == edited


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("display_name", ""),
        ("display_name", "n" * 101),
        ("display_name", 5),
        ("display_name", None),
        ("bio", "b" * 2001),
        ("bio", None),
        ("avatar_image_id", "0" * 32),
        ("avatar_image_id", 7),
        ("role", "admin"),
        ("email", "other@example.org"),
    ],
)
def test_a_profile_keeps_its_rules(service: Service, field: str, value: Any) -> None:
    who = device(service)
    before = who.ask("GET", "/users/me").get_json()
    answer = who.ask("PUT", f"/users/{who.user['id']}", json={field: value})
    assert (answer.status_code, list(answer.get_json()["errors"])) == (422, [field])
    assert who.ask("GET", "/users/me").get_json() == before


def test_an_avatar_may_be_taken_away(service: Service) -> None:
    who = device(service)
    assert who.author().put(f"/users/{who.user['id']}", {"avatar_image_id": None})["avatar_url"] is None


def test_someone_elses_profile_can_not_be_changed(service: Service) -> None:
    who, other = device(service), device(service)
    body = {"display_name": "Mallory"}
    assert other.ask("PUT", f"/users/{who.user['id']}", json=body).status_code == 403
    assert other.ask("PUT", "/users/nobody", json=body).status_code == 404
    assert other.ask("PUT", "/users/ñandú", json=body).status_code == 404
    assert service.client().put(f"/api/v1/users/{who.user['id']}", json=body).status_code == 401
    assert other.ask("GET", "/users/nobody").status_code == 404
    assert who.ask("GET", "/users/me").get_json()["display_name"] == who.user["username"]
