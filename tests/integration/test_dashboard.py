"""rq-dashboard is for administrators alone, and nothing in it changes by a link or from another site."""

import dataclasses
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from rq.serializers import resolve_serializer

from api import create_app
from api.dashboard import PREFIX, create_dashboard
from events.subscriptions import REACTIONS
from infra import broker
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


def test_a_link_that_is_only_looked_at_changes_nothing(service: Service) -> None:
    admin = admin_of(service)
    browser = service.client()
    log_in(browser, admin.name)
    for method in ("GET", "HEAD"):
        assert browser.open(f"{QUEUES}requeue/update-views", method=method).status_code == 405
    assert browser.head("/internal/logout").status_code == 405
    assert browser.get(QUEUES).status_code == 200


# --- nothing in Redis is executed -------------------------------------------------------------------------------------


def bomb_at(path: Path) -> bytes:
    """What makes this folder when it is unpickled."""
    return f"cos\nmkdir\n(V{path}\ntR.".encode()


@pytest.fixture
def trap(service: Service, tmp_path: Path) -> Path:
    """Jobs with a pickle in every field that RQ may decode, in a queue and in its registry of failed ones."""
    path = tmp_path / "sprung"
    bomb = bomb_at(path)
    for job_id in ("trap", "trap2"):
        fields: Any = {"data": bomb, "meta": bomb, "result": bomb, "origin": "update-views", "status": "failed"}
        fields |= {"created_at": "2026-01-01T00:00:00.000000Z", "description": "x", "exc_info": bomb}
        service.redis.hset(f"rq:job:{job_id}", mapping=fields)
        service.redis.xadd(f"rq:results:{job_id}", {"type": 1, "created_at": 1, "return_value": bomb})
        service.redis.zadd("rq:failed:update-views", {job_id: 2**40})
    service.redis.sadd("rq:queues", "rq:queue:update-views")
    service.redis.rpush("rq:queue:update-views", "trap")
    service.redis.sadd("rq:workers", "rq:worker:w")
    service.redis.hset("rq:worker:w", mapping={"queues": "update-views", "current_job": "trap", "birth": "x"})
    return path


def test_no_page_and_no_action_of_the_dashboard_executes_what_lies_in_redis(service: Service, trap: Path) -> None:
    admin = admin_of(service)
    browser = service.client()
    log_in(browser, admin.name)
    values = {"int:instance_number": "0", "queue_name": "update-views", "job_id": "trap", "registry_name": "failed"}
    values |= {"int:per_page": "8", "per_page": "8", "order": "asc", "int:page": "1", "page": "1"}
    values["path:filename"] = "css/main.css"
    rules = create_dashboard(service.app.extensions["sinpluma"]).url_map.iter_rules()
    # What deletes goes last, for the others to find it.
    for rule in sorted(rules, key=lambda rule: ("delete" in rule.rule) + 2 * ("empty" in rule.rule)):
        if rule.endpoint == "log_out":
            continue
        path = PREFIX + re.sub("<([^>]+)>", lambda found: values[found[1]], rule.rule)
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            answer = browser.open(path, method=method)
            assert answer.status_code < 500, f"{method} {path} answered {answer.status_code}"
            assert not trap.exists(), f"{method} {path} executed what lay in Redis"


def test_a_reset_job_is_not_executed_when_all_failed_ones_are_requeued(service: Service, trap: Path) -> None:
    admin = admin_of(service)
    headers = {"Authorization": f"Bearer {admin.token}"}
    for path in ("requeue/update-views", "job/trap/requeue", "queue/update-views/failed/empty"):
        assert admin.client.post(f"{QUEUES}{path}", headers=headers).status_code < 500
    service.work()
    assert not trap.exists()


