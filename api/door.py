"""From a request to a command and back: who asks, under which idempotency key, and the answer as HTTP."""

import hmac
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec
from flask import Response, request

from api.auth import maybe_actor
from api.errors import problem
from api.limits import count_written, require_leave_to_write
from api.services import services
from domain import receipts
from domain.errors import Invalid
from domain.once import perform_once
from domain.receipts import Answer, Claim
from domain.unit_of_work import Cause, UnitOfWork, perform
from infra import logs

Command = TypeVar("Command")
Result = TypeVar("Result")


def carry_out(
    handler: Callable[[Command, UnitOfWork], Result],
    command: Command,
    present: Callable[[Result], Answer],
    also: str = "",
    unseal: Callable[[str], str] = str,
) -> Response:
    """Let ``handler`` do the command in one transaction, and answer with what ``present`` (``api/replies.py``) makes of
    its result.

    With an Idempotency-Key the answer is stored in that transaction, and a repeated request gets it again. ``also``
    adds to the request's fingerprint, besides its body. ``unseal`` turns the stored body into the one that is sent,
    where the latter must not be stored."""
    who = maybe_actor()
    if who:
        require_leave_to_write(who.user_id)
    answer = perform_once(services().writing, cause(), _claim(also), handler, command, present)
    if who and not answer.replayed:
        count_written(who.user_id, len(answer.body))
    services().nudge.poke()
    return _response(answer, unseal)


def carry_out_unseen(handler: Callable[[Command, UnitOfWork], Result], command: Command) -> Result:
    """Run a command that is only part of a request: in its own transaction, without an answer or a receipt."""
    return perform(services().writing, cause(), partial(handler, command))


def answered_before(also: str) -> Response | None:
    """The stored answer to this very request, None when it is new: for work that is done before the transaction."""
    claim = _claim(also)
    found = carry_out_unseen(_earlier, claim) if claim else None
    return _response(found, str) if found else None


def _earlier(claim: Claim, uow: UnitOfWork) -> Answer | None:
    return receipts.earlier(uow.connection, claim)


def cause() -> Cause:
    """Who asked for the command, under which request id, and how much text they may have."""
    who = maybe_actor()
    most_text = services().settings.quota_text_bytes
    return Cause(who.user_id if who else None, logs.request_id.get() or "", most_text)


def _claim(also: str) -> Claim | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= 255:
        raise Invalid({"Idempotency-Key": ["Must have 1 to 255 characters."]})
    who = maybe_actor()
    holder = who.user_id if who else f"address:{request.remote_addr}"
    # An HMAC, since a body may hold a password: a plain hash could be brute-forced far faster than bcrypt's.
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
    """A refusal that was committed. Its own members are stored, without the request id, which differs each time."""
    return problem(answer.status, headers=answer.headers, **msgspec.json.decode(answer.body))
