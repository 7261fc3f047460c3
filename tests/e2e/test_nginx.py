"""nginx before the API: who is slow holds up nobody, and what it answers by itself reads like the API's own."""

import contextlib
import io
import json
import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from PIL import Image

from deploy.embedded import EmbeddedServices
from deploy.nginx import PER_ADDRESS
from infra.settings import Settings
from tests.chaos.system import System, until
from tests.service import PASSWORD
from tests.slow import Readers, Senders, head, opened

SLOWEST = 2.0
# They measure how long the others wait.
pytestmark = pytest.mark.alone
SIGN_IN = json.dumps({"email": "nobody@example.org", "password": "x" * 70}).encode()


@pytest.fixture(scope="module")
def system(servers: EmbeddedServices, settings: Settings) -> Iterator[System]:
    with System(servers, programs=("api", "nginx")) as running:
        yield running


@pytest.fixture(scope="module")
def author(system: System) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{system.url}/api/v1", timeout=30) as client:
        account = {"username": "heron", "email": "heron@example.org", "password": PASSWORD}
        assert client.post("/auth/register", json=account).status_code == 201
        token = client.post("/auth/login", json={n: account[n] for n in ("email", "password")}).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


@pytest.fixture(scope="module")
def large(author: httpx.Client) -> str:
    """The address of a picture that hardly shrinks when it is compressed: 9 MB."""
    noise = Image.frombytes("RGB", (1730, 1730), os.urandom(1730 * 1730 * 3))
    noise.save(file := io.BytesIO(), "PNG", compress_level=0)
    answer = author.post("/uploads/images", files={"file": ("noise.png", file.getvalue())})
    assert answer.status_code == 201
    return f"/api/v1/media/{answer.json()['id']}/original"


# --- slow clients -----------------------------------------------------------------------------------------------------


def slowest_answer(system: System, author: httpx.Client, picture: str, seconds: float) -> float:
    """Of three people who read, write, sign in and look at a picture all the time."""

    def use() -> float:
        worst, end = 0.0, time.monotonic() + seconds
        with httpx.Client(base_url=system.url, timeout=30, headers=author.headers) as client:
            while time.monotonic() < end:
                for ask, expected in (
                    (lambda: client.get("/healthz"), 200),
                    (lambda: client.get("/api/v1/notebooks"), 200),
                    (lambda: client.post("/api/v1/notebooks", json={"title": "Meanwhile"}), 201),
                    (lambda: client.get(picture), 200),
                ):
                    began = time.monotonic()
                    assert ask().status_code == expected
                    worst = max(worst, time.monotonic() - began)
        return worst

    with ThreadPoolExecutor(3) as pool:
        return max(each.result() for each in [pool.submit(use) for _ in range(3)])


@pytest.mark.parametrize("many", [40, 200])
def test_slow_senders_and_slow_readers_hold_up_nobody(
    system: System, author: httpx.Client, large: str, many: int
) -> None:
    with Senders(system.port, many, "/api/v1/auth/login", SIGN_IN) as senders, Readers(system.port, many, large):
        assert slowest_answer(system, author, large, seconds=3) < SLOWEST
        assert senders.closed() == 0, "who sends slowly has the time to do so"


def test_senders_of_large_bodies_and_readers_of_long_pages_hold_up_nobody(
    system: System, author: httpx.Client, large: str
) -> None:
    notebook = author.post("/notebooks", json={"title": "Long"}).json()["id"]
    page = author.post(f"/notebooks/{notebook}/pages", json={"title": "Long", "content": "a word " * 140_000}).json()
    token = f"Authorization: {author.headers['Authorization']}"
    body = json.dumps({"title": "x", "content": "y" * 1_000_000}).encode()
    with (
        Senders(system.port, 100, f"/api/v1/notebooks/{notebook}/pages", body, token),
        Readers(system.port, 100, f"/api/v1/notebooks/{notebook}/pages/{page['id']}", token),
    ):
        assert slowest_answer(system, author, large, seconds=2) < SLOWEST


