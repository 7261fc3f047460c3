"""Which functions carry out which reaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from events.event import Event
from events.subscriptions import CUT_REVISIONS, INDEX_SEARCH, MAKE_THUMBNAILS, TRACK_REFERENCES, UPDATE_VIEWS
from infra.settings import Settings
from read_models.search import refresh
from workers.caches import refresh_caches
from workers.projections import update_views
from workers.references import track_references
from workers.revisions import cut_revisions
from workers.search import index_search
from workers.thumbnails import make_thumbnails

BATCH_PATIENCE = 3


def _nothing(settings: Settings, events: Sequence[Event]) -> None:
    pass


def _no_others(connection: Connection, events: Sequence[Event]) -> Sequence[str]:
    return ()


@dataclass(frozen=True)
class Reaction:
    """``apply`` is the effect, in a transaction with the receipt. ``covered``: the ids of other events that are handled
    by it as well, if they are owed. ``after`` runs once that is committed; it may be lost, so it is for hints alone.
    ``at_once``: how many events share a transaction, where each takes long. ``seconds``: the longest that one event may
    take; a batch may take ``BATCH_PATIENCE`` times as long, since on a busy machine an honest one does. One that needs
    more still is done one by one; what hangs holds up its reaction for so long, once, and then only others that
    failed."""

    apply: Callable[[Connection, Sequence[Event]], None]
    after: Callable[[Settings, Sequence[Event]], None] = _nothing
    covered: Callable[[Connection, Sequence[Event]], Sequence[str]] = _no_others
    at_once: int = 250
    seconds: float = 5.0

    def patience(self, events: int) -> float:
        """The longest, in seconds, that a transaction with so many events may take."""
        return self.seconds if events == 1 else BATCH_PATIENCE * self.seconds


REACTIONS = {
    UPDATE_VIEWS: Reaction(update_views, refresh_caches),
    CUT_REVISIONS: Reaction(cut_revisions),
    INDEX_SEARCH: Reaction(index_search, covered=refresh.covered),
    MAKE_THUMBNAILS: Reaction(make_thumbnails, at_once=1, seconds=45.0),
    TRACK_REFERENCES: Reaction(track_references),
}
