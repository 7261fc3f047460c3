"""What a stranger may send, and what it costs to refuse it."""

import dataclasses
import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image
from werkzeug.test import create_environ, run_wsgi_app

from api import create_app
from api.bodies import MOST_BODY_BYTES, MOST_SIGN_IN_BYTES
from api.schemas.accounts import RESERVED
from api.uploads import MOST_UPLOAD_BYTES
from infra.objects import Store
from tests.integration.signing_in import administrator, device, sign_in
from tests.service import PASSWORD, Author, Service

JSON = {"Content-Type": "application/json"}
HALF_A_SECOND = 0.5


# --- bodies -----------------------------------------------------------------------------------------------------------


class Unread:
    """A body that must not be looked at."""

    def read(self, *_: Any) -> bytes:
        raise AssertionError("it was read")


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/api/v1/auth/login", MOST_SIGN_IN_BYTES),
        ("/api/auth/register", MOST_SIGN_IN_BYTES),
        ("/api/v1/auth/refresh", MOST_SIGN_IN_BYTES),
        ("/api/v1/notebooks", MOST_BODY_BYTES),
        ("/api/v1/uploads/images", MOST_UPLOAD_BYTES),
        ("/healthz", MOST_BODY_BYTES),
        ("/internal/login", 16 * 1024),
    ],
)
def test_a_body_that_is_too_large_is_refused_unread(service: Service, path: str, most: int) -> None:
    """In the application itself, for those who run it without nginx."""
    environ = {"wsgi.input": Unread(), "CONTENT_LENGTH": str(most + 1)}
    kind = "application/x-www-form-urlencoded" if "internal" in path else "application/json"
    answer = service.client().post(path, environ_overrides=environ, content_type=kind)
    assert answer.status_code == 413


def test_a_body_of_unknown_length_is_read_no_further_than_it_may_be(service: Service) -> None:
    class Endless(io.RawIOBase):
        given = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            self.given += len(buffer)
            assert self.given < 2**20, "it is read on and on"
            return len(buffer)

    environ = create_environ("/api/v1/auth/login", method="POST", headers={**JSON, "Transfer-Encoding": "chunked"})
    environ |= {"wsgi.input": Endless(), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    answer = run_wsgi_app(service.app, environ)
    assert answer[1].startswith("413")


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({str(n): 0 for n in range(600_000)}),
        json.dumps({"title": [[]] * 2_000_000}),
        json.dumps({"metadata": {"a": "," * 7_000_000, "b": list(range(10_001))}}),
        '{"title":' * 33 + "0" + "}" * 33,
        '{"title":' + "[" * 4_000_000,
    ],
)
def test_too_many_members_or_levels_are_refused_at_little_cost(service: Service, body: str) -> None:
    author = service.author()
    sent = body.encode()
    began = time.process_time()
    answer = author.ask("POST", "/notebooks", expect=422, data=sent, headers=JSON)
    assert time.process_time() - began < HALF_A_SECOND
    assert len(answer.data) < 2000
    assert "at most 10000" in answer.text or "32 levels" in answer.text


@pytest.mark.parametrize("path", ["/auth/login", "/auth/register"])
def test_at_most_twenty_errors_are_listed(service: Service, path: str) -> None:
    sent = {f"{n}-" + "x" * 300: 0 for n in range(40)}
    answer = service.anyone().ask("POST", path, expect=422, json=sent)
    assert len(answer.get_json()["errors"]) == 20
    assert "first 20" in answer.get_json()["detail"]
    assert len(answer.data) < 8000


def test_a_large_metadata_with_few_members_is_none_too_many(service: Service) -> None:
    made = service.author().notebook(metadata={"list": [0] * 9_000, "text": ",[" * 15_000})
    assert len(made["metadata"]["list"]) == 9_000


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*sorted(RESERVED), "Admin", "ROOT", "SinPluma"])
def test_nobody_takes_a_name_that_speaks_for_the_service(service: Service, name: str) -> None:
    sent = {"username": name, "email": "a@example.org", "password": PASSWORD}
    assert "username" in service.anyone().post("/auth/register", sent, expect=422)["errors"]


@pytest.mark.parametrize("letter", ["\n", "\t", "\x7f", "\x85", "\u202e", "\u2066", "\u200f", "\u061c", "\u2028"])
def test_a_display_name_has_no_control_or_direction_characters(service: Service, letter: str) -> None:
    author = service.author()
    refused = author.put(f"/users/{author.id}", {"display_name": f"Ada{letter}adA"}, expect=422)
    assert "display_name" in refused["errors"]


@pytest.mark.parametrize("name", ["Ada", "أدا", "아다", "👩‍👩‍👧", "José María", "O’Neill-Søn"])
def test_a_display_name_may_be_written_in_any_script(service: Service, name: str) -> None:
    author = service.author()
    assert author.put(f"/users/{author.id}", {"display_name": name})["display_name"] == name


