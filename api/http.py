"""What HTTP asks of every route: ETags, conditional answers, pages of a list, request ids, headers."""

import re
from collections.abc import Callable
from functools import cached_property, wraps
from typing import Any
from urllib.parse import urlencode

from apiflask import APIBlueprint, APIFlask, Schema
from flask import Flask, Request, Response, request
from flask.sessions import NullSession, SessionInterface
from marshmallow import ValidationError
from werkzeug.datastructures import Headers

from infra import logs
from infra.clock import new_id
from queries.answer import Answer

CURRENT_VERSION = "/api/v1"
PRIVATE = "private, no-cache"
PUBLIC = "public, max-age=0, must-revalidate"
JSON = ("Content-Type", "application/json")

SECURITY_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
)

View = Callable[..., Response]

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}").fullmatch
_UNVERSIONED = re.compile(r"/api/(?!v[0-9]+(?:/|$))")
_ETAG_VERSION = re.compile(r'"([0-9]{1,9})(?:-[^"]*)?"')


def register(app: APIFlask) -> None:
    app.session_interface = _NoSessions()
    app.wsgi_app = _framed(app.wsgi_app)  # type: ignore[method-assign]


class _NoSessions(SessionInterface):
    """An API has no cookies; Flask would make an empty session for each request all the same."""

    _empty = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:
        return self._empty


def _framed(wsgi_app: Any) -> Any:
    """WSGI middleware for all requests: rewrites ``/api/…`` without a version to the current one, and sets the request
    id and the common headers. Flask's hooks would take several times as long."""

    def framed(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        if _UNVERSIONED.match(path):
            environ["PATH_INFO"] = CURRENT_VERSION + path[len("/api") :]
        sent = environ.get("HTTP_X_REQUEST_ID", "")
        request_id = sent if _SANE_REQUEST_ID(sent) else new_id()
        logs.request_id.set(request_id)

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            given = [name for name, _ in headers]
            ours = [header for header in SECURITY_HEADERS if header[0] not in given]
            return start_response(status, [*headers, *ours, ("X-Request-ID", request_id)], *exc_info)

        return wsgi_app(environ, start)

    return framed


def takes_query(blueprint: APIBlueprint, schema: type[Schema]) -> Callable[[View], View]:
    """A decorator: hands the query string to the view, as ``query_data``. Nearly all requests have none, and get what
    the schema then says without asking webargs, which would take a tenth of a cached read."""

    def decorate(view: View) -> View:
        parsed = blueprint.input(schema, location="query")(view)
        try:
            unasked = schema().load({})
        except ValidationError:
            # Without what it requires it is refused.
            return parsed

        @wraps(parsed)
        def wrapper(**path: str) -> Response:
            if request.environ.get("QUERY_STRING"):
                return parsed(**path)
            return view(**path, query_data={**unasked})

        return wrapper

    return decorate


class Finished(Response):
    """An answer that is sent as it is. Werkzeug's own way checks and copies the headers and iterates over the body,
    which takes a quarter of a cached read's time; here the headers become werkzeug's for those who add to them."""

    def __init__(self, body: bytes, status: str, headers: list[tuple[str, str]]) -> None:
        # All that werkzeug's own would set, but the headers.
        self.status = status
        self.response = [body] if body else []
        self.direct_passthrough = False
        self._on_close = []
        self._ready = headers

    @cached_property
    def headers(self) -> Headers:  # type: ignore[override]
        return Headers(self._ready)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        start_response(self.status, [*vars(self).get("headers", self._ready)])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else self.response


def conditional(body: bytes, etag: str, cache_control: str) -> Response:
    """200 with the body, or 304 when the client has it already."""
    headers = [("ETag", etag), ("Cache-Control", cache_control), ("Vary", "Authorization")]
    known = request.environ.get("HTTP_IF_NONE_MATCH")
    if known and (known == "*" or etag in known):
        return Finished(b"", "304 NOT MODIFIED", headers)
    return Finished(body, "200 OK", [*headers, JSON])


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
    place = f"{request.path}?{_query_before_page()}"
    return ", ".join(f'<{place}page={at}>; rel="{rel}"' for rel, at in wanted.items())


def _query_before_page() -> str:
    others = [(name, each) for name, each in request.args.items(multi=True) if name != "page"]
    return f"{urlencode(others)}&" if others else ""
