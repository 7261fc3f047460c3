"""The document tells the truth about the routes, and the routes keep to it whatever they are sent."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import jsonschema_rs
import pytest
from schemathesis import GenerationMode

from api.auth import PUBLIC
from tests.fuzzing import MODES, World, fuzz, operation_ids
from tests.service import Service

Json = dict[str, Any]
METHODS = {"get", "post", "put", "patch", "delete"}
# For each operation, as told and otherwise. Each call has to make what it is made on, so they take their time.
CALLS = 6
PARAMETER = re.compile(r"{([^}]+)}")


@pytest.fixture
def spec(service: Service) -> Json:
    answer = service.client().get("/openapi.json")
    assert answer.status_code == 200
    return answer.get_json()


def operations(spec: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def nodes(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(each)


def resolved(spec: Json, node: Json) -> Json:
    if "$ref" not in node:
        return node
    place: Any = spec
    for name in node["$ref"].removeprefix("#/").split("/"):
        place = place[name]
    return resolved(spec, place)


def against_components(spec: Json, schema: Json) -> Json:
    """The schema, so that its references can be followed."""
    return {**schema, "components": spec["components"]}


def test_every_route_is_in_the_document_and_nothing_else_is(service: Service, spec: Json) -> None:
    routes = {
        (method.lower(), re.sub("<(?:[^<>:]+:)?([^<>]+)>", r"{\1}", rule.rule))
        for rule in service.app.url_map.iter_rules()
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }
    assert {(method, path) for method, path, _ in operations(spec)} == routes


CONTRACT = """
    POST /auth/register
    POST /auth/login
    POST /auth/refresh
    POST /auth/logout
    POST /auth/password
    GET /users/me
    GET /users/{user_id}
    PUT /users/{user_id}
    GET /notebooks
    POST /notebooks
    GET /notebooks/{notebook_id}
    PUT /notebooks/{notebook_id}
    DELETE /notebooks/{notebook_id}
    POST /notebooks/{notebook_id}/restore
    POST /notebooks/{notebook_id}/publish
    POST /notebooks/{notebook_id}/unpublish
    POST /notebooks/{notebook_id}/pages
    GET /notebooks/{notebook_id}/pages/{page_id}
    PUT /notebooks/{notebook_id}/pages/{page_id}
    PUT /notebooks/{notebook_id}/pages/order
    DELETE /notebooks/{notebook_id}/pages/{page_id}
    POST /notebooks/{notebook_id}/pages/{page_id}/restore
    GET /pages/{page_id}/revisions
    GET /pages/{page_id}/revisions/{revision_id}
    PUT /pages/{page_id}/revisions/{revision_id}
    GET /pages/{page_id}/revisions/{revision_id}/diff
    POST /pages/{page_id}/revisions/{revision_id}/restore
    POST /uploads/images
    GET /uploads/images
    GET /uploads/images/{image_id}
    DELETE /uploads/images/{image_id}
    GET /media/{image_id}/{size}
    GET /search
    GET /lin/sentiment
    GET /admin/users
    PUT /admin/users/{user_id}
    GET /admin/deliveries
    POST /admin/deliveries/{delivery_id}/retry
