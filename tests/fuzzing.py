"""Requests made from the OpenAPI document by schemathesis, as told there and otherwise; every answer is held to it."""

import itertools
from collections.abc import Callable
from typing import Any

import hypothesis
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import negative_data_rejection, not_a_server_error, positive_data_acceptance

from api import create_app
from infra.settings import load_settings
from tests.service import NOWHERE, PASSWORD, Author, Service

KNOWN = {"notebook_id", "page_id", "revision_id", "user_id"}
MODES = {"as told": GenerationMode.POSITIVE, "otherwise": GenerationMode.NEGATIVE}


def operation_ids() -> list[str]:
    """Of all operations. The document can be made without any server."""
    spec: Any = create_app(load_settings(NOWHERE)).spec
    paths = spec["paths"]
    return sorted(operation["operationId"] for item in paths.values() for operation in item.values())


class World:
    """A user with things of their own, of which some may vanish while they are played with."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.author: Author = service.author()
        self.turns = itertools.count()
        self.ids: dict[str, str] = {}

    def renew(self) -> None:
        notebook = self.author.notebook()
        page = self.author.page(notebook["id"])
        self.author.post(f"/notebooks/{notebook['id']}/publish", expect=200)
        (revision, *_) = self.author.get(f"/pages/{page['id']}/revisions")["items"]
        self.ids = {
            "notebook_id": notebook["id"],
            "page_id": page["id"],
            "revision_id": revision["id"],
            "user_id": self.author.id or "",
        }

    def place(self, case: Any) -> None:
        """Two of three among things that exist: who sends nothing but noise never gets past 404."""
        turn = next(self.turns)
        if turn % 3 and set(case.path_parameters or ()) & KNOWN:
            if turn % 2 or not self.ids:
                self.renew()
            case.path_parameters |= {name: self.ids[name] for name in KNOWN & set(case.path_parameters)}

    def signed_in(self, operation_id: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token_for(operation_id)}"}

    def _token_for(self, operation_id: str) -> str:
        """Of another user where it may be used up."""
        if operation_id in ("logout", "change_password"):
            return self.service.author().token or ""
        if operation_id == "refresh":
            return self._refresh_token()
        return self.author.token or ""

    def _refresh_token(self) -> str:
        name = self.service.author().name
        credentials = {"email": f"{name}@example.org", "password": PASSWORD}
        tokens = self.service.anyone().post("/auth/login", credentials, expect=200)
        return tokens["refresh_token"]


def fuzz(world: World, operation_id: str, mode: GenerationMode, calls: int, seed: int | None = None) -> int:
    """Send up to ``calls`` requests to one operation; how many there were. Without a seed they are the same each time.

    Raises:
        FailureGroup: an answer was a 500, or not as the document has it; it says which request that was.
    """
    operation = schemathesis.openapi.from_wsgi("/openapi.json", world.service.app).find_operation_by_id(operation_id)
    unfit = _unfit(operation)
    made = itertools.count()

    def call(case: Any) -> None:
        next(made)
        world.place(case)
        case.call_and_validate(headers=world.signed_in(operation_id), excluded_checks=unfit)

    chosen = hypothesis.settings(
        max_examples=calls,
        derandomize=seed is None,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    sent = chosen(given(case=operation.as_strategy(generation_mode=mode))(call))
    try:
        (sent if seed is None else hypothesis.seed(seed)(sent))()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, "a route without any input can't be asked otherwise than told"
    return next(made)


def _unfit(operation: Any) -> list[Callable[..., Any]]:
    told = operation.definition.raw
    # What the document allows may still be refused: a password can be too common, a name taken.
    unfit = [positive_data_acceptance]
    # What it does not know in a query or a header is left alone, as everywhere on the web; and in a form all is text.
    if list(told.get("requestBody", {}).get("content", {})) != ["application/json"]:
        unfit.append(negative_data_rejection)
    # No linguistics service runs here, and the document says 502 for that; that it is in the document is still checked.
    return [*unfit, not_a_server_error] if told["operationId"] == "sentiment" else unfit
