"""Clients that take their time: they send a byte a second, or ask for much and read nothing."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Self

SECOND = 1.0


def opened(port: int, sent: bytes, address: str = "127.0.0.1") -> socket.socket:
    """A connection from this address that has sent this and takes in next to nothing by itself."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.settimeout(30)
    made.bind((address, 0))
    made.connect(("127.0.0.1", port))
    made.sendall(sent)
    return made


def head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


class Senders:
    """``many`` connections that send ``body`` a byte a second, for as long as the block lasts."""

    def __init__(self, port: int, many: int, path: str, body: bytes, *lines: str, address: str = "127.0.0.1") -> None:
        start = head("POST", path, "Content-Type: application/json", f"Content-Length: {len(body)}", *lines)
        self.sockets = [opened(port, start + body[:1], address) for _ in range(many)]
        self._body = body
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._drip, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        close(self.sockets)

    def _drip(self) -> None:
        for at in range(1, len(self._body)):
            if self._ended.wait(SECOND):
                return
            for each in self.sockets:
                with contextlib.suppress(OSError):
                    each.send(self._body[at : at + 1])

    def closed(self) -> int:
        """How many the other side has closed or answered."""
        return len(readable(self.sockets))


class Readers:
    """``many`` connections that have asked for ``path`` and read nothing."""

    def __init__(self, port: int, many: int, path: str, *lines: str, address: str = "127.0.0.1") -> None:
        self.sockets = [opened(port, head("GET", path, *lines), address) for _ in range(many)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        close(self.sockets)


def readable(sockets: Iterable[socket.socket]) -> list[socket.socket]:
    with selectors.DefaultSelector() as selector:
        for each in sockets:
            selector.register(each, selectors.EVENT_READ)
        return [key.fileobj for key, _ in selector.select(0)]  # type: ignore[misc]


def close(sockets: Iterable[socket.socket]) -> None:
    for each in sockets:
        each.close()
