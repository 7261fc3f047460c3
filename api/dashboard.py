"""rq-dashboard for administrators: a small application of its own under ``/internal``.

It is separate from the API because it serves browsers, with a cookie and pages that carry inline scripts. A Bearer
token of an administrator is admitted too."""

import hmac
import logging
from datetime import timedelta
from functools import partial
from html import escape
from importlib.resources import files
from typing import Any

import rq_dashboard
from flask import Flask, Response, redirect, request, session
from flask.sessions import SecureCookieSessionInterface
from redis.exceptions import RedisError
from rq.serializers import JSONSerializer
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, TooManyRequests
from werkzeug.wrappers import Response as AnyResponse

from api import auth, limits, tokens
from api.services import Services, reads, services
from domain.commands import accounts, sessions
from domain.errors import Refusal, WrongCredentials
from domain.unit_of_work import Cause, perform
from domain.user import ADMIN
from infra.clock import new_id
from infra.rq_json import forbid_pickle

logger = logging.getLogger(__name__)

PREFIX = "/internal"
RQ = "/rq"
LOGIN = "/login"
LOGOUT = "/logout"
POLICY = "default-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'"
# rq-dashboard takes this change by GET as well; a link must never change anything.
CHANGES_BY_GET = frozenset({"rq_dashboard.requeue_all"})
# Who signs in, or is about to.
UNASKED = frozenset({"log_in", "log_out"})
SIGNED_IN_FOR = timedelta(hours=12)
# A form with an e-mail and a password.
MOST_BODY_BYTES = 16 * 1024
# The parameters that rq-dashboard understands; anything else makes it fail.
REGISTRIES = frozenset({"queued", "failed", "deferred", "started", "finished", "scheduled", "canceled"})
ORDERS = frozenset({"asc", "dsc"})
MOST_ON_A_PAGE = 100
PAGE = files("api").joinpath("operators.html").read_text()


class _Sessions(SecureCookieSessionInterface):
    def get_cookie_secure(self, app: Flask) -> bool:
        """Set Secure when the request came over TLS; plain loopback has to do without."""
        return request.is_secure


def create_dashboard(shared: Services) -> Flask:
    """The application that is mounted under ``/internal``."""
    settings = shared.settings
    # Its pages ask the application, not their own blueprint, for the icon.
    app = Flask("operators", static_folder=str(files("rq_dashboard").joinpath("static")))
    app.extensions["sinpluma"] = shared
    app.session_interface = _Sessions()
    app.config.update(
        SECRET_KEY=hmac.digest(settings.jwt_secret_key.encode(), b"operators' sessions", "sha256"),
        MAX_CONTENT_LENGTH=MOST_BODY_BYTES,
        SESSION_COOKIE_NAME="sinpluma_operator",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_PATH=PREFIX,
        PERMANENT_SESSION_LIFETIME=SIGNED_IN_FOR,
        # Counted from sign-in, whatever happens in between.
        SESSION_REFRESH_EACH_REQUEST=False,
        RQ_DASHBOARD_REDIS_URL=settings.redis_url,
    )
    tokens.configure(app, settings)
    forbid_pickle()
    rq_dashboard.web.config.serializer = JSONSerializer
    rq_dashboard.web.setup_rq_connection(app)
    app.before_request(_admit)
    app.after_request(_protect)
    app.register_error_handler(Refusal, lambda error: _plain(error.detail, 403))
    app.register_error_handler(HTTPException, lambda error: _plain(error.description or "", error.code or 500))
    app.register_error_handler(Exception, _failure)
    app.add_url_rule(LOGIN, "log_in", _log_in, methods=["GET", "POST"])
    app.add_url_rule(LOGOUT, "log_out", _log_out, methods=["POST"])
    app.register_blueprint(rq_dashboard.blueprint, url_prefix=RQ)
    return app


