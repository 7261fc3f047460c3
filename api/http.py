"""What HTTP asks of every route: strict JSON, ETags, conditional answers, pages of a list, request ids, headers."""

import hashlib
import json
import re
from typing import Any
from urllib.parse import urlencode

import msgspec
from apiflask import APIFlask, abort
from apiflask.schema_adapters.marshmallow import parser
from flask import Request, Response, g, request
from marshmallow import Schema

from infra import logs
from infra.clock import new_id

CURRENT_VERSION = "/api/v1"
MOST_BODY_BYTES = 8 * 1024 * 1024
PRIVATE = "private, no-cache"
PUBLIC = "public, max-age=0, must-revalidate"

SECURITY_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
)

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}").fullmatch
_UNVERSIONED = re.compile(r"/api/(?!v[0-9]+(?:/|$))")
_ETAG_VERSION = re.compile(r'"([0-9]{1,9})(?:-[^"]*)?"')
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")


def register(app: APIFlask) -> None:
    app.config["MAX_CONTENT_LENGTH"] = MOST_BODY_BYTES
    app.before_request(_begin)
    app.after_request(_finish)
    app.wsgi_app = _current_version(app.wsgi_app)  # type: ignore[method-assign]
    parser.location_loader("json")(load_json)


def _current_version(wsgi_app: Any) -> Any:
    """``/api/…`` without a version is the current one."""

    def versioned(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        if _UNVERSIONED.match(path):
            environ["PATH_INFO"] = CURRENT_VERSION + path[len("/api") :]
        return wsgi_app(environ, start_response)

    return versioned


def _begin() -> None:
    sent = request.environ.get("HTTP_X_REQUEST_ID", "")
    g.request_id = sent if _SANE_REQUEST_ID(sent) else new_id()
    logs.request_id.set(g.request_id)


def _finish(response: Response) -> Response:
    headers = response.headers
    headers["X-Request-ID"] = g.get("request_id", "")
    for name, value in SECURITY_HEADERS:
        headers.setdefault(name, value)
    return response


def load_json(request: Request, schema: Schema) -> Any:
    """The body as JSON: an object, in UTF-8, each name once, no NUL and no lone surrogate. Replaces webargs' loader."""
    if request.mimetype != "application/json":
        abort(415, "Send the body as application/json.")
    if request.mimetype_params.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        abort(415, "Send the body in UTF-8.")
    try:
        value = json.loads(request.get_data(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        abort(400, f"The body is not valid JSON: {reason}")
    if not isinstance(value, dict):
        abort(422, "The body must be a JSON object.", {"json": {"_body": ["Must be an object."]}})
    _refuse_what_is_not_text(value)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("an object names a field twice")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _refuse_what_is_not_text(body: dict[str, Any]) -> None:
    bad = {name: ["Must not hold NUL or lone surrogates."] for name, value in body.items() if not _is_text(value)}
    if bad:
        abort(422, "Some text can't be stored.", {"json": {_printable(name): texts for name, texts in bad.items()}})


def _is_text(value: Any) -> bool:
    if isinstance(value, str):
        return not _NOT_TEXT.search(value)
    if isinstance(value, dict):
        return all(_is_text(name) and _is_text(each) for name, each in value.items())
    return not isinstance(value, list) or all(map(_is_text, value))


def _printable(name: str) -> str:
    return _NOT_TEXT.sub("\ufffd", name)


def encode(value: Any) -> bytes:
    return msgspec.json.encode(value)


def etag_of(body: bytes, version: int | None = None) -> str:
    """A strong ETag; with a version in front where If-Match will ask for one."""
    digest = hashlib.blake2b(body, digest_size=9).hexdigest()
    return f'"{digest}"' if version is None else f'"{version}-{digest}"'


def conditional(body: bytes, etag: str, cache_control: str) -> Response:
    """200 with the body, or 304 when the client has it already."""
    known = request.environ.get("HTTP_IF_NONE_MATCH")
    if known and (known == "*" or etag in known):
        response = Response(status=304)
    else:
        response = Response(body, mimetype="application/json")
    headers = response.headers
    headers["ETag"] = etag
    headers["Cache-Control"] = cache_control
    headers["Vary"] = "Authorization"
    return response


def expected_version() -> int | None:
    """The version that If-Match names, None without one (or with ``*``), -1 when it names nothing of ours."""
    sent = request.headers.get("If-Match")
    if sent is None or sent.strip() == "*":
        return None
    found = _ETAG_VERSION.search(sent)
    return int(found[1]) if found else -1


def page_of(items: list[Any], total: int, page: int, per_page: int, **more: Any) -> Response:
    """One page of a list, with its Link header."""
    pages = -(-total // per_page)
    listing = {"items": items, "page": page, "per_page": per_page, "total": total, "pages": pages, **more}
    body = encode(listing)
    response = conditional(body, etag_of(body), PRIVATE)
    response.headers["Link"] = _links(page, pages)
    return response


def _links(page: int, pages: int) -> str:
    places = {"first": 1, "prev": page - 1, "next": page + 1, "last": max(pages, 1)}
    wanted = {rel: at for rel, at in places.items() if 1 <= at <= max(pages, 1)}
    return ", ".join(f'<{request.path}?{_query(at)}>; rel="{rel}"' for rel, at in wanted.items())


def _query(page: int) -> str:
    return urlencode(
        [*((name, each) for name, each in request.args.items(multi=True) if name != "page"), ("page", page)]
    )
