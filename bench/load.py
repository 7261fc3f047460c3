"""Makes load: keep-alive connections on raw sockets, one thread, hardly any work of its own.

An HTTP library costs more than the service that it asks; on few processors that is what one would measure.
"""

import itertools
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.figures import Turn

END_OF_HEAD = b"\r\n\r\n"
SILENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Plan:
    """``requests``, for each connection, are sent one after the other, over and over, ``times`` in all. Every answer
    must begin with ``expect``."""

    requests: Sequence[Sequence[bytes]]
    times: int
    expect: bytes = b"HTTP/1.1 200"


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """The bytes of a request. Underscores in the names of headers are dashes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Connection:
    def __init__(self, host: str, port: int, requests: Sequence[bytes], expect: bytes) -> None:
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests = requests
        self._expect = expect
        self._sent = 0
        self._sent_at = 0.0
        self._got = b""
        # How long each answer took, in seconds.
        self.latencies: list[float] = []

    def send(self) -> None:
        self._sent_at = time.monotonic()
        self.socket.sendall(self._requests[self._sent % len(self._requests)])
        self._sent += 1

    def receive(self) -> bool:
        """Whether the answer is complete."""
        self._got += self.socket.recv(262144)
        head_ends = self._got.find(END_OF_HEAD)
        if head_ends < 0 and self._got:
            return False
        if not self._got.startswith(self._expect):
            raise RuntimeError(f"expected {self._expect!r}, got {self._got[:500]!r}")
        if len(self._got) < head_ends + len(END_OF_HEAD) + _length(self._got[:head_ends]):
            return False
        self._got = b""
        self.latencies.append(time.monotonic() - self._sent_at)
        return True


def _length(head: bytes) -> int:
    if head.startswith(b"HTTP/1.1 304"):
        return 0
    before, found, after = head.lower().partition(b"content-length:")
    if not found:
        raise RuntimeError(f"an answer without a length: {before!r}")
    return int(after.partition(b"\r\n")[0])


def run(host: str, port: int, plan: Plan) -> Turn:
    connections = [Connection(host, port, requests, plan.expect) for requests in plan.requests]
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        began = time.monotonic()
        _exchange(selector, connections, plan.times)
        seconds = time.monotonic() - began
    for connection in connections:
        connection.socket.close()
    return Turn(plan.times, seconds, tuple(itertools.chain.from_iterable(each.latencies for each in connections)))


def _exchange(selector: selectors.BaseSelector, connections: Sequence[Connection], times: int) -> None:
    for connection in connections:
        connection.send()
    sent, done = len(connections), 0
    while done < times:
        ready = selector.select(SILENCE_SECONDS)
        if not ready:
            raise TimeoutError(f"no answer for {SILENCE_SECONDS:.0f} s after {done} requests")
        for key, _ in ready:
            if key.data.receive():
                done += 1
                if sent < times:
                    key.data.send()
                    sent += 1
