"""The one door of all commands: a command happens once however often its client asks for it, and is answered even when
the reply to its COMMIT is lost (docs/adr/0011)."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, TimeoutError

from domain import receipts
from domain.errors import InProgress
from domain.receipts import Answer, Claim
from domain.unit_of_work import Cause, CommitUnknown, UnitOfWork, transaction
from infra.database import REQUEST_SECONDS, retrying

PAUSE_SECONDS = 0.05

Command = TypeVar("Command")
Result = TypeVar("Result")


def perform_once(
    engine: Engine,
    cause: Cause,
    claim: Claim | None,
    handler: Callable[[Command, UnitOfWork], Result],
    command: Command,
    present: Callable[[Result], Answer],
) -> Answer:
    """Claim the key, do the command, make its answer and its receipt, commit: in one transaction, which is run again
    when the server rolled it back for a passing reason. The stored answer when the client has asked before.

    ``present`` runs while rows are locked, so it must ask nobody anything.

    Raises:
        CommitUnknown: it is done or it is not, and nobody could be asked in time.
        InProgress: the first request with this key is still being worked on.
        Invalid: the key was used for another request.
    """

    def attempt() -> Answer:
        with transaction(engine, cause) as uow:
            answer = receipts.earlier(uow.connection, claim) if claim else None
            if answer is None:
                if claim:
                    receipts.begin(uow.connection, claim, uow.now)
                answer = present(handler(command, uow))
                if claim:
                    receipts.complete(uow.connection, claim, answer)
            uow.commit()
            return answer

    began = time.monotonic()
    try:
        return retrying(attempt)
    except CommitUnknown as unknown:
        if claim is None:
            raise
        return _settle(attempt, unknown, until=began + REQUEST_SECONDS)


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
            return replace(retrying(attempt), replayed=False)
        except (InProgress, CommitUnknown, DBAPIError, TimeoutError):
            continue
    raise unknown
