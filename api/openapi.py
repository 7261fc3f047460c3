"""The OpenAPI document, made from the schemas that validate, and a page that reads it."""

from typing import Any

from apiflask import APIBlueprint, APIFlask
from flask import Response, current_app

from api.auth import PUBLIC
from api.http import encode

blueprint = APIBlueprint("openapi", __name__, enable_openapi=False)


def configure(app: APIFlask) -> None:
    app.config.update(
        OPENAPI_VERSION="3.1.0",
        AUTO_OPERATION_ID=True,
        VALIDATION_ERROR_STATUS_CODE=422,
        INFO={"description": "Write, revise, publish, read and search. Errors are RFC 9457 problem+json."},
    )
    app.security_schemes = {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    app.spec_processor(_finish)


def _finish(spec: Any) -> Any:
    """Say of each operation whether it needs a token, from the list that the authentication itself uses."""
    public = {endpoint.replace(".", "_") for endpoint in PUBLIC}
    for path in spec["paths"].values():
        for operation in path.values():
            is_public = operation.get("operationId", "").partition("_")[2] in public
            operation["security"] = [{}, {"token": []}] if is_public else [{"token": []}]
    return spec


@blueprint.get("/openapi.json")
def spec() -> Response:
    """The OpenAPI 3.1 document of every route"""
    return Response(encode(current_app.spec), mimetype="application/json")  # type: ignore[attr-defined]
