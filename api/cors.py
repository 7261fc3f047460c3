"""CORS for the origins that ``CORS_ORIGINS`` names; without it, no CORS header is ever sent."""

from functools import partial

from apiflask import APIFlask
from flask import Response, request

METHODS = "DELETE, GET, HEAD, POST, PUT"
REQUEST_HEADERS = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Request-ID"
EXPOSED = (
    "ETag, Link, Location, Retry-After, X-Request-ID, "
    "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Idempotency-Replayed"
)
# As long as browsers remember a preflight at most.
PREFLIGHT_SECONDS = "7200"


def register(app: APIFlask) -> None:
    """Call it before the authentication: a preflight brings no token."""
    origins = frozenset(origin.lower() for origin in app.extensions["sinpluma"].settings.cors_origins)
    if origins:
        app.before_request(partial(_preflight, origins))
        app.after_request(partial(_allow, origins))


def _preflight(origins: frozenset[str]) -> Response | None:
    if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers or not _is_one_of(origins):
        return None
    headers = {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": REQUEST_HEADERS,
        "Access-Control-Max-Age": PREFLIGHT_SECONDS,
    }
    return Response(status=204, headers=headers)


def _allow(origins: frozenset[str], response: Response) -> Response:
    # Always, since a cache may hold the answer for whoever asks next.
    response.vary.add("Origin")
    if _is_one_of(origins):
        response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        response.headers["Access-Control-Expose-Headers"] = EXPOSED
    return response


def _is_one_of(origins: frozenset[str]) -> bool:
    return request.headers.get("Origin", "").lower() in origins