def test_rq_has_no_way_left_to_unpickle(service: Service, tmp_path: Path) -> None:
    """Whatever it is asked for, and whatever comes with the next rq-dashboard."""
    bomb = bomb_at(tmp_path / "sprung")
    for named in (None, "pickle"):
        with pytest.raises(ValueError, match="Expecting value"):
            resolve_serializer(named).loads(bomb)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "path",
    [
        "7/view/queues",
        "0/view/job/nothing",
        "0/data/job/nothing.json",
        "0/view/jobs/update-views/nonsense/8/asc/1",
        "0/data/jobs/update-views/nonsense/8/asc/1.json",
        "0/data/jobs/update-views/queued/x/asc/1.json",
        "0/data/jobs/update-views/queued/8/asc/0x1.json",
        "0/data/jobs/update-views/queued/99999/asc/1.json",
        "0/data/jobs/update-views/queued/8/sideways/1.json",
        "nothing",
    ],
)
def test_what_is_not_there_is_404(service: Service, path: str) -> None:
    admin = admin_of(service)
    answer = admin.client.get(f"{QUEUES}{path}", headers={"Authorization": f"Bearer {admin.token}"})
    assert answer.status_code == 404
    assert "Traceback" not in answer.get_data(as_text=True)


def test_every_queue_can_be_looked_at(service: Service) -> None:
    admin = admin_of(service)
    headers = {"Authorization": f"Bearer {admin.token}"}
    broker.queue(service.redis, REACTIONS[0])
    for registry in ("queued", "failed", "deferred", "started", "finished", "scheduled", "canceled"):
        listed = admin.client.get(f"{QUEUES}0/data/jobs/{REACTIONS[0]}/{registry}/8/dsc/1.json", headers=headers)
        assert listed.status_code == 200


# --- the operators' cookie --------------------------------------------------------------------------------------------


def cookie_of(client: FlaskClient, name: str, **headers: str) -> str:
    form = {"email": f"{name}@example.org", "password": PASSWORD}
    return client.post("/internal/login", data=form, headers=headers).headers["Set-Cookie"]


def test_the_cookie_is_secure_behind_tls_and_ends_after_twelve_hours(service: Service) -> None:
    admin = admin_of(service)
    plain = cookie_of(service.client(), admin.name)
    assert {"HttpOnly", "SameSite=Strict", "Path=/internal"} <= set(plain.split("; "))
    assert "Secure" not in plain
    behind = create_app(dataclasses.replace(service.settings, trusted_proxies=("127.0.0.1",)))
    over_tls = cookie_of(behind.test_client(), admin.name, **{"X-Forwarded-Proto": "https"})
    assert "Secure" in over_tls.split("; ")


def test_the_session_is_over_twelve_hours_after_signing_in(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.dashboard.SIGNED_IN_FOR", timedelta(seconds=-1))
    admin = admin_of(service)
    impatient = create_app(service.settings).test_client()
    log_in(impatient, admin.name)
    assert impatient.get(QUEUES).headers["Location"] == "/internal/login"
    browser = service.client()
    log_in(browser, admin.name)
    assert "Set-Cookie" not in browser.get(QUEUES).headers, "to be busy makes it last no longer"


def test_signing_out_ends_the_session_for_every_copy_of_the_cookie(service: Service) -> None:
    admin = admin_of(service)
    browser, thief = service.client(), service.client()
    stolen = cookie_of(browser, admin.name).partition(";")[0].partition("=")[2]
    thief.set_cookie("sinpluma_operator", stolen, path="/internal")
    assert thief.get(QUEUES).status_code == 200
    elsewhere = browser.post("/internal/logout", headers={"Origin": "https://elsewhere.example"})
    assert elsewhere.status_code == 403
    assert browser.post("/internal/logout").headers["Location"] == "/internal/login"
    for client in (browser, thief):
        assert client.get(QUEUES).headers["Location"] == "/internal/login"
    assert browser.post("/internal/logout").status_code == 303, "once more does no harm"


def test_the_login_page_takes_no_large_body(service: Service) -> None:
    refused = service.client().post("/internal/login", data={"email": "a" * 20_000, "password": "x"})
    assert refused.status_code == 413
