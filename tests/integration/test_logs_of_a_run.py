"""What stands in the logs: each request that matters, its id all the way, and nothing of what people wrote."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from api import create_app
from infra import logs
from infra.logs import JsonFormatter, known_secrets
from tests.service import PASSWORD, Author, Service

TEXT = "a sentence that stands in no log"


class Log(logging.Handler):
    """Everything that is logged, as it would stand in a file."""

    def __init__(self, formatter: JsonFormatter) -> None:
        super().__init__()
        self.formatter = formatter
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def told(self, **wanted: Any) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self.lines]
        return [each for each in found if wanted.items() <= each.items()]

    def of_requests(self) -> list[tuple[str, str, int]]:
        return [(each["method"], each["route"], each["status"]) for each in self.told(logger="sinpluma.access")]


@pytest.fixture
def log(service: Service) -> Iterator[Log]:
    found = Log(JsonFormatter("a-test", known_secrets(service.settings)))
    level = logging.root.level
    logging.root.addHandler(found)
    logging.root.setLevel(logging.INFO)
    yield found
    logging.root.removeHandler(found)
    logging.root.setLevel(level)


def with_access_log(service: Service, mode: str) -> Author:
    author = service.author()
    app = create_app(replace(service.settings, access_log=mode))
    return Author(app.test_client(), author.name, author.token, author.id)


PAGE = "/api/v1/notebooks/{notebook_id}/pages"


def test_a_change_has_a_line_with_all_that_is_asked_for(service: Service, log: Log) -> None:
    author = with_access_log(service, "changes")
    notebook = author.notebook()
    headers = {"X-Request-ID": "the-request"}
    environ = {"REMOTE_ADDR": "192.0.2.9"}
    answer = author.ask(
        "POST",
        f"/notebooks/{notebook['id']}/pages",
        expect=201,
        json={"title": TEXT},
        headers=headers,
        environ_overrides=environ,
    )
    [line] = log.told(logger="sinpluma.access", request_id="the-request")
    assert line["message"] == f"POST {PAGE} 201"
    assert (line["method"], line["route"], line["status"]) == ("POST", PAGE, 201)
    assert (line["user"], line["address"]) == (author.id, "192.0.2.9")
    assert line["bytes"] == len(answer.get_data())
    assert 0 < line["milliseconds"] < 60_000


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("all", [("POST", 201), ("GET", 200), ("GET", 404), ("GET", 200)]),
        ("changes", [("POST", 201), ("GET", 404)]),
        ("none", []),
    ],
)
def test_which_requests_have_a_line(service: Service, log: Log, mode: str, told: list[tuple[str, int]]) -> None:
    author = with_access_log(service, mode)
    log.lines.clear()
    notebook = author.notebook()
    author.get(f"/notebooks/{notebook['id']}")
    author.get(f"/notebooks/{'0' * 32}", expect=404)
    author.client.get("/healthz")
    assert [(method, status) for method, _, status in log.of_requests()] == told


def test_an_id_is_followed_from_the_request_through_relay_and_workers(service: Service, log: Log) -> None:
    author = service.author()
    author.ask("POST", "/notebooks", expect=201, json={"title": "A"}, headers={"X-Request-ID": "follow-me"})
    logs.request_id.set(None)  # in this process the relay would inherit it
    service.drain()
    said = [line["logger"] for line in map(json.loads, log.lines) if "follow-me" in json.dumps(line)]
    assert said == ["sinpluma.access", "events.relay", "workers.reaction"]


def test_an_event_that_fails_says_whose_request_it_was_and_not_what_was_written(service: Service, log: Log) -> None:
    author = service.author()
    notebook = author.notebook()
    service.drain()
    headers = {"X-Request-ID": "poisoned"}
    with service.engine.connect() as connection:
        # What no view can take: the statement fails that has the text among its parameters.
        connection.execute(text("ALTER TABLE page_views MODIFY title VARCHAR(3)"))
    try:
        body = {"title": TEXT, "content": TEXT}
        author.ask("POST", f"/notebooks/{notebook['id']}/pages", expect=201, json=body, headers=headers)
        service.relay.run_once()
        service.work()
    finally:
        with service.engine.connect() as connection:
            connection.execute(text("DELETE FROM page_views"))
            connection.execute(text("ALTER TABLE page_views MODIFY title VARCHAR(200) NOT NULL"))
    failed = log.told(message="an event could not be handled")
    assert [each["request_id"] for each in failed] == ["poisoned"]
    assert "Data too long" in failed[0]["exception"]
    with service.engine.connect() as connection:
        kept = connection.scalar(text("SELECT error FROM deliveries WHERE error IS NOT NULL"))
    assert "Data too long" in kept
    assert TEXT not in kept
    assert TEXT not in "\n".join(log.lines)


def test_nothing_that_people_wrote_and_no_secret_is_in_the_log_of_a_run(service: Service, log: Log) -> None:
    author = with_access_log(service, "all")
    notebook = author.notebook(TEXT, description=TEXT)
    page = author.page(notebook["id"], TEXT, TEXT)
    author.put(
        f"/notebooks/{notebook['id']}/pages/{page['id']}",
        {"content": TEXT * 2},
        headers={"If-Match": '"9"'},
        expect=412,
    )
    author.post("/auth/login", {"email": f"{author.name}@example.org", "password": "not the password"}, expect=401)
    author.post(
        "/auth/register",
        {"username": author.name, "email": f"{author.name}@example.org", "password": PASSWORD},
        expect=409,
    )
    author.get(f"/search?q={TEXT}")
    author.post("/notebooks", {"title": TEXT * 20}, expect=422)
    service.drain()
    all_of_it = "\n".join(log.lines)
    assert all_of_it
    settings = service.settings
    words = [
        TEXT,
        TEXT.replace(" ", "%20"),
        PASSWORD,
        "not the password",
        f"{author.name}@example.org",
        str(author.token),
    ]
    words += [settings.jwt_secret_key, settings.s3_secret_key, settings.database_url, settings.redis_url]
    assert [word for word in words if word in all_of_it] == []


@pytest.mark.parametrize(
    "said",
    [
        "(1062, \"Duplicate entry 'someone@example.org' for key 'uq'\")",
        "(1366, \"Incorrect string value: 'someone@example.org' for column `a`.`b`\")",
    ],
)
def test_what_the_database_repeats_is_left_out(said: str) -> None:
    line = JsonFormatter("x").format(logging.makeLogRecord({"msg": said}))
    assert "someone" not in line
    assert "for " in line
