"""Superseded lists of pages leave the log, and nothing that could be made from it is another after that."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select, update

from events import log
from events.deliveries import deliveries
from events.event import _BY_NAME
from events.subscriptions import UPDATE_VIEWS
from infra.clock import now
from read_models.rebuilding.progress import rebuilds
from tests.comparison import differences
from tests.integration.writing import versions
from tests.service import Author, Service
from workers import page_lists
from workers.page_lists import AFTER, KINDS, thin_page_lists
from workers.reaction_table import SUBSCRIPTIONS

LATER = AFTER + timedelta(minutes=1)


def thin(service: Service) -> None:
    while thin_page_lists(service.engine, service.settings, now() + LATER):
        pass


def lists(db: Engine) -> int:
    with db.connect() as connection:
        return connection.scalar(select(func.count()).where(log.events.c.type.in_(KINDS))) or 0


def a_book(author: Author, pages: int = 5) -> str:
    """A notebook whose pages came one by one, published half-way; then two of them change places."""
    notebook = str(author.notebook("Walks")["id"])
    ids = [author.page(notebook, f"Page {number}", "A heron.")["id"] for number in range(pages)]
    author.post(f"/notebooks/{notebook}/publish", expect=200)
    ids += [author.page(notebook, f"Page {number}", "An egret.")["id"] for number in range(pages)]
    author.put(f"/notebooks/{notebook}/pages/order", {"page_ids": ids[::-1]})
    return notebook


def test_only_the_views_hear_of_what_is_thinned_and_they_are_made_from_the_newest_alone() -> None:
    assert {SUBSCRIPTIONS[name] for name in KINDS} == {(UPDATE_VIEWS,)}
    assert set(KINDS) <= set(_BY_NAME)


def test_of_the_lists_of_a_notebook_the_newest_stays(
    service: Service, db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_lists, "BATCH", 7)
    author = service.author()
    one, other = a_book(author), a_book(author)
    author.put(f"/notebooks/{other}", {"title": "Renamed"})
    service.drain()
    before = author.get(f"/notebooks/{one}")
    thin(service)
    # Of one the newest event is a list; of the other it is another event, which carries the list as well.
    assert lists(db) == 1
    assert versions(db, one)[-1] == before["version"]
    assert differences(db) == []
    assert author.get(f"/notebooks/{one}") == before
    assert author.page(one)["order"] == 11
    service.drain()
    assert differences(db) == []


def test_what_happened_within_the_hour_is_left_alone(service: Service, db: Engine) -> None:
    a_book(service.author())
    service.drain()
    before = lists(db)
    assert thin_page_lists(db, service.settings, now()) == 0
    assert lists(db) == before


def test_what_somebody_has_still_to_see_is_left_alone(service: Service, db: Engine) -> None:
    a_book(service.author(), pages=2)
    before = lists(db)
    thin(service)
    assert lists(db) == before, "nothing was handed out yet"
    service.relay.run_once()
    with db.begin() as connection:
        connection.execute(update(deliveries).values(state="parked"))
        page_lists._remember(connection, "", now())
    thin(service)
    assert lists(db) == before, "all of it was given up"


def test_nothing_is_thinned_while_a_read_model_is_made_anew(service: Service, db: Engine) -> None:
    a_book(service.author(), pages=2)
    service.drain()
    with db.begin() as connection:
        connection.execute(rebuilds.insert().values(model="views", builder_version=1, building=2))
    assert thin_page_lists(db, service.settings, now() + LATER) == 0
