"""What HTTP asks of every route: strict JSON, ETags, conditional answers, pages of a list, request ids, headers."""

import json
import math
import re
from typing import Any
from urllib.parse import urlencode

from apiflask import APIFlask, abort
from apiflask.schema_adapters.marshmallow import parser
from flask import Flask, Request, Response, request
from flask.sessions import NullSession, SessionInterface
from marshmallow import Schema

from infra import logs
from infra.clock import new_id
from queries.answer import Answer

CURRENT_VERSION = "/api/v1"
MOST_BODY_BYTES = 8 * 1024 * 1024
PRIVATE = "private, no-cache"
PUBLIC = "public, max-age=0, must-revalidate"
JSON = ("Content-Type", "application/json")

SECURITY_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
)

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}").fullmatch
_UNVERSIONED = re.compile(r"/api/(?!v[0-9]+(?:/|$))")
_ETAG_VERSION = re.compile(r'"([0-9]{1,9})(?:-[^"]*)?"')
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")
# No resource has more than a few; beyond some hundreds, encoders and validators would run out of stack.
MOST_LEVELS = 64


def register(app: APIFlask) -> None:
    app.config["MAX_CONTENT_LENGTH"] = MOST_BODY_BYTES
    app.session_interface = _NoSessions()
    app.wsgi_app = _framed(app.wsgi_app)  # type: ignore[method-assign]
    parser.location_loader("json")(load_json)
    parser.location_loader("query")(_load_query)


class _NoSessions(SessionInterface):
    """An API has no cookies; Flask would make an empty session for each request all the same."""

    _empty = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:
        return self._empty


def _framed(wsgi_app: Any) -> Any:
    """What every request and every answer has in common: ``/api/…`` without a version is the current one, a request
    id, and the headers of every answer. Around Flask and not in its hooks, which take several times as long."""

    def framed(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        if _UNVERSIONED.match(path):
            environ["PATH_INFO"] = CURRENT_VERSION + path[len("/api") :]
        sent = environ.get("HTTP_X_REQUEST_ID", "")
        request_id = sent if _SANE_REQUEST_ID(sent) else new_id()
        logs.request_id.set(request_id)

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            given = {name for name, _ in headers}
            ours = (header for header in SECURITY_HEADERS if header[0] not in given)
            return start_response(status, [*headers, *ours, ("X-Request-ID", request_id)], *exc_info)

        return wsgi_app(environ, start)

    return framed


def _load_query(request: Request, schema: Schema) -> Any:
    """The query string; most requests have none, and webargs would take a while to find that out."""
    return parser.load_querystring(request, schema) if request.query_string else {}


def load_json(request: Request, schema: Schema) -> Any:
    """The body as JSON: an object, in UTF-8, each name once, of what can be stored. Replaces webargs' loader."""
    if request.mimetype != "application/json":
        abort(415, "Send the body as application/json.")
    if request.mimetype_params.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        abort(415, "Send the body in UTF-8.")
    try:
        value = _parsed(request.get_data())
    except (ValueError, RecursionError) as error:
        abort(400, f"The body is not valid JSON: {_reason(error)}.")
    if not isinstance(value, dict):
        abort(422, "The body must be a JSON object.", {"json": {"_body": ["Must be an object."]}})
    _refuse_what_cannot_be_stored(value)
    return value


def _parsed(body: bytes) -> Any:
    # Decoded here, since `json` would guess at UTF-16 and UTF-32 as well.
    return json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_whole)


def _reason(error: ValueError | RecursionError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is not UTF-8"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("an object names a field twice")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _whole(digits: str) -> int:
    # Python refuses more than 4300 digits with advice for programmers.
    if len(digits) > 100:
        raise ValueError("a number has too many digits")
    return int(digits)


def _refuse_what_cannot_be_stored(body: dict[str, Any]) -> None:
    faults = {_printable(name): _fault(name) or _fault(value) for name, value in body.items()}
    found = {name: [fault] for name, fault in faults.items() if fault}
    if found:
        abort(422, "Some values can't be stored.", {"json": found})


def _fault(value: Any, levels: int = MOST_LEVELS) -> str | None:
    """Why the value can't be stored, None when it can."""
    if isinstance(value, str):
        return "Must not hold NUL or lone surrogates." if _NOT_TEXT.search(value) else None
    if isinstance(value, (int, float)):
        return None if _is_storable(value) else "Must not hold numbers out of the range of 64 bits."
    if not isinstance(value, (dict, list)):
        return None
    if not levels:
        return f"Must not be nested deeper than {MOST_LEVELS} levels."
    inside = [*value, *value.values()] if isinstance(value, dict) else value
    return next((fault for each in inside if (fault := _fault(each, levels - 1))), None)


def _is_storable(number: float) -> bool:
    return math.isfinite(number) and (isinstance(number, float) or -(2**63) <= number < 2**64)


def _printable(name: str) -> str:
    return _NOT_TEXT.sub("\ufffd", name)


class Finished(Response):
    """An answer that goes out as it is. Werkzeug's own way copies and looks through the headers and hands the body
    over in pieces, at a quarter of the cost of a cached read."""

    default_mimetype = None

    def __call__(self, environ: Any, start_response: Any) -> Any:
        start_response(self.status, [*self.headers])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else self.response


def conditional(body: bytes, etag: str, cache_control: str) -> Response:
    """200 with the body, or 304 when the client has it already."""
    headers = [("ETag", etag), ("Cache-Control", cache_control), ("Vary", "Authorization")]
    known = request.environ.get("HTTP_IF_NONE_MATCH")
    if known and (known == "*" or etag in known):
        return Finished(None, 304, headers)
    return Finished(body, 200, [*headers, JSON])


def expected_version() -> int | None:
    """The version that If-Match names, None without one (or with ``*``), -1 when it names nothing of ours."""
    sent = request.headers.get("If-Match")
    if sent is None or sent.strip() == "*":
        return None
    found = _ETAG_VERSION.search(sent)
    return int(found[1]) if found else -1


def answered(answer: Answer) -> Response:
    """What a query answers, as a response; of a list, with its Link header."""
    response = conditional(answer.body, answer.etag, PUBLIC if answer.is_public else PRIVATE)
    if answer.page:
        response.headers["Link"] = _links(answer.page, answer.pages)
    return response


def _links(page: int, pages: int) -> str:
    places = {"first": 1, "prev": page - 1, "next": page + 1, "last": max(pages, 1)}
    wanted = {rel: at for rel, at in places.items() if 1 <= at <= max(pages, 1)}
    return ", ".join(f'<{request.path}?{_query(at)}>; rel="{rel}"' for rel, at in wanted.items())


def _query(page: int) -> str:
    return urlencode(
        [*((name, each) for name, each in request.args.items(multi=True) if name != "page"), ("page", page)]
    )
