"""Who is silent for half a minute is let go, whichever way; who is slow is not."""

import contextlib
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from deploy.embedded import EmbeddedServices
from infra.settings import Settings
from tests.chaos.system import System, until
from tests.e2e.test_nginx import SIGN_IN, author, json_of, large, status_of
from tests.slow import head, opened

__all__ = ["author", "large"]

SILENCE = 30.0
# nginx looks at its timers when it has something to do, and the machine may be busy.
LATE = 15.0
ESTABLISHED = 1
# What a telephone takes at the edge of its network.
BYTES_A_SECOND = 2_000


@pytest.fixture(scope="module")
def system(servers: EmbeddedServices, settings: Settings) -> Iterator[System]:
    with System(servers, programs=("api", "nginx")) as running:
        yield running


def is_open(connection: socket.socket) -> bool:
    """Whether the other side still holds it; what has come may wait to be read."""
    (state,) = struct.unpack("B", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1))
    return bool(state == ESTABLISHED)


class Slow:
    """Connections that send a byte of a body now and then, or read a little."""

    def __init__(self, port: int, picture: str, page: str, token: str) -> None:
        self.sender = opened(port, head("POST", "/api/v1/auth/login", *json_of(SIGN_IN)) + SIGN_IN[:1])
        self.readers = [opened(port, head("GET", path, token)) for path in (picture, page)]
        self.sent, self.read = 1, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def __enter__(self) -> "Slow":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        for each in (self.sender, *self.readers):
            each.close()

    def _go_on(self) -> None:
        while not self._ended.wait(1.0):
            with contextlib.suppress(OSError):
                self.sender.sendall(SIGN_IN[self.sent : self.sent + 1])
                self.sent += 1
            for each in self.readers:
                with contextlib.suppress(OSError):
                    self.read += len(each.recv(BYTES_A_SECOND))


def test_who_is_silent_for_half_a_minute_is_let_go_and_who_is_slow_is_not(
    system: System, author: httpx.Client, large: str
) -> None:
    notebook = author.post("/notebooks", json={"title": "Long"}).json()["id"]
    sent = {"title": "Long", "content": "a word " * 140_000}
    page = f"/api/v1/notebooks/{notebook}/pages/" + author.post(f"/notebooks/{notebook}/pages", json=sent).json()["id"]
    token = f"Authorization: {author.headers['Authorization']}"
    upload = head(
        "POST",
        "/api/v1/uploads/images",
        token,
        "Content-Type: multipart/form-data; boundary=x",
        "Content-Length: 9000000",
    )
    save = head("PUT", page, token, *json_of(json.dumps(sent).encode()))
    silent = {
        "a body of which a byte came": opened(
            system.port, head("POST", "/api/v1/auth/login", *json_of(SIGN_IN)) + b"{"
        ),
        "a body of which nothing came": opened(system.port, save),
        "an upload that stops half-way": opened(system.port, upload + os.urandom(400_000)),
        "a picture of which nothing is read": opened(system.port, head("GET", large)),
        "a page of which nothing is read": opened(system.port, head("GET", page, token)),
    }
    began = time.monotonic()
    with Slow(system.port, large, page, token) as slow:
        open_for: dict[str, float] = {}

        def all_let_go() -> bool:
            for name, each in silent.items():
                if name not in open_for and not is_open(each):
                    open_for[name] = time.monotonic() - began
            return open_for.keys() == silent.keys()

        until(all_let_go, SILENCE + LATE, f"an end of them all: {open_for}")
        assert min(open_for.values()) > SILENCE - 1, open_for
        until(lambda: time.monotonic() > began + 1.5 * SILENCE, SILENCE + LATE, "half as long again")
        assert [is_open(each) for each in (slow.sender, *slow.readers)] == [True] * 3, "who is slow is not silent"
        assert slow.sent > SILENCE
        assert slow.read > SILENCE * BYTES_A_SECOND
        slow.sender.sendall(SIGN_IN[slow.sent :])
        assert status_of(slow.sender) in (400, 401, 422), "it is answered in the end"
    for each in silent.values():
        each.close()
