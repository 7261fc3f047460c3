"""Keep the shared cache fresh: what readers may see of a notebook now, and no longer."""

from collections.abc import Sequence

from events.event import Event
from events.notebooks import NotebookFact
from infra.settings import Settings
from infra.shared_cache import SharedCache, connect
from read_models import publications
from read_models.projection import newest_of


def refresh_caches(settings: Settings, events: Sequence[Event]) -> None:
    """Newest wins here too. The API writes the cache before it acknowledges; this makes up for a Redis that was away
    then."""
    facts = newest_of(events, NotebookFact).values()
    if facts:
        cache = SharedCache(connect(settings))
        for fact in facts:
            publications.put(cache, fact)
