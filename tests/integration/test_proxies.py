"""Who the client is when proxies stand between, and who says so."""

import dataclasses
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api import create_app
from api.proxies import BehindProxies
from tests.integration.signing_in import administrator
from tests.service import PASSWORD, Service

TRUSTED = ("10.0.0.0/8", "192.0.2.1", "2001:db8::/32")


def seen(peer: str, forwarded: str | None, trusted: tuple[str, ...] = TRUSTED) -> str:
    """The address that an application behind the middleware sees."""
    found: list[str] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        found.append(environ["REMOTE_ADDR"])
        return []

    environ = {"REMOTE_ADDR": peer} | ({} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded})
    BehindProxies(application, trusted)(environ, None)  # type: ignore[arg-type]
    return found[0]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        # A stranger says what he likes.
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("203.0.113.9", "10.0.0.1", "203.0.113.9"),
        # One proxy, several, and what a stranger wrote before them.
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 192.0.2.1", "198.51.100.1"),
        ("10.0.0.1", "127.0.0.1, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1,198.51.100.1 ,10.9.9.9", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.7, 10.0.0.8", "10.0.0.7"),
        # Nothing, nonsense, ports, the other version.
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, unknown, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "198.51.100.1:5678", "198.51.100.1"),
        ("10.0.0.1", "[2001:db9::7]:5678", "2001:db9::7"),
        ("2001:db8::1", "2001:db9::7", "2001:db9::7"),
        ("::ffff:10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("", "198.51.100.1", ""),
    ],
)
def test_the_header_is_read_from_the_right_while_its_writer_is_trusted(peer: str, forwarded: str, client: str) -> None:
    assert seen(peer, forwarded) == client


def behind(service: Service, *trusted: str) -> Flask:
    return create_app(dataclasses.replace(service.settings, trusted_proxies=trusted, ratelimit_enabled=True))


def remaining(client: FlaskClient, forwarded: str) -> int:
    answer = client.get("/api/v1/notebooks?public=true", headers={"X-Forwarded-For": forwarded})
    return int(answer.headers["X-RateLimit-Remaining"])


def test_clients_behind_a_trusted_proxy_are_counted_apart(service: Service) -> None:
    client = behind(service, "127.0.0.0/8").test_client()
    counts = [remaining(client, address) for address in ("198.51.100.1", "198.51.100.2", "198.51.100.1")]
    assert counts == [counts[0], counts[0], counts[0] - 1]


def test_by_default_nobody_escapes_a_limit_by_a_header(service: Service) -> None:
    client = behind(service).test_client()
    counts = [remaining(client, f"198.51.100.{n}") for n in range(3)]
    assert counts == [counts[0], counts[0] - 1, counts[0] - 2]


def test_strict_transport_is_asked_for_when_a_trusted_proxy_spoke_tls(service: Service) -> None:
    def header(app: Flask, proto: str, path: str = "/healthz") -> str | None:
        return (
            app.test_client().get(path, headers={"X-Forwarded-Proto": proto}).headers.get("Strict-Transport-Security")
        )

    trusting, not_trusting = behind(service, "127.0.0.1"), behind(service)
    assert header(trusting, "https") == "max-age=31536000"
    assert header(trusting, "https", "/internal/login") == "max-age=31536000"
    assert header(trusting, "http, https")
    assert [header(trusting, proto) for proto in ("http", "https, http", "")] == [None] * 3
    assert header(not_trusting, "https") is None
    assert header(behind(service, "10.0.0.0/8"), "https") is None


def test_the_dashboards_login_works_behind_tls(service: Service) -> None:
    """Its check for requests of other sites compares the origin with our own, scheme included."""
    chief = administrator(service)
    form = {"email": chief.email, "password": PASSWORD}
    headers = {"X-Forwarded-Proto": "https", "Origin": "https://localhost", "Sec-Fetch-Site": "same-origin"}
    entered = behind(service, "127.0.0.1").test_client().post("/internal/login", data=form, headers=headers)
    assert entered.status_code == 302
    refused = behind(service).test_client().post("/internal/login", data=form, headers=headers)
    assert refused.status_code == 403
