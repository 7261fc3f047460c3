"""Whether the comparison of read models with the log finds what is the same, and whatever is not."""

import pytest
from sqlalchemy import Engine, Table, func, inspect, select, true

from events import log
from events.deliveries import deliveries
from events.subscriptions import REACTIONS
from events.subscriptions import READ_MODELS as NAMES
from read_models.page_view import page_views
from read_models.references import picture_references
from tests.comparison import differences
from tests.integration.test_projections import READ_MODELS
from tests.service import Author, Service
from workers.reaction_table import MODELS, SUBSCRIPTIONS


def lived_in(service: Service) -> Author:
    """Something of everything: each table of the read models has a row."""
    author = service.author()
    picture = f"![](/media/{'a' * 32}/small)"
    notebook = author.notebook("Walks", metadata={"n": 1})
    first = author.page(notebook["id"], "First", f"A heron, 学而 {picture}")
    second = author.page(notebook["id"], "Second", "Two herons.")
    place = f"/notebooks/{notebook['id']}"
    author.post(f"{place}/publish", expect=200)
    author.put(f"{place}/pages/{first['id']}", {"content": f"Three {picture}", "autosave": True})
    author.put(f"{place}/pages/{first['id']}", {"content": "Four herons."})
    refused = author.put(
        f"{place}/pages/{first['id']}", {"content": "refused"}, expect=412, headers={"If-Match": '"1-1"'}
    )
    author.put(f"/pages/{first['id']}/revisions/{refused['conflict_revision_id']}", {"label": "Kept"})
    service.drain()
    author.delete(f"{place}/pages/{second['id']}")
    author.put(place, {"title": "Rambles"})
    author.put(f"/users/{author.id}", {"bio": "Walks a lot."})
    thrown = author.notebook("Thrown away")
    author.page(thrown["id"])
    author.delete(f"/notebooks/{thrown['id']}")
    service.drain()
    return author


def test_what_is_rebuilt_from_the_log_is_byte_equal(service: Service, db: Engine) -> None:
    lived_in(service)
    for each in READ_MODELS:
        with db.connect() as connection:
            assert connection.scalar(select(func.count()).select_from(each)), f"nothing to compare in {each.name}"
    assert differences(db) == []
    assert not [name for name in inspect(db).get_table_names() if name.startswith("compared_")]


@pytest.mark.parametrize("table", READ_MODELS, ids=lambda table: table.name)
def test_a_row_that_is_lost_is_found(service: Service, db: Engine, table: Table) -> None:
    lived_in(service)
    found = table.c.title_terms != "" if "title_terms" in table.c else true()
    with db.begin() as connection:
        row = connection.execute(select(table).where(found).limit(1)).mappings().one()
        this = [column == row[column.name] for column in table.primary_key]
        connection.execute(table.delete().where(*this))
    key = tuple(row[column.name] for column in table.primary_key)
    assert [(each.table, each.key, each.what) for each in differences(db)] == [(table.name, key, "not live")]


def test_a_difference_that_the_server_itself_would_not_see_is_found(service: Service, db: Engine) -> None:
    lived_in(service)
    with db.begin() as connection:
        # Its collations take a text with a space at the end for the same.
        connection.execute(page_views.update().values(title=page_views.c.title + " "))
    assert {(each.table, each.what) for each in differences(db)} == {("page_views", "not the same")}


def test_a_row_that_no_event_tells_of_is_found(service: Service, db: Engine) -> None:
    lived_in(service)
    with db.begin() as connection:
        connection.execute(picture_references.insert().values(picture_id="b" * 32, source_id="c" * 32))
    assert [str(each) for each in differences(db)] == [f"picture_references {'b' * 32} {'c' * 32}: not in the log"]


def test_the_models_hold_every_table_and_hear_of_every_event_of_their_reaction() -> None:
    assert {table for model in MODELS.values() for table in model.tables} == set(READ_MODELS)
    for model in MODELS.values():
        assert model.reaction in REACTIONS
        assert all(model.reaction in SUBSCRIPTIONS[name] for name in model.event_names)
    assert tuple(MODELS) == NAMES


def test_what_nothing_ever_handled_is_told(service: Service, db: Engine) -> None:
    author = lived_in(service)
    late = author.notebook("Late")
    with db.begin() as connection:
        connection.execute(deliveries.delete())
        connection.execute(log.outbox.delete())
    assert {(each.table, each.key, each.what) for each in differences(db)} == {
        ("notebook_views", (late["id"],), "not live"),
        ("published_notebooks", (late["id"],), "not live"),
    }
