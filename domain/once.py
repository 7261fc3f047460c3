"""A command that happens once however often its client asks for it, and that is answered even when the reply to its
COMMIT is lost (docs/adr/0011)."""

import time
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, TimeoutError

from domain import receipts
from domain.errors import InProgress
from domain.receipts import Answer, Claim
from domain.unit_of_work import Cause, CommitUnknown, UnitOfWork, perform
from infra.database import REQUEST_SECONDS

PAUSE_SECONDS = 0.05


def perform_once(engine: Engine, cause: Cause, claim: Claim | None, work: Callable[[UnitOfWork], Answer]) -> Answer:
    """Run ``work`` in one transaction with its receipt; the stored answer when the client has asked before.

    Raises:
        CommitUnknown: it is done or it is not, and nobody could be asked in time.
        Conflict: the first request with this key is still being worked on.
        Invalid: the key was used for another request.
    """
    if claim is None:
        return perform(engine, cause, work)
    began = time.monotonic()

    def attempt() -> Answer:
        return perform(engine, cause, lambda uow: _with_receipt(uow, claim, work))

    try:
        return attempt()
    except CommitUnknown as unknown:
        return _settle(attempt, unknown, until=began + REQUEST_SECONDS)


def _with_receipt(uow: UnitOfWork, claim: Claim, work: Callable[[UnitOfWork], Answer]) -> Answer:
    if stored := receipts.earlier(uow.connection, claim):
        return stored
    receipts.begin(uow.connection, claim, uow.now)
    answer = work(uow)
    receipts.complete(uow.connection, claim, answer)
    return answer


def _settle(attempt: Callable[[], Answer], unknown: CommitUnknown, until: float) -> Answer:
    """The answer of a transaction whose COMMIT got no reply; where it was rolled back, that of another one.

    Its receipt tells. It was inserted before anything else and is locked until that transaction has ended, on a
    server that does not yet know of the lost connection too. So: the row is there, and has the answer; or it is locked,
    and we wait; or there is none, and then the work was undone and can't come back. To try again is to ask just that.
    """
    while time.monotonic() < until:
        time.sleep(PAUSE_SECONDS)
        try:
            # Not a replay: for the client, and for who cleans up after replays, this is the first answer.
            return replace(attempt(), replayed=False)
        except (InProgress, CommitUnknown, DBAPIError, TimeoutError):
            continue
    raise unknown
