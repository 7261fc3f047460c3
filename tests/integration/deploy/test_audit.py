"""`make check` fails on a known vulnerability, and neither fails nor waits where nobody can be asked."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from deploy.audit import NotAsked, known_there
from infra.settings import CHECKOUT


def audit(url: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "deploy.audit", "--osv-url", url]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=100)


class Advisories(BaseHTTPRequestHandler):
    """What speaks like OSV and knows something about the packages of ``known``."""

    known: ClassVar[dict[str, Any]] = {}
    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = query["package"]["name"]
        self.asked.append(f"{name}=={query['version']}")
        body = json.dumps({"vulns": [self.known[name]]} if name in self.known else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def advisories(**known: Any) -> Iterator[tuple[str, list[str]]]:
    """Its address, and what it was asked for."""
    handler = type("Handler", (Advisories,), {"known": known, "asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query", handler.asked  # type: ignore[attr-defined]
        server.shutdown()


def flaw(name: str, mended: str) -> dict[str, Any]:
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": mended}]}]
    package = {"name": name, "ecosystem": "PyPI"}
    return {"id": f"TEST-{name}", "summary": "Bad.", "affected": [{"package": package, "ranges": ranges}]}


def test_a_known_vulnerability_fails_and_says_what_mends_it() -> None:
    with advisories(flask=flaw("flask", "99.1"), uv=flaw("uv", "99.2")) as (url, _):
        found = audit(url)
    assert found.returncode == 1, found.stdout + found.stderr
    assert "TEST-flask, mended in 99.1" in found.stdout
    assert "TEST-uv, mended in 99.2" in found.stdout, "what only tests and checks use is looked at as well"
    assert "knows of 2 vulnerabilities" in found.stdout


def test_each_package_of_the_locks_is_asked_for_in_its_locked_version() -> None:
    with advisories() as (url, asked):
        found = audit(url)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "knows of 0 vulnerabilities" in found.stdout
    pins = {
        line.split(" ")[0].lower()
        for lock in ("requirements.txt", "requirements-dev.txt", "requirements-node.txt")
        for line in (CHECKOUT / lock).read_text().splitlines()
        if "==" in line and not line.startswith((" ", "#"))
    }
    assert {each.split(";")[0] for each in pins} == set(asked)


def test_an_index_that_knows_no_advisories_has_not_been_asked() -> None:
    skipped: dict[str, object] = {
        "name": "flask",
        "skip_reason": "Dependency not found on PyPI and could not be audited",
    }
    with pytest.raises(NotAsked, match="none of the 2"):
        known_there([skipped, skipped])
    assert known_there([skipped, {"name": "uv", "version": "1", "vulns": []}])


def refused() -> str:
    """A port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/v1/query"


def test_where_nobody_answers_it_says_so_in_one_line_and_fails_nothing() -> None:
    found = audit(refused())
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.startswith("pip-audit: NOT looked up")
    assert "ConnectionError" in found.stdout
    assert len(found.stdout.splitlines()) == 1


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"])
def test_a_service_that_hangs_or_refuses_is_given_up(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        if answer:
            threading.Thread(target=_answer, args=(server, answer), daemon=True).start()
        began = time.monotonic()
        found = audit(f"http://127.0.0.1:{server.getsockname()[1]}/v1/query")
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.startswith("pip-audit: NOT looked up")
    assert time.monotonic() - began < 60


def _answer(server: socket.socket, answer: bytes) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.recv(65536)
            connection.sendall(answer)
