"""A wire between a client and MySQL that can be cut at the one place that matters: around COMMIT.

It speaks just enough of the protocol to know a COMMIT when it passes, and asks ``at_commit`` what becomes of it.
"""

import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from sqlalchemy import make_url

ROLLBACK = b"\x09\x00\x00\x00\x03ROLLBACK"
PATIENCE = 30.0


class Link:
    """One connection of a client, and the one behind it to the server."""

    def __init__(self, wire: "Wire", client: socket.socket) -> None:
        self.wire = wire
        self.client = client
        self.server = socket.create_connection(wire.server)
        for end in (self.client, self.server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._swallow = False
        self._swallowed = threading.Event()
        for pump in (self._up, self._down):
            threading.Thread(target=pump, daemon=True).start()

    def _up(self) -> None:
        with suppress(OSError):
            while packet := self._packet():
                if packet[4:].upper() == b"\x03COMMIT":
                    self.wire.at_commit()(self, packet)
                else:
                    self.server.sendall(packet)
        self.close()

    def _packet(self) -> bytes:
        head = self._exactly(4)
        return head + self._exactly(int.from_bytes(head[:3], "little")) if head else b""

    def _exactly(self, length: int) -> bytes:
        found = b""
        while len(found) < length:
            if not (more := self.client.recv(length - len(found))):
                return b""
            found += more
        return found

    def _down(self) -> None:
        with suppress(OSError):
            while data := self.server.recv(65536):
                if self._swallow:
                    self._swallowed.set()
                else:
                    self.client.sendall(data)
        self.close()

    def ask_in_secret(self, packet: bytes) -> None:
        """Send it to the server, and keep the reply from the client."""
        self._swallowed.clear()
        self._swallow = True
        self.server.sendall(packet)
        self._swallowed.wait(PATIENCE)
        self._swallow = False

    def cut(self) -> None:
        """The client's end only; the server does not know."""
        with suppress(OSError):
            self.client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for end in (self.client, self.server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


Fate = Callable[[Link, bytes], None]


def passes(link: Link, commit: bytes) -> None:
    link.server.sendall(commit)


def reply_is_lost(link: Link, commit: bytes) -> None:
    """The server commits, and the client never hears of it."""
    link.ask_in_secret(commit)
    link.close()


def never_arrives(link: Link, commit: bytes) -> None:
    """The server sees a connection end, and rolls back."""
    link.close()


def arrives_late(seconds: float) -> Fate:
    """The client's connection is lost, and the server commits after a while: what it holds, it holds until then."""

    def late(link: Link, commit: bytes) -> None:
        link.cut()
        time.sleep(seconds)
        link.ask_in_secret(commit)
        link.close()

    return late


def is_refused(number: int) -> Fate:
    """The server rolls back, and says in this error why: as where certification fails (3101) or the snapshot is old."""

    def refused(link: Link, commit: bytes) -> None:
        link.ask_in_secret(ROLLBACK)
        error = b"\xff" + struct.pack("<H", number) + b"#HY000refused by a test"
        link.client.sendall(len(error).to_bytes(3, "little") + b"\x01" + error)

    return refused


class Wire:
    """``with Wire(database_url) as wire``: ``wire.url`` leads to the same server. ``at_commit`` is asked for the fate
    of each COMMIT; at first all pass."""

    def __init__(self, database_url: str) -> None:
        self._url = make_url(database_url)
        self.server = (str(self._url.host), int(self._url.port or 3306))
        self.at_commit: Callable[[], Fate] = lambda: passes
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._links: list[Link] = []

    @property
    def url(self) -> str:
        there = self._url.set(host="127.0.0.1", port=self._listening.getsockname()[1])
        return there.render_as_string(hide_password=False)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                self._links.append(Link(self, client))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A thread in accept() is not woken by close() alone.
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for link in self._links:
            link.close()
