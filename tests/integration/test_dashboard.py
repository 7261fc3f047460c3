"""rq-dashboard is for administrators alone, and nothing in it changes by a link or from another site."""

import pytest
from flask.testing import FlaskClient

from tests.integration.signing_in import administrator
from tests.service import PASSWORD, Author, Service

QUEUES = "/internal/rq/"


def admin_of(service: Service) -> Author:
    return administrator(service).author()


def log_in(client: FlaskClient, name: str, password: str = PASSWORD) -> int:
    form = {"email": f"{name}@example.org", "password": password}
    return client.post("/internal/login", data=form).status_code


def test_an_administrators_token_opens_the_dashboard(service: Service) -> None:
    admin = admin_of(service)
    admin.notebook()
    service.drain()
    answer = admin.client.get(QUEUES, headers={"Authorization": f"Bearer {admin.token}"})
    assert answer.status_code == 200
    listed = admin.client.get(f"{QUEUES}0/data/queues.json", headers={"Authorization": f"Bearer {admin.token}"})
    assert "update-views" in {queue["name"] for queue in listed.get_json()["queues"]}


def test_a_user_and_a_stranger_are_kept_out(service: Service) -> None:
    user = service.author()
    assert user.client.get(QUEUES, headers={"Authorization": f"Bearer {user.token}"}).status_code == 403
    assert user.client.get(QUEUES, headers={"Authorization": "Bearer nonsense"}).status_code == 401
    assert service.client().get(QUEUES).headers["Location"] == "/internal/login"
    assert log_in(service.client(), user.name) == 403


def test_an_administrator_signs_in_with_a_browser(service: Service) -> None:
    admin = admin_of(service)
    browser = service.client()
    assert "form" in browser.get("/internal/login").get_data(as_text=True)
    assert log_in(browser, admin.name, "a wrong password") == 401
    assert log_in(browser, admin.name) == 302
    assert browser.get(QUEUES).status_code == 200


@pytest.mark.parametrize("site", [{"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_another_site_changes_nothing(service: Service, site: dict[str, str]) -> None:
    admin = admin_of(service)
    browser = service.client()
    log_in(browser, admin.name)
    assert browser.post(f"{QUEUES}requeue/update-views", headers=site).status_code == 403
    assert browser.get(f"{QUEUES}requeue/update-views").status_code == 405
