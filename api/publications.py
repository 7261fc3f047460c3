"""What readers may see, right now: the newest state of a notebook, held under a lease."""

from sqlalchemy.exc import DBAPIError, TimeoutError

from api.services import services
from domain.errors import NotFound
from domain.unit_of_work import CommitUnknown
from events import log
from events.event import Event
from events.notebooks import NotebookFact, Publication
from infra import crash
from infra.database import is_unreachable, retrying


def publication(notebook_id: str) -> tuple[NotebookFact, Publication]:
    """The notebook's newest fact with its publication.

    While MySQL is away the shared cache answers: a withdrawal writes there before it is acknowledged, and none can be
    acknowledged without MySQL.

    Raises:
        NotFound: there is nothing that readers may see.
    """
    fact = services().publications.get(notebook_id, lambda known: _newest(notebook_id, known))
    if fact.publication is None:
        raise NotFound("There is no such notebook.")
    return fact, fact.publication


def _newest(notebook_id: str, known: NotebookFact | None) -> NotebookFact:
    try:
        return retrying(lambda: _read(notebook_id, known))
    except Exception as error:
        if not is_unreachable(error):
            raise
        kept = services().shared.publication(notebook_id)
        if kept is None:
            raise
        return kept


def _read(notebook_id: str, known: NotebookFact | None) -> NotebookFact:
    if known and services().versions.get(notebook_id) == [known.version]:
        return known
    event = _newest_event(notebook_id)
    if event is None or not isinstance(event.fact, NotebookFact):
        raise NotFound("There is no such notebook.")
    services().shared.put_publication(event.fact)
    return event.fact


def _newest_event(notebook_id: str) -> Event | None:
    with services().reading.connect() as connection:
        return log.newest(connection, notebook_id)


def make_known(notebook_id: str) -> None:
    """Call after the commit of anything that readers must see at once, or never again, and before acknowledging it.

    Raises:
        CommitUnknown: MySQL is away now; what is committed can't be acknowledged.
    """
    try:
        event = retrying(lambda: _newest_event(notebook_id))
    except (DBAPIError, TimeoutError) as error:
        raise CommitUnknown from error
    if event and isinstance(event.fact, NotebookFact):
        services().shared.put_publication(event.fact)
    crash.point("withdrawal known")
    services().publications.wait_out()
