"""What administrators see and change, and that nobody else does."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from api import create_app
from domain.user import users
from events.deliveries import deliveries
from events.log import outbox
from operate.admins import ADMIN_PASSWORD as PASSWORD_VARIABLE
from operate.admins import NotAdmitted, create_admin
from tests.integration.signing_in import Device, administrator, device, registered, sign_in
from tests.service import PASSWORD, Service

ROUTES = [
    ("GET", "/admin/users", None),
    ("PUT", "/admin/users/{id}", {"role": "admin"}),
    ("GET", "/admin/deliveries", None),
    ("POST", "/admin/deliveries/update-views.1/retry", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_only_administrators_get_in(service: Service, method: str, path: str, body: Any) -> None:
    who = device(service)
    path = path.format(id=who.user["id"])
    assert service.client().open(f"/api/v1{path}", method=method, json=body).status_code == 401
    assert who.ask(method, path, json=body).status_code == 403
    assert who.ask("GET", "/users/me").get_json()["role"] == "user"


def test_users_are_listed_newest_first_and_found_by_name_or_address(service: Service) -> None:
    emails = [registered(service, name) for name in ("anna", "bert", "hanna_b")]
    chief = administrator(service)

    def found(query: str) -> list[str]:
        return [each["email"] for each in chief.author().get(f"/admin/users?{query}")["items"]]

    assert found("") == [chief.email, *reversed(emails)]
    assert found("q=ANNA") == [emails[2], emails[0]]
    assert found("q=bert%40example") == [emails[1]]
    assert found("q=_b") == [emails[2]], "an underscore is a letter, not a wildcard"
    assert found("q=%25") == []
    listing = chief.author().get("/admin/users?per_page=1&page=2")
    assert (listing["total"], listing["pages"], len(listing["items"])) == (4, 4, 1)
    assert set(listing["items"][0]) == {
        *("id", "username", "display_name", "bio", "avatar_url", "created_at", "email", "role", "disabled"),
    }
    assert chief.ask("GET", "/admin/users?per_page=101").status_code == 422


def test_an_administrator_sees_the_address_and_role_in_every_profile(service: Service) -> None:
    chief, who = administrator(service), device(service)
    assert chief.author().get(f"/users/{who.user['id']}")["email"] == who.email


def test_a_disabled_user_is_out_everywhere_at_once_and_back_when_enabled(service: Service) -> None:
    elsewhere = create_app(service.settings)
    chief, who = administrator(service), device(service)
    path = f"/admin/users/{who.user['id']}"
    for _ in range(10):
        there = Device(
            elsewhere, who.email, {"user": who.user, "access_token": who.access, "refresh_token": who.refresh}
        )
        assert (who.status(), there.status()) == (200, 200)
        assert chief.author().put(path, {"disabled": True})["disabled"] is True
        assert (there.status(), who.status(), who.renew().status_code) == (401, 401, 401)
        assert sign_in(service.app, who.email).status_code == 401
        assert chief.author().put(path, {"disabled": False})["disabled"] is False
        assert who.status() == 401, "what ended stays ended"
        who = device(service, who.email)


def test_a_new_role_counts_at_once_everywhere(service: Service) -> None:
    elsewhere = create_app(service.settings)
    chief, who = administrator(service), device(service)
    there = Device(elsewhere, who.email, {"user": who.user, "access_token": who.access, "refresh_token": who.refresh})
    for role, status in (("admin", 200), ("user", 403)) * 5:
        assert there.ask("GET", "/users/me").status_code == 200
        assert chief.author().put(f"/admin/users/{who.user['id']}", {"role": role})["role"] == role
        assert there.ask("GET", "/admin/users").status_code == status


def test_the_last_administrator_can_not_be_lost(service: Service) -> None:
    chief = administrator(service)
    path = f"/admin/users/{chief.user['id']}"
    for change in ({"role": "user"}, {"disabled": True}, {"role": "user", "disabled": True}):
        assert chief.ask("PUT", path, json=change).status_code == 409
    asleep = administrator(service)
    chief.author().put(f"/admin/users/{asleep.user['id']}", {"disabled": True})
    assert chief.ask("PUT", path, json={"role": "user"}).status_code == 409, "a disabled one does not count"
    chief.author().put(f"/admin/users/{asleep.user['id']}", {"disabled": False})
    assert chief.ask("PUT", path, json={"role": "user"}).status_code == 200


def test_two_administrators_who_demote_each_other_at_once_leave_one(service: Service) -> None:
    for _ in range(10):
        pair = [administrator(service) for _ in range(2)]
        with service.engine.begin() as connection:
            ids = [each.user["id"] for each in pair]
            connection.execute(update(users).where(users.c.id.not_in(ids)).values(role="user"))
        with ThreadPoolExecutor(2) as pool:
            answers = pool.map(
                lambda both: both[0].ask("PUT", f"/admin/users/{both[1].user['id']}", json={"role": "user"}),
                [(pair[0], pair[1]), (pair[1], pair[0])],
            )
        # The loser is refused as the last one, or is no administrator any more when their turn comes.
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses in ([200, 403], [200, 409])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("role", "king"),
        ("role", 1),
        ("role", None),
        ("disabled", 1),
        ("disabled", "true"),
        ("disabled", None),
        ("email", "a@b.cd"),
    ],
)
def test_what_can_not_be_set_is_refused_by_name(service: Service, field: str, value: Any) -> None:
    chief, who = administrator(service), device(service)
    answer = chief.ask("PUT", f"/admin/users/{who.user['id']}", json={field: value})
    assert (answer.status_code, list(answer.get_json()["errors"])) == (422, [field])
    assert chief.ask("PUT", "/admin/users/nobody", json={"role": "admin"}).status_code == 404


# --- deliveries


def park(service: Service, reaction: str = "cut-revisions") -> str:
    """A parked delivery of a real event; the id of the event."""
    service.author().notebook()
    service.relay.run_once()
    message = "OperationalError: (1213, 'Deadlock found')\n[SQL: INSERT INTO page_views]\n[parameters: ('my diary')]"
    values = {"state": "parked", "attempts": 8, "error": message, "reaction": reaction}
    with service.engine.begin() as connection:
        event_id = connection.scalar(deliveries.select().with_only_columns(deliveries.c.event_id).limit(1))
        connection.execute(update(deliveries).where(deliveries.c.event_id == event_id).values(values))
    assert event_id
    return event_id


def test_parked_deliveries_are_listed_without_the_statement_that_failed(service: Service) -> None:
    chief = administrator(service)
    event_id = park(service)
    items = chief.author().get("/admin/deliveries")["items"]
    assert [(each["event_id"], each["reaction"], each["state"], each["attempts"]) for each in items] == [
        (event_id, "cut-revisions", "parked", 8)
    ]
    assert items[0]["error"] == "OperationalError: (1213, 'Deadlock found')"
    assert "diary" not in str(items)
    pending = chief.author().get("/admin/deliveries?state=pending")
    assert pending["total"] > 0
    assert {each["state"] for each in pending["items"]} == {"pending"}
    assert chief.ask("GET", "/admin/deliveries?state=done").status_code == 422


def test_a_parked_delivery_that_is_retried_is_handled(service: Service) -> None:
    chief = administrator(service)
    park(service)
    service.drain()
    parked = chief.author().get("/admin/deliveries")["items"][0]
    again = chief.author().post(f"/admin/deliveries/{parked['id']}/retry", expect=200)
    assert (again["id"], again["state"], again["attempts"]) == (parked["id"], "pending", 0)
    service.drain()
    assert chief.author().get("/admin/deliveries")["items"] == []
    chief.author().post(f"/admin/deliveries/{parked['id']}/retry", expect=404)


def test_an_event_that_nobody_knew_is_handed_out_again(service: Service) -> None:
    chief = administrator(service)
    service.drain()
    event_id = park(service, "unrouted")
    chief.author().post(f"/admin/deliveries/unrouted.{event_id}/retry", expect=200)
    with service.engine.connect() as connection:
        assert connection.scalars(outbox.select().with_only_columns(outbox.c.event_id)).all() == [event_id]
    service.drain()
    assert chief.author().get("/admin/deliveries")["items"] == []


@pytest.mark.parametrize("unknown", ["nothing", "update-views.", ".", "update-views." + "0" * 32, "a" * 500, "é.ü"])
def test_an_unknown_delivery_is_absent(service: Service, unknown: str) -> None:
    chief = administrator(service)
    chief.author().post(f"/admin/deliveries/{unknown}/retry", expect=404)


# --- the first administrator


def test_an_existing_account_is_promoted_and_keeps_its_password(service: Service) -> None:
    who = device(service)
    told = create_admin(service.settings, who.email.upper(), agreed=True, keep_password=True)
    assert "administrator" in told
    assert device(service, who.email).user["role"] == "admin"


def test_a_disabled_account_is_let_in_again_when_it_is_made_an_administrator(service: Service) -> None:
    chief, who = administrator(service), device(service)
    chief.author().put(f"/admin/users/{who.user['id']}", {"disabled": True})
    create_admin(service.settings, who.email, agreed=True, keep_password=True)
    assert device(service, who.email).user["role"] == "admin"


def test_a_new_administrator_gets_the_given_password_or_one_that_is_printed(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = create_admin(service.settings, "chief@example.org")
    assert device(service, "chief@example.org", told.rpartition("password: ")[2]).user["role"] == "admin"
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    assert PASSWORD not in create_admin(service.settings, "second@example.org")
    assert device(service, "second@example.org").user["role"] == "admin"


@pytest.mark.parametrize(
    ("email", "password"), [("nobody", PASSWORD), ("a@example.org", "short"), ("a@b.org", "1234567890")]
)
def test_a_new_administrator_keeps_the_rules_of_all_accounts(
    service: Service, monkeypatch: pytest.MonkeyPatch, email: str, password: str
) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, password)
    with pytest.raises(NotAdmitted):
        create_admin(service.settings, email)
    assert sign_in(service.app, email, password).status_code == 401


def test_the_command_line_makes_one(service: Service, servers: Any) -> None:
    environment = {**os.environ, **servers.environ(), PASSWORD_VARIABLE: PASSWORD}
    run = [sys.executable, "run.py", "create-admin"]
    root = Path(__file__).parents[2]
    made = subprocess.run([*run, "chief@example.org"], cwd=root, env=environment, capture_output=True, text=True)
    assert (made.returncode, made.stderr) == (0, "")
    assert device(service, "chief@example.org").user["role"] == "admin"
    refused = subprocess.run([*run, "nobody"], cwd=root, env=environment, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "email" in refused.stderr