def test_what_comes_slowly_arrives(system: System) -> None:
    """A body in pieces with pauses between them, as over a phone's network."""
    with contextlib.closing(opened(system.port, head("POST", "/api/v1/auth/login", *json_of(SIGN_IN)))) as connection:
        for at in range(0, len(SIGN_IN), 20):
            connection.sendall(SIGN_IN[at : at + 20])
            time.sleep(0.2)
        assert status_of(connection) == 401


def json_of(body: bytes) -> tuple[str, str]:
    return "Content-Type: application/json", f"Content-Length: {len(body)}"


def status_of(connection: socket.socket) -> int:
    return int(connection.recv(4096).split(b" ")[1])


def test_one_address_can_hold_so_many_connections_and_others_notice_nothing(system: System) -> None:
    with Senders(system.port, PER_ADDRESS, "/api/v1/auth/login", SIGN_IN, address="127.0.0.2"):
        refused = asked_from("127.0.0.2", system, "/healthz")
        assert refused.status_code == 429
        assert refused.headers["Retry-After"] == "5"
        assert_is_a_problem(refused)
        assert asked_from("127.0.0.1", system, "/healthz").status_code == 200
    until(lambda: asked_from("127.0.0.2", system, "/healthz").status_code == 200, 10, "the connections to be forgotten")


def asked_from(address: str, system: System, path: str, **headers: str) -> httpx.Response:
    with httpx.Client(transport=httpx.HTTPTransport(local_address=address)) as client:
        return client.get(f"{system.url}{path}", headers=headers)


# --- bodies -----------------------------------------------------------------------------------------------------------


