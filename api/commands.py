"""From a request to a command and back: one transaction, with the idempotency receipt inside it."""

import hmac
from collections.abc import Callable
from typing import TypeVar

import msgspec
from flask import Response, request

from api.auth import maybe_actor
from api.errors import problem
from api.http import encode
from api.services import services
from domain import receipts
from domain.errors import Invalid
from domain.once import perform_once
from domain.receipts import Answer, Claim
from domain.unit_of_work import Cause, UnitOfWork, perform
from infra import logs

Result = TypeVar("Result")


def carry_out(
    work: Callable[[UnitOfWork], Result],
    present: Callable[[Result], tuple[object, int, dict[str, str]]],
    also: str = "",
    unseal: Callable[[str], str] = str,
) -> Response:
    """Do ``work`` in one transaction and answer with what ``present`` makes of its result.

    With an Idempotency-Key the answer is stored in that transaction, and a repeated request gets it again. ``also`` is
    what makes a request another one besides its body. ``unseal`` makes the body that is sent of the one that is
    stored, where that must not lie in a table.
    """

    def answered(uow: UnitOfWork) -> Answer:
        body, status, headers = present(work(uow))
        return Answer(status, headers, encode(body).decode() if body is not None else "")

    answer = perform_once(services().writing, cause(), _claim(also), answered)
    services().nudge.poke()
    return _response(answer, unseal)


def answered_before(also: str) -> Response | None:
    """The stored answer to this very request, None when it is new: for work that is done before the transaction."""
    claim = _claim(also)
    if claim is None:
        return None
    found = perform(services().writing, cause(), lambda uow: receipts.earlier(uow.connection, claim))
    return _response(found, str) if found else None


def cause() -> Cause:
    """Who asked for the command, and under which request id."""
    who = maybe_actor()
    return Cause(who.user_id if who else None, logs.request_id.get() or "")


def _claim(also: str) -> Claim | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= 255:
        raise Invalid({"Idempotency-Key": ["Must have 1 to 255 characters."]})
    who = maybe_actor()
    holder = who.user_id if who else f"address:{request.remote_addr}"
    # Keyed: a body may hold a password, and a bare hash of it could be guessed at far faster than bcrypt's.
    content = request.get_data() + also.encode()
    digest = hmac.new(services().settings.jwt_secret_key.encode(), content, "sha256").hexdigest()
    return Claim(holder, key, f"{request.method} {request.path}"[:2100], digest)


def _response(answer: Answer, unseal: Callable[[str], str]) -> Response:
    response = _refusal(answer) if answer.status >= 400 else _success(answer, unseal(answer.body))
    if answer.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    response.headers["Cache-Control"] = "no-store"
    return response


def _success(answer: Answer, body: str) -> Response:
    return Response(body, answer.status, answer.headers, mimetype="application/json")


def _refusal(answer: Answer) -> Response:
    """A refusal that was committed. What is stored are its own members: the request id is each request's own."""
    return problem(answer.status, headers=answer.headers, **msgspec.json.decode(answer.body))
