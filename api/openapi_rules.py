"""What all operations share, added to the OpenAPI document: who may, what may go wrong, which headers come and go.

APIFlask knows of each route its paths, parameters and schemas. The rest follows from rules that hold for every route,
so it is said here once and not at each of them.
"""

import re
import sys
from collections.abc import Iterator
from typing import Any

from apiflask import APIFlask

from api.auth import PUBLIC
from api.openapi_words import ERRORS, HEADERS, PARAMETERS, Json

PROBLEM = "application/problem+json"
CHANGES = frozenset({"post", "put", "patch", "delete"})
# The schema of an error about which the route says nothing more.
GENERIC = "Problem"
# Their answers are never the same for long.
UNCONDITIONAL = frozenset({"health", "metrics"})
# In the metadata of a field of an answer that is not always there.
OPTIONAL = "x-optional"

_ARGUMENT = re.compile(r"<(?:[^<>:]+:)?([^<>]+)>")
_DOUBLE = re.compile(r"(.*[^0-9])[0-9]+")


def complete(spec: Json, app: APIFlask) -> Json:
    """The document of all routes of the application, from what APIFlask has made of them."""
    _join_doubles(spec)
    endpoints = {(_ARGUMENT.sub(r"{\1}", rule.rule), rule.endpoint): rule for rule in app.url_map.iter_rules()}
    for (path, endpoint), rule in endpoints.items():
        for method in {each.lower() for each in rule.methods or ()} & spec["paths"].get(path, {}).keys():
            _complete(spec["paths"][path][method], method, endpoint, spec)
    spec["components"] |= _shared()
    _say_what_is_always_there(spec)
    spec["paths"] = dict(sorted(spec["paths"].items()))
    spec["tags"] = [{"name": tag["name"], "description": _told_by(app, tag["name"])} for tag in spec["tags"]]
    return spec


def _told_by(app: APIFlask, tag: str) -> str:
    """The first line of the module whose routes have this tag."""
    module = sys.modules[app.blueprints[tag.lower()].import_name]
    return (module.__doc__ or "").strip().partition("\n")[0]


def _join_doubles(spec: Json) -> None:
    """APIFlask gives a schema a second name when it meets it alone after it has met it in a list."""
    schemas = spec["components"]["schemas"]
    doubles = {name: found[1] for name in schemas if (found := _DOUBLE.fullmatch(name)) and found[1] in schemas}
    for double in doubles:
        del schemas[double]
    for node in _nodes(spec):
        name = node.get("$ref", "").rpartition("/")[2] if isinstance(node.get("$ref"), str) else ""
        if name in doubles:
            node["$ref"] = _schema(doubles[name])["$ref"]