def _plain(told: str, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(told, status, headers, mimetype="text/plain")


def _failure(error: Exception) -> Response:
    """rq-dashboard trusts that RQ wrote everything in Redis; say so instead of a 500 where that does not hold."""
    if isinstance(error, SQLAlchemyError | RedisError):
        return _plain("A part of the service is away. Try again in a moment.", 503, {"Retry-After": "2"})
    if request.blueprint == rq_dashboard.blueprint.name:
        logger.warning("the dashboard cannot show %s: %s", request.endpoint, type(error).__name__)
        return _plain("What lies in Redis there can't be read: it is gone, or it is no job of ours.", 404)
    logger.exception("a request of an operator failed", exc_info=error)
    return _plain("Something went wrong; the log tells what.", 500)


def _admit() -> AnyResponse | None:
    if request.method not in ("GET", "HEAD") and _is_cross_site():
        return _plain("Refused: this came from another site.", 403)
    if request.endpoint in CHANGES_BY_GET and request.method != "POST":
        return _plain("Send this as a POST.", 405, {"Allow": "POST"})
    if request.endpoint in UNASKED:
        return None
    return _refuse_all_but_admins() or _refuse_what_is_not_there(request.view_args or {})


def _refuse_what_is_not_there(asked: dict[str, Any]) -> AnyResponse | None:
    pages = [str(asked.get(name, 1)) for name in ("page", "per_page")]
    there = (
        asked.get("instance_number", 0) == 0
        and asked.get("registry_name", "queued") in REGISTRIES
        and asked.get("order", "asc") in ORDERS
        and all(each.isascii() and each.isdigit() and len(each) < 7 and int(each) for each in pages)
        and int(pages[1]) <= MOST_ON_A_PAGE
    )
    return None if there else _plain("There is no such page.", 404)


def _is_cross_site() -> bool:
    origin = request.headers.get("Origin")
    return request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none") or (
        origin is not None and origin != request.host_url.rstrip("/")
    )


def _refuse_all_but_admins() -> AnyResponse | None:
    header = request.headers.get("Authorization")
    if header:
        try:
            auth.require_admin(auth.actor_of(header))
        except WrongCredentials as error:
            return _plain(error.detail, 401, {"WWW-Authenticate": "Bearer"})
        return None
    return None if _has_admin_session() else redirect(PREFIX + LOGIN)


def _has_admin_session() -> bool:
    session_id = session.get("session_id")
    if not isinstance(session_id, str):
        return False
    live = auth.live_session(session_id)
    return live is not None and live.role == ADMIN


def _log_in() -> AnyResponse:
    if request.method == "POST":
        return _checked(request.form.get("email", ""), request.form.get("password", ""))
    return _form()


def _form(message: str = "", status: int = 200) -> Response:
    return Response(PAGE.replace("{message}", escape(message)), status, mimetype="text/html")


def _log_out() -> AnyResponse:
    """End the session, whoever holds a copy of the cookie."""
    session_id = session.pop("session_id", None)
    if isinstance(session_id, str):
        command = sessions.CloseSession(session_id)
        perform(services().writing, Cause(None, new_id()), partial(sessions.close_session, command))
    return redirect(PREFIX + LOGIN, 303)


def _checked(email: str, password: str) -> AnyResponse:
    try:
        limits.count_attempt()
        limits.count_login(email)
    except TooManyRequests as error:
        answer = _form(error.description or "", 429)
        answer.headers["Retry-After"] = str(error.retry_after)
        return answer
    found = reads().current.ask(accounts.find_by_email, email)
    try:
        user = accounts.check_password(found, password, services().settings.bcrypt_rounds)
    except WrongCredentials as error:
        return _form(error.detail, 401)
    if user.role != ADMIN:
        return _form("This account is not an administrator's.", 403)
    command = sessions.OpenSession(user.id, user.password_hash)
    opened = perform(services().writing, Cause(user.id, new_id()), partial(sessions.open_session, command))
    session.permanent = True
    session["session_id"] = opened.id
    return redirect(PREFIX + RQ + "/")


def _protect(response: Any) -> Any:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cache-Control", "no-store")
    return response
