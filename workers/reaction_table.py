"""The one table of reactions: what each is called, hears and does, and which read model it keeps.

From it follow the subscriptions (the relay's), what can be rebuilt, and the workers with their processes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from events.event import Event, Fact
from events.pictures import PictureFailed, PictureMadeReady, PictureRemoved, PictureRetried, PictureUploaded
from events.subscriptions import MAKE_THUMBNAILS, Subscriptions
from infra.settings import Settings
from read_models import references, revisions, views
from read_models.model import Model
from read_models.search import refresh
from workers.caches import refresh_caches
from workers.thumbnails import make_thumbnails

BATCH_PATIENCE = 3
PAUSE_SECONDS = 0.5


def _nothing(settings: Settings, events: Sequence[Event]) -> None:
    pass


def _no_others(connection: Connection, events: Sequence[Event]) -> Sequence[str]:
    return ()


@dataclass(frozen=True)
class Reaction:
    """
    name: also its queue's and its worker's.
    hears: the kinds of events that it is sent.
    apply: the effect, in a transaction with the receipt.
    model: the read model that it keeps.
    after: runs once that is committed; it may be lost, so it is for hints alone.
    covered: the ids of other events that ``apply`` handles as well, if they are owed.
    at_once: how many events share a transaction; fewer where each takes long.
    seconds: the longest that one event may take. A batch may take ``BATCH_PATIENCE`` times as long, since on a busy
        machine an honest one does. If it needs more, its events are tried one by one; so one that hangs holds up its
        reaction for so long, once, and then only others that failed.
    pause: the least time between two of its jobs, and between two batches of a process that stays, in seconds. Each
        costs more than many events: under load fewer and larger ones leave the processor to those who write.
    """

    name: str
    hears: tuple[type[Fact], ...]
    apply: Callable[[Connection, Sequence[Event]], None]
    model: Model | None = None
    after: Callable[[Settings, Sequence[Event]], None] = _nothing
    covered: Callable[[Connection, Sequence[Event]], Sequence[str]] = _no_others
    at_once: int = 250
    seconds: float = 5.0
    pause: float = PAUSE_SECONDS

    def patience(self, events: int) -> float:
        """The longest, in seconds, that a transaction with so many events may take."""
        return self.seconds if events == 1 else BATCH_PATIENCE * self.seconds


def _keeping(model: Model, **more: Any) -> Reaction:
    """The reaction that keeps a read model up to date."""
    return Reaction(model.reaction, model.hears, model.project, model, **more)


TABLE = (
    _keeping(views.MODEL, after=refresh_caches),
    _keeping(revisions.MODEL),
    # A search should find what was saved a moment ago; the others may take a little longer, since authors read their
    # own changes from the log.
    _keeping(refresh.MODEL, covered=refresh.covered, pause=0.05),
    Reaction(MAKE_THUMBNAILS, (PictureUploaded, PictureRetried), make_thumbnails, at_once=1, seconds=45.0),
    _keeping(references.MODEL),
)
# Known, and nobody has to hear of it.
UNHEARD: tuple[type[Fact], ...] = (PictureMadeReady, PictureFailed, PictureRemoved)

REACTIONS = {reaction.name: reaction for reaction in TABLE}
MODELS = {reaction.model.name: reaction.model for reaction in TABLE if reaction.model}
PAUSES = {reaction.name: reaction.pause for reaction in TABLE}
SUBSCRIPTIONS: Subscriptions = {
    kind.name: tuple(reaction.name for reaction in TABLE if kind in reaction.hears)
    for kind in dict.fromkeys((*(kind for reaction in TABLE for kind in reaction.hears), *UNHEARD))
}
