"""The draft of a page, as its author reads it."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import CHAR, Column, Connection, Index, Integer, String, delete, select

from events import log
from events.pages import PageFact
from infra.database import Id, LongText, UtcDateTime, table
from read_models.projection import newest_wins

BUILDER = 1


def shown_columns() -> tuple[Column[Any], ...]:
    """What is shown of a page, here and in ``published.py``; named like the fields of its fact."""
    return (
        Column("title", String(200), nullable=False),
        Column("content", LongText, nullable=False),
        Column("word_count", Integer, nullable=False),
        Column("content_sha256", CHAR(64, collation="ascii_bin"), nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Column("updated_at", UtcDateTime, nullable=False),
    )


page_views = table(
    "page_views",
    Column("page_id", Id, primary_key=True),
    Column("notebook_id", Id, nullable=False),
    Column("owner_id", Id, nullable=False),
    Column("version", Integer, nullable=False),
    *shown_columns(),
    Column("builder_version", Integer, nullable=False),
    Index("ix_page_views_notebook", "notebook_id"),
)


def project(connection: Connection, facts: Iterable[PageFact]) -> None:
    newest_wins(connection, page_views, [_row(fact) for fact in facts])


def _row(fact: PageFact) -> dict[str, Any]:
    names = (column.name for column in page_views.columns if column.name != "builder_version")
    return {name: getattr(fact, name) for name in names} | {"builder_version": BUILDER}


def forget(connection: Connection, page_ids: Sequence[str]) -> None:
    for page_id in page_ids:
        connection.execute(delete(page_views).where(page_views.c.page_id == page_id))


def load(connection: Connection, page_id: str, version: int) -> dict[str, Any] | None:
    """The page at ``version`` or later. If the view lags the log, answer from the log."""
    row = connection.execute(select(page_views).where(page_views.c.page_id == page_id)).mappings().one_or_none()
    if row is not None and row["version"] >= version:
        return dict(row)
    event = log.at(connection, page_id, version)
    return _row(event.fact) if event and isinstance(event.fact, PageFact) else None
