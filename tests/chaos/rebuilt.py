"""Every read model, made anew from the log into a shadow, must be byte for byte what it is live.

The shadow is a schema of its own on the same server: the same tables, the log copied over, and nothing else known.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import Engine, Table, create_engine, make_url, select, text

from events import log
from events.subscriptions import MAKE_THUMBNAILS, REACTIONS, reactions_to
from infra.database import retrying
from infra.settings import Settings
from read_models.notebook_view import notebook_views
from read_models.page_view import page_views
from read_models.profiles import profiles
from read_models.published import published_notebooks, published_pages
from read_models.references import picture_references, reference_sources
from read_models.revisions import revision_labels, revisions
from read_models.search_index import search_entries
from read_models.search_refresh import search_notebooks
from workers.reactions import REACTIONS as EFFECTS

SHADOW = "sinpluma_shadow"
READ_MODELS = (
    notebook_views,
    page_views,
    profiles,
    published_notebooks,
    published_pages,
    picture_references,
    reference_sources,
    revision_labels,
    revisions,
    search_entries,
    search_notebooks,
)
# A reaction that makes objects is no read model.
PROJECTIONS = [reaction for reaction in REACTIONS if reaction != MAKE_THUMBNAILS]
BATCH = 500


def differences(engine: Engine, settings: Settings) -> dict[str, int]:
    """By read model, how many rows are in one of both alone; nothing for those that are equal."""
    shadow = _shadow(engine, settings)
    try:
        _replay(engine, shadow)
        counted = {each.name: _rows_apart(engine, each) for each in READ_MODELS}
    finally:
        shadow.dispose()
    return {name: count for name, count in counted.items() if count}


def _shadow(engine: Engine, settings: Settings) -> Engine:
    live = make_url(settings.database_url).database
    with engine.begin() as connection:
        connection.execute(text(f"CREATE DATABASE IF NOT EXISTS {SHADOW}"))
        for each in (*READ_MODELS, log.events):
            connection.execute(text(f"CREATE TABLE IF NOT EXISTS {SHADOW}.{each.name} LIKE {live}.{each.name}"))
            connection.execute(text(f"TRUNCATE {SHADOW}.{each.name}"))
        connection.execute(text(f"INSERT INTO {SHADOW}.events SELECT * FROM {live}.events"))
    return create_engine(
        make_url(settings.database_url).set(database=SHADOW), isolation_level="READ COMMITTED", pool_size=1
    )


def _replay(engine: Engine, shadow: Engine) -> None:
    for event_ids in _in_batches(engine):
        retrying(lambda batch=event_ids: _project(shadow, batch))  # type: ignore[misc]


def _in_batches(engine: Engine) -> Iterator[Sequence[str]]:
    with engine.connect() as connection:
        ids = list(connection.scalars(select(log.events.c.id).order_by(log.events.c.id)))
    return (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))


def _project(shadow: Engine, event_ids: Sequence[str]) -> None:
    with shadow.begin() as connection:
        events = log.load(connection, event_ids)
        for reaction in PROJECTIONS:
            EFFECTS[reaction].apply(connection, [e for e in events if reaction in (reactions_to(e.fact.name) or ())])


def _rows_apart(engine: Engine, model: Table) -> int:
    columns = ", ".join(column.name for column in model.columns if not _is_of_the_moment(model, column.name))
    live, again = (f"SELECT {columns} FROM {where}{_only(model)}" for where in (model.name, f"{SHADOW}.{model.name}"))
    either = f"({live} EXCEPT {again}) UNION ALL ({again} EXCEPT {live})"
    with engine.connect() as connection:
        return connection.scalar(text(f"SELECT COUNT(*) FROM ({either}) AS apart")) or 0


# The version of a search entry counts with the notebook's as it was when the page was last refreshed, and what is gone
# leaves a tombstone only where it had been: both differ with the moment, and no reader ever sees them.
def _is_of_the_moment(model: Table, column: str) -> bool:
    return model is search_entries and column == "version"


def _only(model: Table) -> str:
    return " WHERE title_terms != ''" if model is search_entries else ""
