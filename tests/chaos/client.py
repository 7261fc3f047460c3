"""A client of the HTTP API on one connection, which tells an answer from none."""

import json
import select
import socket
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any, Protocol

from tests.chaos.journal import Verdict

# Longer than the service may take for anything.
PATIENCE = 30.0
NOTHING_CHANGED = "nothing was changed"


@dataclass(frozen=True)
class Answer:
    """``status`` None: there was none, so nobody knows what was done."""

    status: int | None
    headers: dict[str, str]
    body: Any = None

    @property
    def verdict(self) -> Verdict:
        if self.status is None:
            return "unknown"
        # A save on a stale version is kept as a conflict: that is acknowledged too.
        if self.status < 300 or self.status == 412:
            return "ok"
        if self.status == 503 and NOTHING_CHANGED in str(self.body):
            return "refused"
        # 409: the first request with this key may still be under way.
        return "unknown" if self.status >= 500 or self.status == 409 else "refused"


def no_answer(why: Exception) -> Answer:
    return Answer(None, {}, repr(why))


# Nobody listens: the request never left, so nothing of it may ever be there.
NOT_SENT = Answer(503, {}, NOTHING_CHANGED)


def named(headers: dict[str, str], token: str | None) -> dict[str, str]:
    """Headers as they are sent, with the token where there is one."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return sent | {"Authorization": f"Bearer {token}"} if token else sent


class Asks(Protocol):
    """What an author needs of a client."""

    token: str | None

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer: ...


class Client:
    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: HTTPConnection | None = None
        self.token: str | None = None

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send once, bytes as they are and all else as JSON. Underscores in the names of headers are dashes."""
        sent = named(headers, self.token)
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        if self._connection and _is_closed(self._connection):
            self.close()
        try:
            self._connection = self._connection or self._connect()
        except OSError:
            return NOT_SENT
        try:
            return self._exchange(method, f"/api/v1{path}", _content(body), sent)
        except (OSError, HTTPException) as error:
            self.close()
            return no_answer(error)

    def _exchange(self, method: str, path: str, body: str | bytes | None, headers: dict[str, str]) -> Answer:
        connection = self._connection
        assert connection
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.will_close:
            self.close()
        return Answer(answer.status, dict(answer.headers), json.loads(content) if content else None)

    def _connect(self) -> HTTPConnection:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None


class Repeating(Client):
    """As browsers do: when a connection that lay idle breaks under a request that may be repeated (it reads, or has a
    key), the request is sent once more, on a new one. A server may close idle connections when it likes (RFC 9112)."""

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        lay_idle = self._connection is not None
        answer = super().ask(method, path, body, **headers)
        may_repeat = method == "GET" or "Idempotency_Key" in headers
        if answer.status is None and lay_idle and may_repeat:
            return super().ask(method, path, body, **headers)
        return answer


def _is_closed(connection: HTTPConnection) -> bool:
    """Whether the server has closed it since the last answer, as any may: what comes unasked is the end. Libraries of
    HTTP look before they use a connection again; http.client leaves it to whoever calls it."""
    unasked, _, _ = select.select([connection.sock], [], [], 0)
    return bool(unasked)


def _content(body: Any) -> str | bytes | None:
    return body if body is None or isinstance(body, bytes) else json.dumps(body)
