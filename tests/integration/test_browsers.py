"""Sessions of browsers: the refresh token in a cookie, and who may make use of it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.cookies import Morsel, SimpleCookie
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api import create_app
from api.browsers import COOKIE
from tests.integration.signing_in import registered
from tests.service import PASSWORD, Service

HERE = {"Origin": "http://localhost"}


class Browser:
    """One browser with its cookies; each tab sends what the browser has."""

    def __init__(self, client: FlaskClient, email: str) -> None:
        self.client = client
        self.email = email

    def sign_in(self, headers: dict[str, str] = HERE, **more: Any) -> TestResponse:
        body = {"email": self.email, "password": PASSWORD, "cookie": True}
        return self.client.post("/api/v1/auth/login", json=body, headers=headers, **more)

    def refresh(self, headers: dict[str, str] = HERE) -> TestResponse:
        return self.client.post("/api/v1/auth/refresh", headers=headers)

    def logout(self, headers: dict[str, str] = HERE) -> TestResponse:
        return self.client.post("/api/v1/auth/logout", headers=headers)

    def read(self, access_token: str) -> int:
        headers = {"Authorization": f"Bearer {access_token}"}
        return self.client.get("/api/v1/users/me", headers=headers).status_code

    def token(self) -> str | None:
        kept = self.client.get_cookie(COOKIE, path="/api/v1/auth")
        return kept.value if kept else None


def cookie(answer: TestResponse) -> Morsel[str]:
    return SimpleCookie(answer.headers["Set-Cookie"])[COOKIE]


@pytest.fixture
def browser(service: Service) -> Browser:
    return Browser(service.client(), registered(service))


def test_the_refresh_token_is_in_a_cookie_alone(browser: Browser) -> None:
    answer = browser.sign_in()
    assert answer.status_code == 200
    assert set(answer.get_json()) == {"access_token", "token_type", "expires_in", "user"}
    sent = cookie(answer)
    assert (sent["path"], sent["httponly"], sent["samesite"]) == ("/api/v1/auth", True, "Strict")
    assert int(sent["max-age"]) == 30 * 24 * 3600
    assert not sent["secure"]
    assert browser.read(answer.get_json()["access_token"]) == 200


def test_behind_tls_the_cookie_is_secure(service: Service, browser: Browser) -> None:
    behind = create_app(replace(service.settings, trusted_proxies=("127.0.0.1/32",)))
    secure = Browser(behind.test_client(), browser.email)
    proxied = {"X-Forwarded-Proto": "https", "Origin": "https://localhost"}
    assert cookie(secure.sign_in(proxied))["secure"]


def test_the_cookie_refreshes_and_is_replaced(browser: Browser) -> None:
    browser.sign_in()
    first = browser.token()
    answer = browser.refresh()
    assert answer.status_code == 200
    assert set(answer.get_json()) == {"access_token", "token_type", "expires_in"}
    assert browser.token() not in (first, None)
    assert browser.read(answer.get_json()["access_token"]) == 200


@pytest.mark.parametrize(
    "origin", [None, "", "null", "http://evil.example", "http://localhost:81", "http://localhost.evil"]
)
def test_pages_of_other_origins_and_of_none_can_not_use_it(browser: Browser, origin: str | None) -> None:
    access = browser.sign_in().get_json()["access_token"]
    headers = {} if origin is None else {"Origin": origin}
    for answer in (browser.refresh(headers), browser.logout(headers)):
        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers
    assert browser.read(access) == 200
    assert browser.refresh().status_code == 200


def test_a_page_of_another_origin_can_not_sign_a_browser_in(browser: Browser) -> None:
    answer = browser.sign_in({"Origin": "http://evil.example"})
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_the_cookie_opens_nothing_else(service: Service, browser: Browser) -> None:
    browser.sign_in()
    held = {**HERE, "Cookie": f"{COOKIE}={browser.token()}"}
    bare = service.app.test_client(use_cookies=False)
    for path in ("/api/v1/users/me", "/api/v1/notebooks"):
        assert bare.get(path, headers=held).status_code == 401
    assert bare.post("/api/v1/auth/refresh", headers=held).status_code == 200


def test_a_bearer_token_counts_and_not_the_cookie_beside_it(service: Service, browser: Browser) -> None:
    browser.sign_in()
    kept = browser.token()
    body = {"email": registered(service), "password": PASSWORD}
    other = service.client().post("/api/v1/auth/login", json=body).get_json()
    answer = browser.refresh(HERE | {"Authorization": f"Bearer {other['refresh_token']}"})
    assert answer.status_code == 200
    assert "refresh_token" in answer.get_json()
    assert "Set-Cookie" not in answer.headers
    assert browser.refresh(HERE | {"Authorization": "Bearer nonsense"}).status_code == 401
    assert browser.token() == kept
    assert browser.refresh().status_code == 200


def test_two_tabs_refresh_at_once_with_one_rotation_and_both_go_on(service: Service, browser: Browser) -> None:
    browser.sign_in()
    held = {**HERE, "Cookie": f"{COOKIE}={browser.token()}"}

    def tab(_: int) -> TestResponse:
        return service.app.test_client(use_cookies=False).post("/api/v1/auth/refresh", headers=held)

    with ThreadPoolExecutor(2) as tabs:
        answers = list(tabs.map(tab, range(2)))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len({cookie(answer).value for answer in answers}) == 1
    for answer in answers:
        assert browser.read(answer.get_json()["access_token"]) == 200
    browser.client.set_cookie(COOKIE, cookie(answers[0]).value, path="/api/v1/auth")
    assert browser.refresh().status_code == 200


def test_logout_in_one_tab_ends_them_all(browser: Browser) -> None:
    access = [browser.sign_in().get_json()["access_token"], browser.refresh().get_json()["access_token"]]
    stale = browser.token()
    answer = browser.logout()
    assert answer.status_code == 204
    assert cookie(answer).value == ""
    assert browser.token() is None
    assert [browser.read(token) for token in access] == [401, 401]
    assert browser.refresh().status_code == 401
    browser.client.set_cookie(COOKIE, stale or "", path="/api/v1/auth")
    assert browser.refresh().status_code == 401


def test_logout_by_bearer_takes_the_cookie_back_too(browser: Browser) -> None:
    access = browser.sign_in().get_json()["access_token"]
    assert browser.logout(HERE | {"Authorization": f"Bearer {access}"}).status_code == 204
    assert browser.token() is None


def test_a_repeated_sign_in_sends_the_same_cookie_again(browser: Browser) -> None:
    answers = [browser.sign_in(HERE | {"Idempotency-Key": "once"}) for _ in range(2)]
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert cookie(answers[0]).value == cookie(answers[1]).value
