"""Sessions of browsers: the refresh token lies in a cookie that no script can read.

Browsers attach cookies to requests that other sites cause. So the cookie counts on two routes only, only without a
Bearer token, and only if Origin names this very origin; browsers send Origin with every POST."""

import msgspec
from flask import Request, Response, request

from api.http import CURRENT_VERSION
from domain.errors import Forbidden
from domain.session import LIFETIME
from queries.answer import encode

COOKIE = "sinpluma_session"
PATH = f"{CURRENT_VERSION}/auth"
TAKES_COOKIE = frozenset({"accounts.refresh", "accounts.logout"})
ELSEWHERE = "The session's cookie counts for pages of this origin only; elsewhere send a Bearer token."


def cookie_token(asked: Request) -> str | None:
    """The refresh token in the cookie of a request that has no Bearer token; None where there is none that counts.

    Raises:
        Forbidden: a page of another origin sent it, or nobody knows which page.
    """
    if asked.endpoint not in TAKES_COOKIE or COOKIE not in asked.cookies:
        return None
    if not _is_ours(asked.headers.get("Origin", "")):
        raise Forbidden(ELSEWHERE)
    return asked.cookies[COOKIE]


def came_with_token() -> bool:
    return "Authorization" in request.headers


def refuse_strangers() -> None:
    """
    Raises:
        Forbidden: a page of another origin asks for a cookie.
    """
    origin = request.headers.get("Origin")
    if origin is not None and not _is_ours(origin):
        raise Forbidden(ELSEWHERE)


def _is_ours(origin: str) -> bool:
    # https counts too: a proxy that terminates TLS may be missing from the trusted ones.
    return origin.lower() in {f"{scheme}://{request.host}".lower() for scheme in (request.scheme, "https")}


def put_into_cookie(answer: Response) -> Response:
    """The same answer with its refresh token as a cookie alone."""
    pair = msgspec.json.decode(answer.get_data())
    token = pair.pop("refresh_token")
    answer.set_data(encode(pair))
    seconds = int(LIFETIME.total_seconds())
    answer.set_cookie(COOKIE, token, seconds, path=PATH, secure=request.is_secure, httponly=True, samesite="Strict")
    return answer


def take_cookie_back(answer: Response) -> Response:
    """The same answer with the cookie deleted. A request from another origin cannot delete it."""
    if COOKIE in request.cookies and _is_ours(request.headers.get("Origin", "")):
        answer.delete_cookie(COOKIE, path=PATH, secure=request.is_secure, httponly=True, samesite="Strict")
    return answer
