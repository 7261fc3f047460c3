"""Every refusal and failure as RFC 9457 problem+json. No internal detail ever reaches a client."""

import logging
from http import HTTPStatus
from itertools import islice
from typing import Any

import msgspec
from apiflask import APIFlask
from apiflask.exceptions import HTTPError
from flask import Response, request
from redis.exceptions import RedisError
from sqlalchemy.exc import TimeoutError
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException

from domain import errors
from domain.unit_of_work import CommitUnknown
from infra import imaging, logs, objects, packets
from infra.database_errors import is_retryable, is_unreachable
from infra.turns import NoTurn
from queries.current import Unconfirmed
from queries.viewer import NotVisible

logger = logging.getLogger(__name__)

STATUS_OF = {
    errors.NotFound: 404,
    errors.Forbidden: 403,
    errors.WrongCredentials: 401,
    errors.Taken: 409,
    errors.Conflict: 409,
    errors.InProgress: 409,
    errors.Invalid: 422,
}
RETRY_SECONDS = "2"
# At most so many errors are listed: an answer must not grow with the request.
MOST_ERRORS = 20
LONGEST_NAME = 200
DONE_ONCE = (
    "The database was lost in the middle of this. Send the same request again with the same Idempotency-Key: whether "
    "it was done or not, it will be done once."
)
DONE_OR_NOT = (
    "The database was lost in the middle of this, and it was done or it was not. Before you send it again, GET what it "
    "was to change and see: a version that has grown and the content_sha256 of your text say that it was done. With an "
    "Idempotency-Key it could simply be sent again."
)


def problem(status: int, detail: str, headers: Any = None, **more: Any) -> Response:
    """A problem+json answer; ``more`` are members of its own."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "request_id": logs.request_id.get() or "",
        **more,
    }
    return Response(msgspec.json.encode(body), status, headers, mimetype="application/problem+json")


class Stale(Exception):
    """An edit of a version that is not the current one. ``current`` is the resource as it is now, ready to send."""

    def __init__(self, detail: str, current: object, etag: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.current = current
        self.etag = etag


class InUse(Exception):
    """What is to be deleted is used by ``references``, ready to send."""

    def __init__(self, references: object) -> None:
        super().__init__("still used")
        self.references = references


def register(app: APIFlask) -> None:
    """Install the handlers on an application made with ``json_errors=False``."""
    app.register_error_handler(errors.Refusal, _refusal)
    app.register_error_handler(errors.QuotaExceeded, _quota_exceeded)
    app.register_error_handler(NotVisible, _not_visible)
    app.register_error_handler(Stale, _stale)
    app.register_error_handler(InUse, _in_use)
    app.register_error_handler(HTTPError, _api_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(imaging.Unsupported, _unsupported)
    app.register_error_handler(imaging.Damaged, _damaged)
    app.register_error_handler(NoTurn, _too_many_at_once)
    app.register_error_handler(Exception, _failure)


def _refusal(error: errors.Refusal) -> Response:
    named = getattr(error, "errors", None)
    more = {"errors": named} if named else {}
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, errors.WrongCredentials) else None
    return problem(STATUS_OF[type(error)], error.detail, headers, **more)


def _quota_exceeded(error: errors.QuotaExceeded) -> Response:
    told = {"quota": error.quota, "limit": error.limit, "used": error.used}
    return problem(403, error.detail, title="Quota exceeded", **told)


def _not_visible(error: NotVisible) -> Response:
    return problem(404, error.detail)


def _stale(error: Stale) -> Response:
    return problem(412, error.detail, {"ETag": error.etag}, current=error.current)


def _in_use(error: InUse) -> Response:
    detail = "The picture is still used; see references, or delete it with ?force=true."
    return problem(409, detail, references=error.references)


def _api_error(error: HTTPError) -> Response:
    by_place = error.detail if isinstance(error.detail, dict) else {}
    found = {field: messages for fields in by_place.values() for field, messages in _flat(fields)}
    named = {field[:LONGEST_NAME]: messages[:MOST_ERRORS] for field, messages in islice(found.items(), MOST_ERRORS)}
    more = {"errors": named} if named else {}
    detail = "Some values are not allowed; see errors." if named else str(error.message)
    if len(found) > MOST_ERRORS:
        detail = f"{len(found)} values are not allowed; see errors for the first {MOST_ERRORS}."
    return problem(error.status_code, detail, Headers(error.headers), **more)


def _flat(fields: Any, prefix: str = "") -> list[tuple[str, list[str]]]:
    """marshmallow's nested messages as ``field.sub.0: [message, …]``."""
    if not isinstance(fields, dict):
        return [(prefix or "_body", fields if isinstance(fields, list) else [str(fields)])]
    found = []
    for name, messages in fields.items():
        name = "_body" if name == "_schema" else str(name)
        found += _flat(messages, f"{prefix}.{name}" if prefix else name)
    return found


def _unsupported(error: imaging.Unsupported) -> Response:
    return problem(415, f"Send a JPEG, PNG, WebP or GIF; by its content this is {error}.")


def _damaged(error: imaging.Damaged) -> Response:
    return problem(422, "The picture can't be used; see errors.", errors={"file": [str(error)]})


def _too_many_at_once(_: NoTurn) -> Response:
    detail = "Two of your pictures are being worked on already. Send the next one when they are done."
    return problem(429, detail, {"Retry-After": RETRY_SECONDS})


def _http_error(error: HTTPException) -> Response:
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After", "Location")}
    return problem(error.code or 500, error.description or "", headers)


def _failure(error: Exception) -> Response:
    if isinstance(error, CommitUnknown | Unconfirmed):
        logger.warning("the database was lost in a commit")
        return _busy(DONE_ONCE if "Idempotency-Key" in request.headers else DONE_OR_NOT)
    if isinstance(error, packets.TooLarge):
        logger.error("the database does not take this: %s", error)
        return problem(413, "The database does not take anything this large; its operator can allow more.")
    if isinstance(error, TimeoutError) or is_unreachable(error) or is_retryable(error):
        logger.warning("the database is away: %s", type(error).__name__)
        return _busy("The database is away or overloaded; nothing was changed. Try again in a moment.")
    if isinstance(error, objects.StoreAway | objects.BadCopy):
        logger.warning("the object store is away: %s", error)
        return _busy("The store of pictures is away; nothing was changed. Try again in a moment.")
    if isinstance(error, imaging.TooBusy):
        return _busy("Too many pictures are being worked on. Try again in a moment.")
    if isinstance(error, RedisError):
        return _busy("A part of the service is away. Try again in a moment.")
    logger.exception("a request failed", exc_info=error)
    return problem(500, "Something went wrong on our side. Tell us the request_id if it goes on.")


def _busy(detail: str) -> Response:
    return problem(503, detail, {"Retry-After": RETRY_SECONDS})
