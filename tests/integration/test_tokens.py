"""Tokens that are not ours, not this kind, not any more: each is 401, and rotation of the key is not noticed."""

import base64
import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from api import create_app
from api.tokens import ALGORITHM, key_id
from tests.integration.signing_in import Device, device
from tests.service import Service

OTHER_KEY = "another key, as long as a key has to be"


def forged(
    who: Device, key: str, headers: dict[str, Any] | None = None, algorithm: str = ALGORITHM, **claims: Any
) -> str:
    """A token like the device's own, signed by whoever has the key; None takes a claim away."""
    own = jwt.decode(who.access, options={"verify_signature": False})
    told = {name: value for name, value in (own | claims).items() if value is not None}
    return jwt.encode(told, key, algorithm, {"kid": key_id(key)} | (headers or {}))


def raw(header: Any, payload: Any, signature: str = "") -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, payload))
    return ".".join([*parts, signature])


def refused(service: Service, who: Device, token: str) -> bool:
    """By every kind of route: one that needs a token, one that does not, and the one for refresh tokens."""
    routes = (("GET", "/users/me"), ("GET", "/notebooks?public=true"), ("POST", "/auth/refresh"))
    answers = [who.ask(method, path, token) for method, path in routes]
    problems = {(answer.status_code, answer.content_type, answer.headers["WWW-Authenticate"]) for answer in answers}
    return problems == {(401, "application/problem+json", "Bearer")} and who.status() == 200


def test_a_token_signed_by_our_key_as_we_sign_is_accepted(service: Service) -> None:
    """The control: what the tests below change is what makes them refused."""
    who = device(service)
    assert who.status(forged(who, service.settings.jwt_secret_key)) == 200


def test_an_unsigned_token_is_refused(service: Service) -> None:
    who = device(service)
    payload = jwt.decode(who.access, options={"verify_signature": False})
    kid = key_id(service.settings.jwt_secret_key)
    for algorithm in ("none", "None", "NONE", ""):
        assert refused(service, who, raw({"alg": algorithm, "typ": "JWT", "kid": kid}, payload))
    assert refused(service, who, raw({"typ": "JWT", "kid": kid}, payload))
    assert refused(service, who, who.access.rsplit(".", 1)[0] + ".")


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_is_refused_even_with_our_key(service: Service, algorithm: str) -> None:
    who = device(service)
    assert refused(service, who, forged(who, service.settings.jwt_secret_key, algorithm=algorithm))


@pytest.mark.parametrize("kid", ["", "0" * 16, "../../dev/null", "' OR 1=1 -- ", "a" * 5000])
def test_an_unknown_key_id_is_refused_even_with_our_key(service: Service, kid: str) -> None:
    who = device(service)
    assert refused(service, who, forged(who, service.settings.jwt_secret_key, {"kid": kid}))


def test_a_key_id_that_is_absent_or_no_text_is_refused(service: Service) -> None:
    who = device(service)
    payload = jwt.decode(who.access, options={"verify_signature": False})
    signed = jwt.encode(payload, service.settings.jwt_secret_key, ALGORITHM)
    assert refused(service, who, signed)
    strange: list[Any] = [None, 1, [], {}, ["a"]]
    for kid in strange:
        assert refused(service, who, raw({"alg": ALGORITHM, "kid": kid}, payload, signed.rsplit(".", 1)[1]))


def test_another_key_is_refused_under_our_key_id(service: Service) -> None:
    who = device(service)
    kid = key_id(service.settings.jwt_secret_key)
    assert refused(service, who, forged(who, OTHER_KEY))
    assert refused(service, who, forged(who, OTHER_KEY, {"kid": kid}))


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": datetime.now(UTC) - timedelta(seconds=5)},
        {"exp": datetime.now(UTC) - timedelta(days=5)},
        {"exp": None},
        {"exp": "soon"},
        {"exp": 1e300},
        {"iat": datetime.now(UTC) + timedelta(days=5)},
        {"sub": None},
        {"sub": 5},
        {"sub": ["a"]},
        {"sub": "0" * 32},
        {"sid": None},
        {"sid": 5},
        {"sid": {"a": 1}},
        {"sid": "0" * 32},
        {"jti": None},
        {"jti": 5},
        {"type": "other"},
        {"type": 1},
        {"type": ["access"]},
    ],
)
def test_a_claim_that_is_not_as_we_make_it_is_refused(service: Service, claims: dict[str, Any]) -> None:
    who = device(service)
    assert refused(service, who, forged(who, service.settings.jwt_secret_key, **claims))


def test_a_token_of_one_user_does_not_open_the_session_of_another(service: Service) -> None:
    who, other = device(service), device(service)
    key = service.settings.jwt_secret_key
    assert refused(service, who, forged(who, key, sub=other.user["id"]))
    assert refused(service, who, forged(other, key, sub=who.user["id"]))


def test_a_token_is_good_for_its_own_purpose_alone(service: Service) -> None:
    who = device(service)
    assert who.status(who.refresh) == 401
    assert who.ask("GET", "/notebooks?public=true", who.refresh).status_code == 401
    assert who.renew(who.access).status_code == 401
    assert (who.status(), who.renew().status_code) == (200, 200)
    assert who.status(who.refresh) == 401, "not even right after it was accepted for its own purpose"


@pytest.mark.parametrize(
    "token",
    [
        "nonsense",
        "a.b.c",
        "..",
        "é.é.é",
        raw([], {}),
        raw({"alg": ALGORITHM, "typ": "JWT"}, []),
        base64.urlsafe_b64encode(b"[" * 3000).decode().rstrip("=") + ".e30.",
        raw({"alg": ALGORITHM, "crit": ["b64"]}, {}),
    ],
)
def test_what_is_no_token_at_all_is_refused(service: Service, token: str) -> None:
    assert refused(service, device(service), token.encode().decode("latin-1"))


def test_a_changed_signature_or_payload_is_refused(service: Service) -> None:
    who = device(service)
    header, payload, signature = who.access.split(".")
    changed = jwt.decode(who.access, options={"verify_signature": False}) | {"sid": "0" * 32}
    other_payload = raw({}, changed).split(".")[1]
    assert refused(service, who, f"{header}.{other_payload}.{signature}")
    assert refused(service, who, f"{header}.{payload}.{signature[::-1]}")


def test_tokens_outlive_a_rotation_of_the_key_and_not_its_end(service: Service) -> None:
    who = device(service)
    old = service.settings
    rotated = dataclasses.replace(old, jwt_secret_key=OTHER_KEY, jwt_secret_key_previous=old.jwt_secret_key)
    ended = dataclasses.replace(old, jwt_secret_key=OTHER_KEY, jwt_secret_key_previous=None)
    during, after = (create_app(settings) for settings in (rotated, ended))
    there = Device(during, who.email, {"user": who.user, "access_token": who.access, "refresh_token": who.refresh})
    assert there.status() == 200
    there.take(there.renew())
    assert jwt.get_unverified_header(there.access)["kid"] == key_id(OTHER_KEY)
    there.app = after
    assert (there.status(), there.status(who.access), there.renew(who.refresh).status_code) == (200, 401, 401)
