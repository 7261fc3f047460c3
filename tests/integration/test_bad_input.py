"""What clients get wrong, by mistake or on purpose: each the right 4xx that says what to change, and nothing stored."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from events.log import events
from tests.service import Author, Service

MEBIBYTE = 1024 * 1024
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def author(service: Service) -> Author:
    return service.author()


@pytest.fixture
def notebook(author: Author) -> dict[str, Any]:
    return author.notebook("Walks")


@pytest.fixture
def page(author: Author, notebook: dict[str, Any]) -> dict[str, Any]:
    return author.page(notebook["id"])


def place(page: dict[str, Any]) -> str:
    return f"/notebooks/{page['notebook_id']}/pages/{page['id']}"


@pytest.fixture
def nothing_happens(service: Service, author: Author, page: dict[str, Any]) -> Iterator[None]:
    """The log is after the test as it was before."""
    before = count(service)
    yield
    assert count(service) == before


def count(service: Service) -> int:
    with service.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(events)) or 0


def refused(author: Author, method: str, path: str, status: int, **sent: Any) -> dict[str, Any]:
    answer = author.ask(method, path, expect=status, **sent)
    body: dict[str, Any] = answer.get_json()
    assert answer.mimetype == "application/problem+json"
    assert body["detail"].strip()
    inside = ("Traceback", "sqlalchemy", "pymysql", "SELECT", "marshmallow", "site-packages", ".py", "set_int_max")
    assert not any(word in answer.get_data(as_text=True) for word in inside)
    return body


# --- not JSON ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("nothing_happens")
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut off"),
        pytest.param(b'{"title": "a"} x', id="more behind it"),
        pytest.param(b"{'title': 'a'}", id="single quotes"),
        pytest.param(b'{"title": "a", "title": "b"}', id="a field twice"),
        pytest.param(b'{"title": "a", "metadata": {"x": 1, "x": 2}}', id="a field twice, inside"),
        pytest.param(b'{"title": "a\x01"}', id="a bare control character"),
        pytest.param(b'{"title": "\xff"}', id="not UTF-8"),
        pytest.param(b'{"title": "\xed\xa0\x80"}', id="a surrogate in UTF-8"),
        pytest.param('{"title": "a"}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'\xef\xbb\xbf{"title": "a"}', id="a byte order mark"),
        pytest.param(b'{"title": NaN}', id="NaN"),
        pytest.param(b'{"title": "a", "metadata": {"x": -Infinity}}', id="infinity"),
        pytest.param(b'{"title": "a", "metadata": {"x": ' + b"9" * 5000 + b"}}", id="thousands of digits"),
        pytest.param(b"\x00" * 100, id="NUL"),
        pytest.param(b"title=a&description=b", id="a form"),
    ],
)
def test_what_is_not_json_is_400(author: Author, body: bytes) -> None:
    assert "JSON" in refused(author, "POST", "/notebooks", 400, data=body, headers=JSON)["detail"]


@pytest.mark.usefixtures("nothing_happens")
@pytest.mark.parametrize("body", [b"[]", b'"text"', b"1", b"true", b"null", b'[{"title": "a"}]'])
def test_json_that_is_no_object_is_422(author: Author, body: bytes) -> None:
    assert refused(author, "POST", "/notebooks", 422, data=body, headers=JSON)["errors"] == {
        "_body": ["Must be an object."]
    }


@pytest.mark.usefixtures("nothing_happens")
@pytest.mark.parametrize("charset", ["latin-1", "utf-16", "ascii", "nonsense", '"utf-32"', "utf_8_sig"])
def test_another_charset_is_415(author: Author, charset: str) -> None:
    sent = {"Content-Type": f"application/json; charset={charset}"}
    refused(author, "POST", "/notebooks", 415, data=b'{"title": "a"}', headers=sent)


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("nothing_happens")
@pytest.mark.parametrize(
    ("method", "path", "body", "fields"),
    [
        ("POST", "/notebooks", {}, {"title"}),
        ("POST", "/notebooks", {"title": 1}, {"title"}),
        ("POST", "/notebooks", {"title": ["a"]}, {"title"}),
        ("POST", "/notebooks", {"title": None}, {"title"}),
        ("POST", "/notebooks", {"title": "a", "owner_id": "0" * 32}, {"owner_id"}),
        ("POST", "/notebooks", {"title": "a", "id": "0" * 32, "version": 7}, {"id", "version"}),
        ("POST", "/notebooks", {"title": "a", "description": "x" * 10_001}, {"description"}),
        ("POST", "/notebooks", {"title": "a", "metadata": "text"}, {"metadata"}),
        ("POST", "/notebooks", {"title": "a", "metadata": {"x": "y" * 65_536}}, {"metadata"}),
        ("POST", "/notebooks", {"title": "a", "metadata": {"x": 2**64}}, {"metadata"}),
        ("POST", "/notebooks", {"title": "a", "metadata": {"x": [-(2**63) - 1]}}, {"metadata"}),
        ("PUT", "{notebook}", {"status": "published"}, {"status"}),
        ("PUT", "{notebook}", {"title": ""}, {"title"}),
        ("PUT", "{notebook}/pages/order", {}, {"page_ids"}),
        ("PUT", "{notebook}/pages/order", {"page_ids": "abc"}, {"page_ids"}),
        ("PUT", "{notebook}/pages/order", {"page_ids": [None]}, {"page_ids.0"}),
        ("PUT", "{notebook}/pages/order", {"page_ids": ["0" * 32] * 5001}, {"page_ids"}),
        ("POST", "{notebook}/pages", {"content": "no title"}, {"title"}),
        ("POST", "{notebook}/pages", {"title": "x" * 201}, {"title"}),
        ("POST", "{notebook}/pages", {"title": "a", "content": None}, {"content"}),
        ("POST", "{notebook}/pages", {"title": "a", "content": {"text": "a"}}, {"content"}),
        ("POST", "{notebook}/pages", {"title": "a", "order": "first"}, {"order"}),
        ("PUT", "{page}", {"autosave": "yes"}, {"autosave"}),
        ("PUT", "{page}", {"autosave": 1}, {"autosave"}),
        ("PUT", "{page}", {"version": 3}, {"version"}),
    ],
)
def test_a_wrong_value_is_422_and_named(
    author: Author, notebook: dict[str, Any], page: dict[str, Any], method: str, path: str, body: Any, fields: set[str]
) -> None:
    where = path.format(notebook=f"/notebooks/{notebook['id']}", page=place(page))
    assert set(refused(author, method, where, 422, json=body)["errors"]) == fields


@pytest.mark.usefixtures("nothing_happens")
@pytest.mark.parametrize("text", ["a\\u0000b", "\\ud800", "\\udfff x", "x\\udc00\\ud800"])
@pytest.mark.parametrize("field", ["title", "content"])
def test_nul_and_lone_surrogates_are_422(author: Author, page: dict[str, Any], field: str, text: str) -> None:
    body = f'{{"{field}": "{text}"}}'.encode()
    assert set(refused(author, "PUT", place(page), 422, data=body, headers=JSON)["errors"]) == {field}


@pytest.mark.usefixtures("nothing_happens")
def test_nul_and_lone_surrogates_hide_nowhere(author: Author) -> None:
    for body in (
        '{"title": "a", "metadata": {"x": ["\\u0000"]}}',
        '{"title": "a", "metadata": {"\\ud800": 1}}',
        '{"title": "a", "metadata": {"x": {"y": [{"z": "\\udfff"}]}}}',
        '{"title": "a", "\\u0000": 1}',
        '{"title": "a", "\\ud800": 1}',
    ):
        refused(author, "POST", "/notebooks", 422, data=body.encode(), headers=JSON)


def test_a_pair_of_surrogates_and_all_other_text_are_kept_as_they_are(author: Author, page: dict[str, Any]) -> None:
    text = "🙂 \U0010ffff \x01\x7f\u2028\ufeff\ufffe e\u0301 \\ \" </script> '; DROP TABLE pages; -- %s {0}"
    sent = json.dumps({"content": text}).encode()
    assert "\\ud83d\\ude42" in sent.decode()
    saved = author.ask("PUT", place(page), expect=200, data=sent, headers=JSON).get_json()
    assert saved["content"] == author.get(place(page))["content"] == text


def test_metadata_may_be_deep_but_not_without_end(author: Author, page: dict[str, Any]) -> None:
    def nested(levels: int) -> Any:
        return {"x": nested(levels - 1)} if levels else 1

    made = author.notebook(metadata=nested(30))
    assert author.get(f"/notebooks/{made['id']}")["metadata"] == nested(30)
    for levels in (32, 100, 300, 900):
        body = json.dumps({"title": "a", "metadata": nested(levels)}).encode()
        assert set(refused(author, "POST", "/notebooks", 422, data=body, headers=JSON)["errors"]) == {"_body"}
    lists = b'{"title": "a", "metadata": {"x": ' + b"[" * 400 + b"]" * 400 + b"}}"
    refused(author, "POST", "/notebooks", 422, data=lists, headers=JSON)
    refused(author, "POST", "/notebooks", 422, data=b"[" * 1_000_000, headers=JSON)


def test_numbers_in_metadata_come_back_as_they_were_or_are_refused(author: Author) -> None:
    numbers = {"a": 2**64 - 1, "b": -(2**63), "c": 0.1, "d": 1e300, "e": -0.0, "f": 5e-324}
    made = author.notebook(metadata=numbers)
    assert author.get(f"/notebooks/{made['id']}")["metadata"] == numbers
    for wrong in ("1e400", "-1e400", str(2**64), "1" * 99):
        body = f'{{"title": "a", "metadata": {{"x": {wrong}}}}}'.encode()
        refused(author, "POST", "/notebooks", 422, data=body, headers=JSON)


# --- sizes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("letter", ["a", "é", "学", "🙂"])
def test_a_mebibyte_of_text_is_kept_and_a_byte_more_is_422(author: Author, page: dict[str, Any], letter: str) -> None:
    width = len(letter.encode())
    most = "." * (MEBIBYTE % width) + letter * (MEBIBYTE // width)
    saved = author.put(place(page), {"content": most})
    assert (saved["version"], len(saved["content"].encode())) == (2, MEBIBYTE)
    assert author.get(place(page))["content"] == most
    for sent in ({"content": most + "."}, {"title": "a", "content": "." + most}):
        assert set(refused(author, "PUT", place(page), 422, json=sent)["errors"]) == {"content"}
    answer = author.ask(
        "POST", f"/notebooks/{page['notebook_id']}/pages", expect=422, json={"title": "a", "content": most + "."}
    )
    assert set(answer.get_json()["errors"]) == {"content"}
    assert author.get(place(page))["version"] == 2


@pytest.mark.usefixtures("nothing_happens")
def test_a_body_over_eight_mebibytes_is_413(author: Author, page: dict[str, Any]) -> None:
    body = b'{"title": "' + b"a" * (8 * MEBIBYTE) + b'"}'
    for method, path in (("POST", "/notebooks"), ("PUT", place(page))):
        refused(author, method, path, 413, data=body, headers=JSON)
    refused(author, "POST", "/notebooks", 413, data=body, headers=JSON | {"Idempotency-Key": "big"})
    just_so = b'{"title": "a", "description": "' + b"a" * (8 * MEBIBYTE - 33) + b'"}'
    assert len(just_so) == 8 * MEBIBYTE
    refused(author, "POST", "/notebooks", 422, data=just_so, headers=JSON)


@pytest.mark.usefixtures("nothing_happens")
def test_a_body_that_lies_about_its_length_is_413_or_400(author: Author) -> None:
    for length, status in ((10**12, 413), (5, 400), (0, 400), (-1, 400), ("x", 400)):
        lie = {"CONTENT_LENGTH": str(length)}
        refused(author, "POST", "/notebooks", status, data=b'{"title": "a"}', headers=JSON, environ_overrides=lie)


# --- ids, queries, headers --------------------------------------------------------------------------------------------

STRANGE_IDS = [
    "0",
    "0" * 33,
    "x" * 5000,
    "é",
    "学而",
    "%00",
    "%ff",
    "%F0%9F%99%82",
    "'",
    "a b",
    "..",
    "%2e%2e",
    "null",
    "-1",
]


@pytest.mark.usefixtures("nothing_happens")
@pytest.mark.parametrize("strange", STRANGE_IDS)
def test_an_id_that_is_none_is_404(
    author: Author, notebook: dict[str, Any], page: dict[str, Any], strange: str
) -> None:
    mine = f"/notebooks/{notebook['id']}"
    for method, path, body in (
        ("GET", f"/notebooks/{strange}", None),
        ("PUT", f"/notebooks/{strange}", {"title": "a"}),
        ("DELETE", f"/notebooks/{strange}", None),
        ("POST", f"/notebooks/{strange}/publish", None),
        ("GET", f"{mine}/pages/{strange}", None),
        ("PUT", f"{mine}/pages/{strange}", {"content": "a"}),
        ("DELETE", f"{mine}/pages/{strange}", None),
        ("GET", f"/notebooks/{strange}/pages/{page['id']}", None),
        ("GET", f"/pages/{strange}/revisions", None),
        ("GET", f"/pages/{page['id']}/revisions/{strange}", None),
        ("GET", f"/pages/{page['id']}/revisions/{strange}/diff", None),
        ("POST", f"/pages/{page['id']}/revisions/{strange}/restore", None),
        ("PUT", f"/pages/{page['id']}/revisions/{strange}", {"label": "a"}),
        ("GET", f"/users/{strange}", None),
    ):
        answer = author.ask(method, path, expect=404, json=body)
        assert answer.mimetype == "application/problem+json"


@pytest.mark.usefixtures("nothing_happens")
def test_strange_ids_among_the_pages_to_order_are_422(author: Author, page: dict[str, Any]) -> None:
    path = f"/notebooks/{page['notebook_id']}/pages/order"
    for strange in ("é", "", ",", f"{page['id']},{page['id']}", "x" * 100_000):
        assert set(refused(author, "PUT", path, 422, json={"page_ids": [strange]})["errors"]) == {"page_ids"}


@pytest.mark.usefixtures("nothing_happens")
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/notebooks?page=99999999999999999999", "page"),
        ("/notebooks?page=-1", "page"),
        ("/notebooks?per_page=1e2", "per_page"),
        ("/notebooks?per_page=%F0%9F%99%82", "per_page"),
        ("/notebooks?public=%00", "public"),
        ("/pages/{page}/revisions?per_page=1000", "per_page"),
        ("/pages/{page}/revisions/{page}/diff?against=%C3%A9", "against"),
        ("/pages/{page}/revisions/{page}/diff?against=", "against"),
        ("/search?q=", "q"),
        ("/search", "q"),
        ("/search?q=a&page=0", "page"),
        ("/search?q=a&scope=everything", "scope"),
        ("/search?q=" + "a" * 5000, "q"),
    ],
)
def test_a_query_that_makes_no_sense_is_422(author: Author, page: dict[str, Any], path: str, field: str) -> None:
    assert set(refused(author, "GET", path.format(page=page["id"]), 422)["errors"]) == {field}


def test_headers_of_any_size_and_kind_do_no_harm(author: Author, page: dict[str, Any]) -> None:
    huge = "x" * 60_000
    author.ask("GET", place(page), expect=200, headers={"If-None-Match": huge, "X-Request-ID": huge, "X-Other": huge})
    author.ask("GET", place(page), expect=200, headers={"If-None-Match": "\xe9\xff", "X-Request-ID": "\xe9"})
    author.ask("GET", place(page), expect=401, headers={"Authorization": f"Bearer {huge}"})
    author.ask("GET", place(page), expect=401, headers={"Authorization": "Bearer \xe9"})
    for strange in (huge, '"', '""', '"1', 'W/"', '"-1"', '"99999999999999999999"', "\xe9", ","):
        refused_with = refused(author, "PUT", place(page), 412, json={"content": "a"}, headers={"If-Match": strange})
        assert refused_with["current"]["version"] == 1
    assert author.get(place(page))["version"] == 1


@pytest.mark.usefixtures("nothing_happens")
@pytest.mark.parametrize("key", ["", "x" * 256, "x" * 60_000])
def test_an_idempotency_key_of_another_length_is_422(author: Author, key: str) -> None:
    sent = {"Idempotency-Key": key}
    assert set(refused(author, "POST", "/notebooks", 422, json={"title": "a"}, headers=sent)["errors"]) == set(sent)


@pytest.mark.parametrize("key", ["x", "x" * 255, "\xe9\xff", "'; --", " inner space "])
def test_any_other_idempotency_key_is_a_key(author: Author, key: str) -> None:
    sent = {"Idempotency-Key": key}
    first = author.ask("POST", "/notebooks", expect=201, json={"title": "a"}, headers=sent)
    again = author.ask("POST", "/notebooks", expect=201, json={"title": "a"}, headers=sent)
    assert again.get_json() == first.get_json()


def test_things_of_someone_else_are_as_if_they_were_not_there(service: Service, page: dict[str, Any]) -> None:
    stranger = service.author()
    for path in (f"/notebooks/{page['notebook_id']}", place(page), f"/pages/{page['id']}/revisions"):
        absent = path.replace(page["notebook_id"], "0" * 32).replace(page["id"], "0" * 32)
        answers = [stranger.ask("GET", each, expect=404).get_json() for each in (path, absent)]
        assert [{**each, "request_id": ""} for each in answers] == [{**answers[0], "request_id": ""}] * 2