"""
AT_THE_ROOT = {("get", path) for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs")}


def test_every_route_of_the_contract_is_there(spec: Json) -> None:
    promised = [line.split() for line in CONTRACT.strip().splitlines()]
    told = {(method, PARAMETER.sub("{}", path)) for method, path, _ in operations(spec)}
    wanted = {(method.lower(), PARAMETER.sub("{}", f"/api/v1{path}")) for method, path in promised}
    assert (wanted | AT_THE_ROOT) - told == set()


def test_the_document_is_openapi_31_and_its_references_lead_somewhere(spec: Json) -> None:
    assert spec["openapi"] == "3.1.0"
    assert spec["servers"] == [{"url": "/"}]
    for node in nodes(spec):
        if isinstance(node.get("$ref"), str):
            assert resolved(spec, node)
    for name, schema in spec["components"]["schemas"].items():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
        assert not re.search(r"\d$", name), f"{name} looks like a schema that is there twice"
    assert not [node for node in nodes(spec) if "nullable" in node], "that was OpenAPI 3.0"


def test_every_operation_says_what_it_is_for(spec: Json) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(spec)]
    assert len(ids) == len(set(ids))
    tags = {tag["name"] for tag in spec["tags"] if tag["description"]}
    for method, path, operation in operations(spec):
        assert operation["summary"], (method, path)
        assert set(operation["tags"]) <= tags, (method, path)


def test_every_operation_says_who_may(service: Service, spec: Json) -> None:
    public = {endpoint.partition(".")[2] for endpoint in PUBLIC}
    for method, path, operation in operations(spec):
        expected: list[Json] = [{}, {"token": []}] if operation["operationId"] in public else [{"token": []}]
        assert operation["security"] == expected, (method, path)
        assert "401" in operation["responses"]


def test_every_parameter_of_a_path_is_told(spec: Json) -> None:
    for method, path, operation in operations(spec):
        told = [each["name"] for each in operation["parameters"] if each.get("in") == "path"]
        assert told == PARAMETER.findall(path), (method, path)


def test_every_json_body_has_an_example_that_it_allows(spec: Json) -> None:
    for method, path, operation in operations(spec):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content:
            schema = against_components(spec, resolved(spec, content["schema"]))
            assert content["example"], (method, path)
            jsonschema_rs.validate(schema, content["example"])
            assert not jsonschema_rs.is_valid(schema, {"no": "such field"}), (method, path)
            assert operation["requestBody"]["required"] is True


def test_every_error_is_problem_json(spec: Json) -> None:
    for method, path, operation in operations(spec):
        for status, response in operation["responses"].items():
            if int(status) >= 400 and (path, status) != ("/readyz", "503"):
                (media_type,) = resolved(spec, response)["content"]
                assert media_type == "application/problem+json", (method, path, status)


def test_headers_are_told_where_they_count(spec: Json) -> None:
    def told(operation: Json, status: str) -> set[str]:
        return set(resolved(spec, operation["responses"][status]).get("headers", {}))

    def sent(operation: Json) -> set[str]:
        return {resolved(spec, each)["name"] for each in operation["parameters"]}

    by_id = {operation["operationId"]: operation for _, _, operation in operations(spec)}
    assert {"ETag", "X-Request-ID"} <= told(by_id["get_page"], "200")
    assert {"Location", "ETag", "Idempotency-Replayed"} <= told(by_id["create_page"], "201")
    assert "Link" in told(by_id["list_notebooks"], "200")
    assert "Link" not in told(by_id["get_page"], "200")
    assert "Retry-After" in told(by_id["get_page"], "503")
    assert {"Idempotency-Key", "If-Match", "X-Request-ID"} <= sent(by_id["edit_page"])
    assert "If-None-Match" in sent(by_id["get_page"])
    assert "If-Match" not in sent(by_id["create_page"])


def test_a_stale_save_is_told_with_all_that_it_answers(spec: Json) -> None:
    (edit,) = (operation for _, _, operation in operations(spec) if operation["operationId"] == "edit_page")
    stale = resolved(spec, edit["responses"]["412"]["content"]["application/problem+json"]["schema"])
    assert {"type", "status", "current", "merged", "conflict_revision_id"} <= set(stale["required"])


def test_the_document_is_the_same_for_whoever_asks(service: Service) -> None:
    client = service.client()
    first = client.get("/openapi.json")
    again = client.get("/openapi.json", headers={"Host": "evil.example", "If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert "localhost" not in first.get_data(as_text=True)


# --- the page ---------------------------------------------------------------------------------------------------------


class References(HTMLParser):
    """What a page of HTML loads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inline = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.found += [value for name in ("src", "href") if (value := named.get(name))]
        self.inline = self.inline or "style" in named or (tag == "script" and "src" not in named) or tag == "style"


def test_the_page_loads_nothing_from_elsewhere(service: Service) -> None:
    client = service.client()
    answer = client.get("/docs")
    assert answer.mimetype == "text/html"
    page = References(answer.get_data(as_text=True))
    assert not page.inline
    assert {"/docs/page.js", "/docs/page.css", "/openapi.json"} == set(page.found)
    for path, media_type in (("/docs/page.js", "text/javascript"), ("/docs/page.css", "text/css")):
        asset = client.get(path)
        assert (asset.status_code, asset.mimetype) == (200, media_type)
        assert not re.search(r"https?:|//[a-z]|@import|url\(", re.sub("(?m)^ *//.*", "", asset.get_data(as_text=True)))
    assert client.get("/docs/operators.html").status_code == 404
    assert client.get("/docs/..%2Fwsgi.py").status_code == 404


def test_the_policy_of_the_page_allows_its_own_files_only(service: Service) -> None:
    policy = service.client().get("/docs").headers["Content-Security-Policy"]
    directives = dict(directive.strip().split(" ", 1) for directive in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert set(directives.values()) == {"'none'", "'self'"}


# --- fuzzing ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def world(service: Service) -> World:
    return World(service)


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
@pytest.mark.parametrize("operation_id", operation_ids())
def test_no_answer_is_a_500_or_outside_of_the_document(world: World, operation_id: str, mode: GenerationMode) -> None:
    """``make chaos`` asks thousands of times more, never the same."""
    fuzz(world, operation_id, mode, CALLS)
