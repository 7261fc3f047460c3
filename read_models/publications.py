"""Which publication of a notebook is the newest, kept in the shared cache: what readers may see while MySQL is away.

The API writes it before it acknowledges a change of it, and the worker of the views once more, for when Redis was away.
"""

import msgspec

from events.notebooks import NotebookFact
from infra.shared_cache import SharedCache


def encode(fact: NotebookFact) -> bytes:
    return msgspec.json.encode(fact)


def put(shared: SharedCache, fact: NotebookFact, encoded: bytes | None = None) -> bool:
    """Remember the fact; an older one changes nothing. Whether Redis answered."""
    return shared.put_newest(_name(fact.notebook_id), fact.version, encoded or encode(fact))


def newest(shared: SharedCache, notebook_id: str) -> NotebookFact | None:
    """The newest known fact; None when there is none, Redis is away, or other code wrote what this one can't read."""
    kept = shared.newest(_name(notebook_id))
    try:
        return msgspec.json.decode(kept, type=NotebookFact) if kept else None
    except msgspec.DecodeError:
        return None


def _name(notebook_id: str) -> str:
    return f"publication:{notebook_id}"
