"""Statements in one packet: in order, all of them seen, and nothing that they hold taken for one."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select
from sqlalchemy.exc import IntegrityError, OperationalError

from domain.page import pages
from infra import together
from infra.clock import new_id
from infra.database import write_engine
from infra.settings import Settings
from tests.integration.writing import PATIENCE, a_page

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def a_row(content: str = "Words", **more: Any) -> dict[str, Any]:
    ids = {"id": new_id(), "notebook_id": "b" * 32, "owner_id": "a" * 32}
    counted = {"version": 1, "word_count": 1, "content_sha256": "0" * 64, "revision": 1}
    times = {"autosaved_since": None, "trashed_at": None, "created_at": MOMENT, "updated_at": MOMENT}
    return {**ids, **counted, **times, "title": "A page", "content": content, **more}


@contextmanager
def packets(engine: Engine) -> Iterator[list[str]]:
    sent: list[str] = []

    def hear(_: Any, __: Any, statement: str, *___: Any) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", hear)


@pytest.mark.parametrize("text", ["a; DELETE FROM pages; --", "100 %s %(x)s %%", "'\\\"; \x00\n", "𝔘nicode €"])
def test_what_is_written_is_read_again_whatever_it_holds(db: Engine, text: str) -> None:
    first, second = a_row(text, title=text[:20]), a_row("Others")
    with packets(db) as sent, db.begin() as connection:
        together.say(
            connection,
            [
                *together.insertions(pages, [first, second]),
                together.change(pages, second["id"], {"content": text + text, "trashed_at": MOMENT}),
            ],
        )
    assert len(sent) == 1
    with db.connect() as connection:
        found = {row["id"]: dict(row) for row in connection.execute(select(pages)).mappings()}
    assert found == {
        first["id"]: first,
        second["id"]: {**second, "content": text + text, "trashed_at": MOMENT},
    }


def test_the_first_that_fails_is_the_last_and_is_heard_of(db: Engine) -> None:
    row, other = a_row(), a_row()
    said = [
        *together.insertions(pages, [row]),
        *together.insertions(pages, [row]),
        *together.insertions(pages, [other]),
    ]
    with db.connect() as connection:
        with pytest.raises(IntegrityError):
            together.say(connection, said)
        # The connection is as good as before, and the rest was not carried out.
        assert list(connection.scalars(select(pages.c.id))) == [row["id"]]
        connection.rollback()
        assert connection.scalar(select(func.count()).select_from(pages)) == 0


def test_a_lock_that_another_holds_is_heard_of_from_the_middle_of_a_packet(impatient: Engine, db: Engine) -> None:
    page = a_page(db)
    with db.connect() as holder, impatient.connect() as connection:
        holder.execute(select(pages).where(pages.c.id == page.id).with_for_update())
        waits = together.change(pages, page.id, {"title": "Another"})
        with pytest.raises(OperationalError, match="1205"):
            together.say(
                connection, [*together.insertions(pages, [a_row()]), waits, *together.insertions(pages, [a_row()])]
            )


def test_what_is_large_goes_by_itself(db: Engine) -> None:
    half = "x" * (together.MOST_BYTES // 2)
    rows = [a_row(half), a_row(half), a_row("short")]
    with packets(db) as sent, db.begin() as connection:
        together.say(connection, together.insertions(pages, rows))
    assert [packet.count("INSERT") for packet in sent] == [1, 2]
    with db.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(pages)) == 3


def test_a_changed_row_is_counted_though_it_held_the_same(settings: Settings, db: Engine) -> None:
    """As SQLAlchemy asks of the driver, where several statements are allowed too."""
    page = a_page(db)
    engine = write_engine(settings, pool_size=1, patience=PATIENCE)
    with engine.connect() as connection:
        same = pages.update().where(pages.c.id == page.id).values(title=page.title)
        assert connection.execute(same).rowcount == 1
    engine.dispose()
