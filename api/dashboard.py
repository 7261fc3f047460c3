"""rq-dashboard for administrators: a small application of its own under ``/internal``.

It is apart from the API because it differs in everything that matters: it serves browsers, with a cookie, and pages
that bring inline scripts. A Bearer token of an administrator is admitted too.
"""

import hmac
from functools import partial
from html import escape
from importlib.resources import files
from typing import Any

import rq_dashboard
from flask import Flask, Response, redirect, request, session
from rq.serializers import JSONSerializer
from werkzeug.exceptions import TooManyRequests
from werkzeug.wrappers import Response as AnyResponse

from api import auth, limits, tokens
from api.services import Services, reads, services
from domain.commands import accounts, sessions
from domain.errors import Refusal, WrongCredentials
from domain.unit_of_work import Cause, perform
from domain.user import ADMIN
from infra.clock import new_id

PREFIX = "/internal"
RQ = "/rq"
LOGIN = "/login"
POLICY = "default-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'"
# rq-dashboard takes this change by GET as well; a link must never change anything.
CHANGES_BY_GET = frozenset({"rq_dashboard.requeue_all"})
PAGE = files("api").joinpath("operators.html").read_text()


def create_dashboard(shared: Services) -> Flask:
    """The application that is mounted under ``/internal``."""
    settings = shared.settings
    # Its pages ask the application, not their own blueprint, for the icon.
    app = Flask("operators", static_folder=str(files("rq_dashboard").joinpath("static")))
    app.extensions["sinpluma"] = shared
    app.config.update(
        SECRET_KEY=hmac.digest(settings.jwt_secret_key.encode(), b"operators' sessions", "sha256"),
        SESSION_COOKIE_NAME="sinpluma_operator",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_PATH=PREFIX,
        RQ_DASHBOARD_REDIS_URL=settings.redis_url,
    )
    tokens.configure(app, settings)
    rq_dashboard.web.config.serializer = JSONSerializer
    rq_dashboard.web.setup_rq_connection(app)
    app.before_request(_admit)
    app.after_request(_protect)
    app.register_error_handler(Refusal, lambda error: Response(error.detail, 403, mimetype="text/plain"))
    app.add_url_rule(LOGIN, "log_in", _log_in, methods=["GET", "POST"])
    app.register_blueprint(rq_dashboard.blueprint, url_prefix=RQ)
    return app


def _admit() -> AnyResponse | None:
    if request.method != "GET" and _is_cross_site():
        return Response("Refused: this came from another site.", 403, mimetype="text/plain")
    if request.endpoint in CHANGES_BY_GET and request.method == "GET":
        return Response("Send this as a POST.", 405, {"Allow": "POST"}, mimetype="text/plain")
    if request.endpoint == "log_in":
        return None
    return _refuse_all_but_admins()


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
            return Response(error.detail, 401, {"WWW-Authenticate": "Bearer"}, mimetype="text/plain")
        return None
    return None if _has_admin_session() else redirect(PREFIX + LOGIN)


def _has_admin_session() -> bool:
    session_id = session.get("session_id")
    if not isinstance(session_id, str):
        return False
    live = auth.live_session(session_id)
    return live is not None and live.role == ADMIN


def _log_in() -> AnyResponse:
    return (
        _form()
        if request.method == "GET"
        else _checked(request.form.get("email", ""), request.form.get("password", ""))
    )


def _form(message: str = "", status: int = 200) -> Response:
    return Response(PAGE.replace("{message}", escape(message)), status, mimetype="text/html")


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
    session["session_id"] = opened.id
    return redirect(PREFIX + RQ + "/")


def _protect(response: Any) -> Any:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cache-Control", "no-store")
    return response
