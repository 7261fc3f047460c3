"""The OpenAPI document, made from the schemas that validate, and a page that reads it."""

import mimetypes
import warnings
from importlib.resources import files
from typing import Any, cast

from apiflask import APIBlueprint, APIFlask, Schema, fields
from flask import Response

from api import openapi_rules
from api.http import PUBLIC as FOR_ALL
from api.http import conditional
from api.schemas.fields import Problem
from api.services import application
from domain.errors import NotFound
from queries.answer import encode, etag_of

# Not named `openapi`: APIFlask leaves routes of that name out of the document.
blueprint = APIBlueprint("docs", __name__)

DESCRIPTION = """\
Write, revise, publish, read and search.

- Every route is under `/api/v1`; without a version it is the current one.
- Errors are RFC 9457 `application/problem+json`; on validation `errors` names each field.
- Reads carry an `ETag`: send it back as `If-None-Match` for a 304, or on a `PUT` as `If-Match`, to change nothing but
  what you have read.
- Send an `Idempotency-Key` with any change, and repeat the request as often as the network asks for: it happens once.
- Get a token at `/auth/login` and send it as `Authorization: Bearer …`.
"""
# Our page's own files and nothing else; it asks this API and no one else.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = files("api").joinpath("docs")
PAGE_FILES = frozenset({"page.js", "page.css"})


class Document(Schema):
    openapi = fields.String()
    info = fields.Dict()
    paths = fields.Dict()
    components = fields.Dict()


def configure(app: APIFlask) -> None:
    """Call it before any route is added."""
    app.config.update(
        OPENAPI_VERSION="3.1.0",
        AUTO_OPERATION_ID=False,
        # The document is cached; the address of who asked first must not be in it.
        AUTO_SERVERS=False,
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_404_RESPONSE=False,
        VALIDATION_ERROR_STATUS_CODE=422,
        HTTP_ERROR_SCHEMA=Problem,
        INFO={"description": DESCRIPTION, "license": {"name": "MIT", "identifier": "MIT"}},
    )
    # APIFlask meets some schemas twice; `operations` makes them one again.
    warnings.filterwarnings("ignore", ".*has already been added to the spec", UserWarning, "apispec")
    app.servers = [{"url": "/"}]
    app.security_schemes = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    app.spec_processor(lambda spec: openapi_rules.complete(cast(dict[str, Any], spec), app))


@blueprint.get("/openapi.json")
@blueprint.output(Document)
def spec() -> Response:
    """The OpenAPI 3.1 document of every route"""
    body = encode(application().spec)
    return conditional(body, etag_of(body), FOR_ALL)


@blueprint.get("/docs")
@blueprint.output({}, content_type="text/html")
def page() -> Response:
    """A page that reads this document, and can try each route"""
    return _file("page.html")


@blueprint.get("/docs/<word:name>")
@blueprint.output({}, content_type="text/*")
@blueprint.doc(responses=[404])
def page_file(name: str) -> Response:
    """The script and the style of that page"""
    if name not in PAGE_FILES:
        raise NotFound("There is no such file.")
    return _file(name)


def _file(name: str) -> Response:
    body = PAGE.joinpath(name).read_bytes()
    response = conditional(body, etag_of(body), FOR_ALL)
    response.mimetype = mimetypes.guess_type(name)[0] or "application/octet-stream"
    response.headers["Content-Security-Policy"] = POLICY
    return response