def _nodes(value: Any) -> Iterator[Json]:
    """Every object in a JSON value."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _nodes(each)


def _schema(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


# --- one operation ----------------------------------------------------------------------------------------------------


def _complete(operation: Json, method: str, endpoint: str, spec: Json) -> None:
    operation["operationId"] = endpoint.rpartition(".")[2]
    operation["security"] = [{}, {"token": []}] if endpoint in PUBLIC else [{"token": []}]
    _complete_body(operation, spec["components"]["schemas"])
    for parameter in operation["parameters"]:
        _without_null(parameter["schema"])
    if method == "get" and endpoint.partition(".")[0] not in UNCONDITIONAL:
        operation["responses"]["304"] = {"description": "It is as the If-None-Match header says."}
    for status in _errors(operation, method):
        operation["responses"].setdefault(status, {})
    for status, response in sorted(operation["responses"].items()):
        operation["responses"][status] = _response(status, response, [*_own_headers(operation, status, method)])
    names = ["X-Request-ID", *_conditions(operation, method)]
    operation["parameters"] += [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _complete_body(operation: Json, schemas: Json) -> None:
    body = operation.get("requestBody")
    if not body:
        return
    body["required"] = True
    for media_type, content in body["content"].items():
        if media_type == "application/json":
            schema = schemas[content["schema"]["$ref"].rpartition("/")[2]]
            content.setdefault("example", _example(schema))


def _example(schema: Json) -> Json:
    """A body made of the examples of its fields; a field without one is left out."""
    return {name: field["example"] for name, field in schema["properties"].items() if "example" in field}


def _errors(operation: Json, method: str) -> Iterator[str]:
    """What can go wrong with a route of this shape, whatever it does."""
    yield from ("401", "429", "503")
    if any(parameter.get("in") == "path" for parameter in operation["parameters"]):
        yield "404"
    if any(parameter.get("in") == "query" for parameter in operation["parameters"]):
        yield "422"
    if method in CHANGES:
        yield from ("409", "422")
    if "requestBody" in operation:
        yield from ("400", "413", "415", "422")


def _conditions(operation: Json, method: str) -> Iterator[str]:
    if method in CHANGES:
        yield "Idempotency-Key"
    if "412" in operation["responses"]:
        yield "If-Match"
    if "304" in operation["responses"]:
        yield "If-None-Match"


def _without_null(schema: Json) -> None:
    """A parameter that is not there has no value; APIFlask says of it what OpenAPI 3.0 said of null."""
    if schema.pop("nullable", False):
        schema.pop("default", None)


def _response(status: str, response: Json, own_headers: list[str]) -> Json:
    if status in ERRORS and not _is_own(response):
        return {"$ref": f"#/components/responses/{ERRORS[status][0]}"}
    headers = dict(_header_references("X-Request-ID", *own_headers))
    return {**response, "headers": {**headers, **response.get("headers", {})}}


def _is_own(response: Json) -> bool:
    """Whether the route has said more than that it can happen."""
    schemas = [content.get("schema", {}) for content in response.get("content", {}).values()]
    return any(schema and schema != _schema(GENERIC) for schema in schemas)


def _own_headers(operation: Json, status: str, method: str) -> Iterator[str]:
    yield from ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
    if method in CHANGES:
        yield "Idempotency-Replayed"
    if status == "201":
        yield "Location"
    if status in ("200", "201", "304", "412"):
        yield "ETag"
    if status == "200" and any(parameter.get("name") == "per_page" for parameter in operation["parameters"]):
        yield "Link"


def _header_references(*names: str) -> Iterator[tuple[str, Json]]:
    return ((name, {"$ref": f"#/components/headers/{name}"}) for name in names)


# --- what operations refer to -----------------------------------------------------------------------------------------


def _shared() -> Json:
    return {
        "responses": {name: _error(status, description) for status, (name, description) in ERRORS.items()},
        "headers": {name: {"description": told, "schema": schema} for name, (told, schema) in HEADERS.items()},
        "parameters": {name: _parameter(name, told, more) for name, (told, more) in PARAMETERS.items()},
    }


def _error(status: str, description: str) -> Json:
    more = {"401": ["WWW-Authenticate"], "429": ["Retry-After"], "503": ["Retry-After"]}.get(status, [])
    return {
        "description": description,
        "content": {PROBLEM: {"schema": _schema(GENERIC)}},
        "headers": dict(_header_references("X-Request-ID", *more)),
    }


def _parameter(name: str, description: str, more: Json) -> Json:
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string", **more}}


def _say_what_is_always_there(spec: Json) -> None:
    """marshmallow's "required" speaks of input. In answers every field is there unless marked otherwise, and more may
    be added."""
    bodies = [op["requestBody"] for item in spec["paths"].values() for op in item.values() if "requestBody" in op]
    loaded = [node.get("$ref") for node in _nodes(bodies)]
    for name, schema in spec["components"]["schemas"].items():
        if _schema(name)["$ref"] not in loaded:
            fields: Json = schema.get("properties", {})
            schema.pop("additionalProperties", None)
            schema["required"] = [name for name, field in fields.items() if not field.pop(OPTIONAL, False)]


def refusals(*statuses: int, stale: Any = None, conflict: Any = None) -> Any:
    """What a route says of how it may refuse, beyond what follows from its shape; ``stale`` and ``conflict``: the
    schemas of a 412 and a 409 that tell more than a problem."""
    own = {412: stale, 409: conflict}
    told = {status: _told(status, schema) for status, schema in own.items() if schema}
    return {**dict.fromkeys(statuses, ""), **told}


def _told(status: int, schema: Any) -> Json:
    return {"description": ERRORS[str(status)][1], "content": {PROBLEM: {"schema": schema}}}
