"""Browser applications of other origins."""

import dataclasses

from flask.testing import FlaskClient

from api import create_app
from api.cors import METHODS
from tests.integration.signing_in import device
from tests.service import Service

APP, LOCAL, STRANGER = "https://app.example.org", "http://localhost:3000", "https://evil.example.org"
ALLOWED = {"authorization", "content-type", "if-match", "if-none-match", "idempotency-key", "x-request-id"}
EXPOSED = {
    *("etag", "link", "location", "retry-after", "x-request-id", "idempotency-replayed"),
    *("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),
}


def browser(service: Service) -> FlaskClient:
    return create_app(dataclasses.replace(service.settings, cors_origins=(APP, LOCAL))).test_client()


def preflight(client: FlaskClient, path: str, origin: str, method: str = "PUT"):  # type: ignore[no-untyped-def]
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    return client.options(f"/api/v1{path}", headers=headers | {"Access-Control-Request-Headers": "authorization"})


def names(header: str) -> set[str]:
    return {name.strip().lower() for name in header.split(",")}


def test_a_preflight_is_answered_without_a_token(service: Service) -> None:
    for origin in (APP, LOCAL):
        for path in ("/notebooks/1/pages/2", "/notebooks", "/nothing"):
            answer = preflight(browser(service), path, origin)
            assert (answer.status_code, answer.data) == (204, b"")
            assert answer.headers["Access-Control-Allow-Origin"] == origin
            assert names(answer.headers["Access-Control-Allow-Headers"]) == ALLOWED
            assert int(answer.headers["Access-Control-Max-Age"]) > 0
            assert "Origin" in answer.headers["Vary"]


def test_every_method_of_every_route_is_allowed(service: Service) -> None:
    used = {method for rule in service.app.url_map.iter_rules() for method in rule.methods or ()}
    assert used - {"OPTIONS"} == {method.upper() for method in names(METHODS)}
    answer = preflight(browser(service), "/notebooks", APP)
    assert answer.headers["Access-Control-Allow-Methods"] == METHODS


def test_answers_can_be_read_by_the_origins_that_are_named(service: Service) -> None:
    who = device(service)
    client = browser(service)
    token = {"Authorization": f"Bearer {who.access}"}
    for path, headers, status in (("/users/me", token, 200), ("/users/me", {}, 401), ("/nothing", {}, 404)):
        answer = client.get(f"/api/v1{path}", headers={"Origin": APP, **headers})
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == APP
        assert names(answer.headers["Access-Control-Expose-Headers"]) == EXPOSED
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "origin" in names(answer.headers["Vary"])
    known = client.get("/api/v1/users/me", headers={"Origin": APP, **token}).headers
    again = client.get("/api/v1/users/me", headers={"Origin": APP, "If-None-Match": known["ETag"], **token})
    assert again.status_code == 304
    assert names(again.headers["Vary"]) == {"authorization", "origin"}
    assert again.headers["Access-Control-Allow-Origin"] == APP


def test_other_origins_get_nothing_but_the_warning_to_caches(service: Service) -> None:
    client = browser(service)
    for origin in (STRANGER, "null", "https://app.example.org.evil.org", "http://app.example.org", APP + ":444", ""):
        answers = [client.get("/healthz", headers={"Origin": origin}), preflight(client, "/notebooks", origin)]
        for answer in answers:
            assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
            assert "Origin" in answer.headers["Vary"]
    assert "Origin" in client.get("/healthz").headers["Vary"]


def test_without_the_setting_there_is_no_word_of_it(service: Service) -> None:
    answers = [
        service.client().get("/healthz", headers={"Origin": APP}),
        preflight(service.client(), "/notebooks", APP),
    ]
    for answer in answers:
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
        assert "Origin" not in answer.headers.get("Vary", "")
