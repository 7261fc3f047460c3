import json
import logging
from contextvars import Context
from typing import Any

import pytest

from infra.logs import JsonFormatter, request_id


def line(formatter: JsonFormatter | None = None, message: str = "hello", **extra: Any) -> dict[str, Any]:
    record = logging.LogRecord("a.logger", logging.WARNING, __file__, 1, message, (), extra.pop("exc_info", None))
    vars(record).update(extra)
    text = (formatter or JsonFormatter("api")).format(record)
    assert "\n" not in text
    return json.loads(text)


def test_a_line_says_when_who_and_what() -> None:
    found = line()
    assert found["time"].endswith("Z")
    assert (found["level"], found["logger"], found["process"], found["message"]) == (
        "warning",
        "a.logger",
        "api",
        "hello",
    )


def test_the_request_id_is_on_every_line_of_its_request() -> None:
    def of_a_request() -> object:
        request_id.set("abc-1")
        return line()["request_id"]

    assert Context().run(of_a_request) == "abc-1"
    assert Context().run(line)["request_id"] is None


def test_an_exception_stays_on_one_line() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        found = line(exc_info=(ValueError, error, error.__traceback__))
    assert "two\nlines" in found["exception"]
    assert "Traceback" in found["exception"]


def test_extra_fields_are_kept_but_cannot_pose_as_the_lines_own() -> None:
    found = line(events=3, odd={1, 2}.__class__, level="fake", process=7)
    assert found["events"] == 3
    assert found["level"] == "warning"
    assert found["process"] == "api"


@pytest.mark.parametrize(
    "message",
    [
        "lost mysql+pymysql://sinpluma:hunter2secret@127.0.0.1:3306/x",
        "lost redis://:hunter2secret@127.0.0.1:6379/0",
        "header Authorization: Bearer hunter2secret",
    ],
)
def test_passwords_in_urls_and_tokens_are_not_logged(message: str) -> None:
    assert "hunter2secret" not in json.dumps(line(message=message))


def test_a_known_secret_is_not_logged_whoever_says_it() -> None:
    assert "k" * 32 not in json.dumps(line(JsonFormatter("api", ("k" * 32,)), message=f"key={'k' * 32}"))
