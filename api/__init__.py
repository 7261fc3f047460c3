"""HTTP: translate, authorise, call, answer. No rules, no SQL of the write side, no queue."""

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from apiflask import APIFlask
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from api import auth, bodies, cors, dashboard, desk, errors, http, ids, limits, openapi, services
from api.accounts import blueprint as accounts
from api.admin import blueprint as admin
from api.health import blueprint as health
from api.linguistics import blueprint as linguistics
from api.media import blueprint as media
from api.metrics import blueprint as metrics
from api.metrics import measured
from api.notebooks import blueprint as notebooks
from api.pages import blueprint as pages
from api.pictures import blueprint as pictures
from api.proxies import BehindProxies, behind_nginx
from api.revisions import blueprint as revisions
from api.search import blueprint as search
from infra.settings import Settings


class Api(APIFlask):
    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as it is: none of ours is a coroutine, and Flask would check that again on every call."""
        return func


def create_app(settings: Settings) -> APIFlask:
    """The application, with everything that it uses built and wired."""
    app = Api(
        __name__,
        title="SinPluma",
        version="1",
        json_errors=False,
        spec_path=None,
        docs_path=None,
        static_folder=None,  # type: ignore[arg-type]
    )
    app.extensions["sinpluma"] = services.build(settings)
    app.wsgi_app = desk.serving(app.wsgi_app, settings)  # type: ignore[method-assign]
    ids.register(app)
    http.register(app)
    bodies.register(app)
    errors.register(app)
    cors.register(app)
    auth.register(app)
    openapi.configure(app)
    for blueprint in (accounts, admin, notebooks, pages, revisions, pictures, media, search, linguistics):
        app.register_blueprint(blueprint, url_prefix="/api/v1")
    for blueprint in (health, metrics, openapi.blueprint):
        app.register_blueprint(blueprint)
    _mount(app, dashboard.PREFIX, dashboard.create_dashboard(app.extensions["sinpluma"]))
    if settings.ratelimit_enabled:
        app.wsgi_app = limits.telling(app.wsgi_app)  # type: ignore[method-assign]
    if settings.trusted_proxies:
        app.wsgi_app = BehindProxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]
    if settings.api_socket:
        app.wsgi_app = behind_nginx(app.wsgi_app)  # type: ignore[method-assign]
    app.wsgi_app = measured(app.wsgi_app, settings.access_log)  # type: ignore[method-assign]
    return app


def _mount(app: Flask, prefix: str, other: Flask) -> None:
    """Mount an application under a prefix. Other paths bypass werkzeug's dispatcher, which splits each path it sees."""
    alone, both = app.wsgi_app, DispatcherMiddleware(app.wsgi_app, {prefix: other})

    def mounted(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return (both if environ["PATH_INFO"].startswith(prefix) else alone)(environ, start_response)

    app.wsgi_app = mounted  # type: ignore[method-assign]