@pytest.mark.parametrize("email", [" a@example.org", "a@example.org ", "a@example.org\u2003", "e\u0301@example.org"])
def test_an_address_is_written_in_one_way(service: Service, email: str) -> None:
    sent = {"username": "someone", "email": email, "password": PASSWORD}
    assert "email" in service.anyone().post("/auth/register", sent, expect=422)["errors"]
    wrong = {"email": email, "password": PASSWORD}
    assert "email" in service.anyone().post("/auth/login", wrong, expect=422)["errors"]


@pytest.mark.parametrize("blanks", ["%20", "%20%20", "%09", "%C2%A0"])
def test_an_id_with_blanks_behind_it_is_no_id(service: Service, blanks: str) -> None:
    author = service.author()
    notebook = author.notebook()
    page = author.page(notebook["id"])
    author.get(f"/users/{author.id}{blanks}", expect=404)
    author.get(f"/notebooks/{notebook['id']}{blanks}", expect=404)
    author.get(f"/pages/{page['id']}{blanks}/revisions", expect=404)
    author.get(f"/search?q=words&notebook_id={notebook['id']}{blanks}", expect=422)
    sent = {"page_ids": [page["id"] + " "]}
    author.put(f"/notebooks/{notebook['id']}/pages/order", sent, expect=422)
    author.put(f"/users/{author.id}", {"avatar_image_id": "0" * 32 + " "}, expect=422)


# --- refresh ----------------------------------------------------------------------------------------------------------


def test_a_key_does_not_let_a_spent_token_live_on(service: Service) -> None:
    """Its stored answer is for an answer that got lost, so as long as the token itself may come again."""
    who = device(service)
    spent = who.refresh
    first = who.renew(spent, key="once")
    assert who.renew(spent, key="once").get_json() == first.get_json(), "within the time of a retry"
    who.take(first)
    who.take(who.renew())
    assert who.renew(spent, key="once").status_code == 401
    assert who.status() == 401, "its whole session is over"


def test_a_key_does_not_prolong_the_time_of_a_retry(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    who = device(service)
    spent = who.refresh
    who.take(who.renew(spent, key="once"))
    monkeypatch.setattr("domain.session.RETRY", timedelta(seconds=-1))
    assert who.renew(spent, key="once").status_code == 401
    assert who.status() == 401


# --- registration -----------------------------------------------------------------------------------------------------


def test_where_registration_is_closed_only_administrators_make_accounts(service: Service) -> None:
    chief, someone = administrator(service), device(service)
    closed = create_app(dataclasses.replace(service.settings, registration_open=False)).test_client()

    def register(name: str, token: str | None) -> int:
        sent = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return closed.post("/api/v1/auth/register", json=sent, headers=headers).status_code

    assert register("stranger", None) == 403
    assert register("other", someone.access) == 403
    assert register("forger", "nonsense") == 401
    assert register("guest", chief.access) == 201
    assert sign_in(service.app, "guest@example.org").status_code == 200


# --- quotas -----------------------------------------------------------------------------------------------------------


def with_quotas(service: Service, **quotas: Any) -> Author:
    who = device(service)
    who.app = create_app(dataclasses.replace(service.settings, **quotas))
    return who.author()


def picture(color: str) -> dict[str, Any]:
    Image.new("RGB", (300, 300), color).save(file := io.BytesIO(), "PNG")
    return {"file": (io.BytesIO(file.getvalue()), "a.png")}


def test_a_notebook_too_many_is_refused_also_when_many_are_begun_at_once(service: Service) -> None:
    author = with_quotas(service, quota_notebooks=5)
    headers = {"Authorization": f"Bearer {author.token}"}

    def begin(_: int) -> int:
        client = author.client.application.test_client()
        return client.post("/api/v1/notebooks", json={"title": "One more"}, headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(begin, range(12))) == [201] * 5 + [403] * 7
    refused = author.post("/notebooks", {"title": "One more"}, expect=403)
    assert refused["title"] == "Quota exceeded"
    assert (refused["quota"], refused["limit"], refused["used"]) == ("notebooks", 5, 5)
    author.delete(f"/notebooks/{author.get('/notebooks')['items'][0]['id']}")
    author.post("/notebooks", {"title": "The trash counts"}, expect=403)
    service.author().notebook("Someone else's are not counted")


def test_a_picture_too_much_is_refused_and_nothing_of_it_is_stored(service: Service) -> None:
    kept = with_quotas(service).post("/uploads/images", data=picture("red"))["bytes"]
    author = with_quotas(service, quota_picture_bytes=kept + 10)
    first = author.post("/uploads/images", data=picture("red"))
    store = Store(service.settings)
    before = {each.key for each in store.under("")}
    refused = author.post("/uploads/images", data=picture("blue"), expect=403)
    assert (refused["quota"], refused["limit"], refused["used"]) == ("picture_bytes", kept + 10, first["bytes"])
    assert {each.key for each in store.under("")} == before
    assert author.get("/uploads/images")["total"] == 1
    author.delete(f"/uploads/images/{first['id']}")
    author.post("/uploads/images", data=picture("blue"))


def test_no_quota_is_no_limit(service: Service) -> None:
    author = with_quotas(service, quota_notebooks=0, quota_picture_bytes=0)
    author.notebook()
    author.post("/uploads/images", data=picture("red"))