def assert_is_a_problem(answer: httpx.Response) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert body["status"] == answer.status_code
    assert set(body) == {"type", "title", "status", "detail", "request_id"}
    assert answer.headers["X-Request-ID"] == body["request_id"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Security-Policy" in answer.headers
    return body


@pytest.mark.parametrize(
    ("path", "length"),
    [
        ("/api/v1/auth/login", 16 * 1024 + 1),
        ("/api/auth/register", 16 * 1024 + 1),
        ("/api/v1/auth/refresh", 2**40),
        ("/api/v1/%61uth/login", 16 * 1024 + 1),
        ("/internal/login", 300_000_000),
        ("/api/v1/notebooks", 8 * 1024 * 1024 + 1),
        ("/api/v1/uploads/images", 11 * 1024 * 1024 + 1),
        ("/healthz", 2**40),
    ],
)
def test_a_body_that_is_too_large_is_refused_before_it_comes(system: System, path: str, length: int) -> None:
    started = head("POST", path, "Content-Type: application/json", f"Content-Length: {length}")
    with contextlib.closing(opened(system.port, started)) as connection:
        assert status_of(connection) == 413


def test_a_body_of_unknown_length_is_refused_where_it_becomes_too_large(system: System) -> None:
    started = head("POST", "/internal/login", "Transfer-Encoding: chunked")
    with contextlib.closing(opened(system.port, started)) as connection:
        connection.sendall(b"4000\r\n" + b"x" * 0x4000 + b"\r\n1\r\nx\r\n")
        assert status_of(connection) == 413


def test_a_refusal_reads_like_the_apis_own(system: System) -> None:
    body = b"x" * 20_000
    refused = httpx.post(f"{system.url}/api/v1/auth/login", content=body, headers={"X-Request-ID": "mine-1"})
    assert refused.status_code == 413
    assert assert_is_a_problem(refused)["request_id"] == "mine-1"
    assert_is_a_problem(httpx.request("TRACE", f"{system.url}/healthz"))
    insane = httpx.post(f"{system.url}/api/v1/auth/login", content=body, headers={"X-Request-ID": 'a"b'})
    assert assert_is_a_problem(insane)["request_id"] != 'a"b'


def test_what_the_api_refuses_unread_keeps_the_apis_answer(system: System) -> None:
    """It answers at the first look; nginx has megabytes more to hand over."""
    for _ in range(20):
        answer = httpx.post(f"{system.url}/api/v1/notebooks", content=bytes(5_000_000))
        assert answer.status_code == 401


# --- who asks ---------------------------------------------------------------------------------------------------------


def test_figures_are_for_this_machine_and_not_for_whom_a_proxy_speaks(system: System) -> None:
    assert asked_from("127.0.0.1", system, "/metrics").status_code == 200
    for header in ("X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Via", "X-Real-IP"):
        assert asked_from("127.0.0.1", system, "/metrics", **{header: "127.0.0.1"}).status_code == 401


@pytest.mark.parametrize("name", ["X-Sinpluma-Peer", "x-sinpluma-peer", "X_Sinpluma_Peer"])
def test_nobody_says_who_he_is(system: System, name: str) -> None:
    """Were it believed, this would not be this machine any more."""
    assert asked_from("127.0.0.1", system, "/metrics", **{name: "192.0.2.1"}).status_code == 200


def test_one_request_has_the_same_id_everywhere(system: System) -> None:
    answer = httpx.get(f"{system.url}/api/v1/nothing", headers={"X-Request-ID": "a-sane.one"})
    assert answer.headers.get_list("X-Request-ID") == ["a-sane.one"]
    assert httpx.get(f"{system.url}/api/v1/nothing").json()["request_id"]


# --- pictures ---------------------------------------------------------------------------------------------------------


def test_a_picture_that_nginx_serves_is_what_the_api_would_have_answered(system: System, large: str) -> None:
    whole = httpx.get(system.url + large)
    assert (whole.status_code, whole.headers["Content-Type"]) == (200, "image/png")
    assert "immutable" in whole.headers["Cache-Control"]
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    assert whole.headers["X-Request-ID"]
    assert Image.open(io.BytesIO(whole.content)).size == (1730, 1730)
    part = httpx.get(system.url + large, headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, whole.content[5:10])
    known = {"If-None-Match": whole.headers["ETag"]}
    assert httpx.get(system.url + large, headers=known).status_code == 304
    beyond = httpx.get(system.url + large, headers={"Range": "bytes=99999999-"})
    assert beyond.status_code == 416
    alone = httpx.head(system.url + large)
    assert (alone.status_code, alone.content) == (200, b"")
    assert alone.headers["Content-Length"] == whole.headers["Content-Length"]


def test_a_deleted_picture_is_gone_at_once_and_no_other_way_leads_to_it(
    system: System, author: httpx.Client, large: str
) -> None:
    small = Image.new("RGB", (20, 20), "teal")
    small.save(file := io.BytesIO(), "PNG")
    made = author.post("/uploads/images", files={"file": ("a.png", file.getvalue())}).json()
    picture = f"{system.url}/api/v1/media/{made['id']}/original"
    assert httpx.get(picture).status_code == 200
    for path in (f"/.pictures/pictures/{made['id']}/original", "/.refused", "/.pictures/../nginx/nginx.conf"):
        assert httpx.get(system.url + path).status_code == 404
    assert author.delete(f"/uploads/images/{made['id']}").status_code == 204
    assert httpx.get(picture).status_code == 404


def test_a_body_that_there_is_no_room_for_is_to_be_sent_again(system: System, author: httpx.Client) -> None:
    """As on a full disk: nginx can't write it where it keeps large ones."""
    bodies = system.settings.var / "nginx" / "bodies"
    bodies.rename(bodies.with_name("aside"))
    bodies.touch()
    try:
        answer = author.post("/notebooks", json={"title": "x", "description": "y" * 100_000})
    finally:
        bodies.unlink()
        bodies.with_name("aside").rename(bodies)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert author.post("/notebooks", json={"title": "x", "description": "y" * 100_000}).status_code == 422


# --- an API that is away ----------------------------------------------------------------------------------------------


def test_while_the_api_is_away_clients_are_told_to_come_back(system: System) -> None:
    """Last: it stops the API."""
    system.processes.stop("api")
    away = httpx.get(f"{system.url}/api/v1/notebooks?public=true")
    assert away.status_code == 503
    assert away.headers["Retry-After"] == "2"
    assert_is_a_problem(away)
