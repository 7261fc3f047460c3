"""Errors as a service like Honeybadger gets them: from every kind of process, with the request, without its people."""

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from api import create_app
from infra import logs, reporting
from infra.settings import CHECKOUT, SettingsError, load_settings
from tests.e2e.running import wait_for
from tests.service import NOWHERE, Service

KEY = "a-key-for-reports"
EMAIL = "someone@example.org"


class Endpoint:
    """Takes notices on this machine."""

    def __init__(self) -> None:
        self.notices: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.keys.add(self.headers["X-Api-Key"])
                endpoint.notices.append({"path": self.path, **json.loads(body)})
                self.send_response(201)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def first(self) -> dict[str, Any]:
        wait_for(lambda: self.notices, 20, "a notice")
        assert self.keys == {KEY}
        assert self.notices[0]["path"] == "/v1/notices/"
        return self.notices[0]


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    # A proxy that is nowhere: what is on this machine is not asked through it.
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    made = Endpoint()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def reported(service: Service, endpoint: Endpoint) -> Iterator[Service]:
    """The service in this process, reporting."""
    before = list(logging.root.handlers)
    settings = replace(service.settings, honeybadger_api_key=KEY, honeybadger_endpoint=endpoint.url)
    reporting.begin(settings, "a-test")
    service.app = create_app(settings)
    yield service
    logging.root.handlers[:] = before


def test_a_request_that_fails_is_reported_with_its_id_and_without_its_people(
    reported: Service, endpoint: Endpoint
) -> None:
    author = reported.author()

    def fail() -> str:
        raise RuntimeError(f"(1062, \"Duplicate entry '{EMAIL}' for key 'uq_users_email'\")")

    reported.app.view_functions["health.healthz"] = fail
    answer = reported.client().get(
        "/healthz", headers={"X-Request-ID": "the-request", "Authorization": f"Bearer {author.token}"}
    )
    assert answer.status_code == 500
    notice = endpoint.first()
    assert notice["error"]["class"] == "RuntimeError"
    assert "Duplicate entry" in notice["error"]["message"]
    assert (
        notice["request"]["context"] | {"request_id": "the-request", "process": "a-test"}
        == notice["request"]["context"]
    )
    assert any(line["method"] == "fail" for line in notice["error"]["backtrace"])
    everything = json.dumps(notice)
    assert [
        word for word in (EMAIL, str(author.token), str(author.id), "Authorization", "Cookie") if word in everything
    ] == []


def test_an_error_in_the_child_of_a_worker_is_reported_before_it_ends(reported: Service, endpoint: Endpoint) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            logs.request_id.set("the-request")
            logging.getLogger("workers.reaction").error("an event could not be handled", extra={"event_id": "e" * 32})
            reporting.flush()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    context = endpoint.first()["request"]["context"]
    assert (context["request_id"], context["event_id"]) == ("the-request", "e" * 32)


def test_an_endpoint_that_hangs_holds_up_nobody(service: Service) -> None:
    import socket
    import time

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings = replace(service.settings, honeybadger_api_key=KEY, honeybadger_endpoint=url)
        reporter = reporting.Reporter(settings, "a-test")
        began = time.monotonic()
        for _ in range(3 * reporting.MOST_WAITING):
            reporter.emit(logging.makeLogRecord({"levelno": logging.ERROR, "msg": "again", "name": "x"}))
        assert time.monotonic() - began < 10
        assert len(reporter._waiting) <= reporting.MOST_WAITING


@pytest.mark.parametrize("command", [["relay"], ["clock"], ["worker", "update-views"]])
def test_every_program_that_ends_by_an_error_reports_it(
    service: Service, endpoint: Endpoint, command: list[str]
) -> None:
    # What none of them survives: a folder of its code that is not there.
    program = (
        "import sys, run; run.give_way = lambda: (_ for _ in ()).throw(ValueError('not nice'))\n"
        "import infra.settings, infra.logs, infra.reporting\n"
        "settings = infra.settings.load_settings(); infra.logs.configure(settings, sys.argv[1])\n"
        "infra.reporting.begin(settings, sys.argv[1]); sys.exit(run.main())"
    )
    there = os.environ | {"HONEYBADGER_API_KEY": KEY, "HONEYBADGER_ENDPOINT": endpoint.url}
    done = subprocess.run(
        [sys.executable, "-c", program, *command], cwd=CHECKOUT, env=there, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "ended by an error" in done.stderr
    notice = endpoint.first()
    assert (notice["error"]["class"], notice["error"]["message"]) == ("ValueError", "not nice")
    assert notice["request"]["context"]["process"] == command[0]


def test_an_endpoint_without_a_key_is_refused() -> None:
    with pytest.raises(SettingsError, match="HONEYBADGER_ENDPOINT: does nothing"):
        load_settings(NOWHERE | {"HONEYBADGER_ENDPOINT": "https://example.org"})


def test_an_unknown_way_of_logging_is_refused() -> None:
    with pytest.raises(SettingsError, match="'some' is none of all, changes, none"):
        load_settings(NOWHERE | {"ACCESS_LOG": "some"})
