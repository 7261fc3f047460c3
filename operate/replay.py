"""`run.py replay`: retries parked deliveries, once their cause is removed."""

from sqlalchemy import Engine

from events import parked
from infra.database import BACKGROUND_SECONDS, retrying, write_engine
from infra.settings import Settings
from operate.database_check import check_database

BATCH = 200


def replay(settings: Settings, reaction: str | None, event_id: str | None) -> int:
    """Make parked deliveries pending again, of this reaction and event if given; what to exit with: 0, or 1 when there
    was nothing of the kind."""
    check_database(settings, patience=0)
    engine = write_engine(settings, pool_size=1)
    count = 0
    while done := retrying(lambda: _batch(engine, reaction, event_id), BACKGROUND_SECONDS):
        count += done
    print(_told(count))
    # As grep does: a mistyped id should not look like a success, nor should a reaction of which nothing is parked.
    return 0 if count else 1


def _batch(engine: Engine, reaction: str | None, event_id: str | None) -> int:
    with engine.begin() as connection:
        wanted = parked.parked(connection, reaction, event_id, BATCH)
        for each in wanted:
            parked.retry(connection, *each)
        return len(wanted)


def _told(count: int) -> str:
    if count:
        return f"{count} parked {'delivery is' if count == 1 else 'deliveries are'} due again; the relay sends them now"
    return "nothing of the kind is parked; GET /api/v1/admin/deliveries?state=parked lists what is"
