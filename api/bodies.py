"""Bodies of requests: how large they may be, and what may stand in them as JSON. Refusing a body is cheap. nginx
enforces the same size limits; these are for installations without nginx, and for what nginx lets through."""

import json
import math
import re
from typing import Any

from apiflask import APIFlask, abort
from apiflask.schema_adapters.marshmallow import parser
from flask import Request
from marshmallow import Schema
from werkzeug.exceptions import RequestEntityTooLarge

from api.services import asked
from api.uploads import MOST_UPLOAD_BYTES, TOO_LARGE, UPLOAD

MOST_BODY_BYTES = 8 * 1024 * 1024
# To sign in takes a few hundred.
MOST_SIGN_IN_BYTES = 16 * 1024
SIGN_IN = "/api/v1/auth/"
# Members and list items on all levels. A page has ten, a large page order a thousand.
MOST_MEMBERS = 10_000
MOST_LEVELS = 32

_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")
# The separators of a JSON body outside strings. Possessive quantifiers never backtrack, and an unterminated string
# matches too, so any input takes one pass.
_token = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+|[\[{]\s*+[\]}]|[,\[{\]}]', re.DOTALL)


def register(app: APIFlask) -> None:
    app.config["MAX_CONTENT_LENGTH"] = MOST_BODY_BYTES
    app.before_request(_limit)
    parser.location_loader("json")(load_json)


def _limit() -> None:
    """Refuse a body whose Content-Length is too large before reading it. A body without a length is counted while it is
    read."""
    request = asked()
    if "CONTENT_LENGTH" not in request.environ and "HTTP_TRANSFER_ENCODING" not in request.environ:
        return
    most = _most_of(request)
    request.max_content_length = most
    if (request.content_length or 0) > most:
        raise RequestEntityTooLarge(TOO_LARGE if request.endpoint == UPLOAD else f"The body may have {most:,} bytes.")


def _most_of(asked: Request) -> int:
    if asked.path.startswith(SIGN_IN):
        return MOST_SIGN_IN_BYTES
    return MOST_UPLOAD_BYTES if asked.endpoint == UPLOAD else MOST_BODY_BYTES


def load_json(request: Request, schema: Schema) -> Any:
    """The body as JSON: an object, in UTF-8, each name once, of what can be stored. Replaces webargs' loader."""
    if request.mimetype != "application/json":
        abort(415, "Send the body as application/json.")
    if request.mimetype_params.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        abort(415, "Send the body in UTF-8.")
    body = request.get_data()
    if request.content_length is None and len(body) >= (request.max_content_length or 0):
        # Werkzeug would stop there and treat the part it has as the whole body.
        raise RequestEntityTooLarge(f"The body may have {request.max_content_length:,} bytes.")
    if fault := _too_much(body):
        abort(422, fault, {"json": {"_body": [fault]}})
    try:
        value = _parsed(body)
    except ValueError as error:
        abort(400, f"The body is not valid JSON: {_reason(error)}.")
    if not isinstance(value, dict):
        abort(422, "The body must be a JSON object.", {"json": {"_body": ["Must be an object."]}})
    _refuse_what_cannot_be_stored(value)
    return value


def _parsed(body: bytes) -> Any:
    # Decoded here, since `json` would guess at UTF-16 and UTF-32 as well.
    return json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_whole)


def _reason(error: ValueError) -> str:
    return f"byte {error.start} is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)


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


def _fault(value: Any) -> str | None:
    """Why the value can't be stored, None when it can."""
    if isinstance(value, str):
        return "Must not hold NUL or lone surrogates." if _NOT_TEXT.search(value) else None
    if isinstance(value, (int, float)):
        return None if _is_storable(value) else "Must not hold numbers out of the range of 64 bits."
    if not isinstance(value, (dict, list)):
        return None
    inside = [*value, *value.values()] if isinstance(value, dict) else value
    return next((fault for each in inside if (fault := _fault(each))), None)


def _is_storable(number: float) -> bool:
    return math.isfinite(number) and (isinstance(number, float) or -(2**63) <= number < 2**64)


def _printable(name: str) -> str:
    return _NOT_TEXT.sub("\ufffd", name)


def _too_much(body: bytes) -> str | None:
    """What is wrong with the number of members or levels; checked before the parser turns them into objects."""
    members = level = 0
    for tokens, found in enumerate(_token.finditer(body)):
        first = body[found.start()]
        if first in b"]}":
            level -= 1
        elif first in b",[{" and found.end() - found.start() == 1:
            # Each comma adds one member; the first comes with the bracket.
            members += 1
            level += first != ord(",")
        # No JSON of so few members has more: a name and a value each, and two brackets.
        if members > MOST_MEMBERS or tokens > 5 * MOST_MEMBERS + 2:
            return f"The body must have at most {MOST_MEMBERS} names and list items."
        if level > MOST_LEVELS:
            return f"The body must not be nested deeper than {MOST_LEVELS} levels."
    return None
