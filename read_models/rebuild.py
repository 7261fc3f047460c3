"""Make a read model anew from the log, beside the live one."""

from collections.abc import Iterator
from functools import partial

from infra.database import BACKGROUND_SECONDS, retrying
from read_models.shadow import Shadow

BATCH = 200


def fill(shadow: Shadow, position: str = "") -> Iterator[str]:
    """Project the log into a shadow from after this event on, a committed batch at a time; yields the last event of
    each."""
    while True:
        position, done = retrying(partial(_batch, shadow, position), BACKGROUND_SECONDS)
        if not done:
            return
        yield position


def _batch(shadow: Shadow, after: str) -> tuple[str, int]:
    with shadow.engine.begin() as connection:
        event_ids = shadow.next_ids(connection, after, BATCH)
        if event_ids:
            shadow.project(connection, event_ids)
    return (event_ids[-1] if event_ids else after), len(event_ids)
