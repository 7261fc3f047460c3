"""What was given up: it costs its author no reads, it can be seen, and it can be tried again."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, select, update

from events import deliveries, log, outstanding
from events.event import Event
from events.relay import RESEND_AFTER
from events.subscriptions import CUT_REVISIONS, INDEX_SEARCH, TRACK_REFERENCES, UNROUTED, UPDATE_VIEWS
from infra.clock import now
from infra.settings import Settings
from operate.replay import replay
from read_models import page_view
from tests.integration.test_reactions import still_owed
from tests.integration.writing import a_notebook, a_page, dump, event_ids, save
from tests.service import Author, Service
from workers import reaction
from workers.reaction_table import REACTIONS as EFFECTS
from workers.reaction_table import SUBSCRIPTIONS

owed = deliveries.deliveries


def park(db: Engine, *where: Any) -> None:
    with db.begin() as connection:
        connection.execute(update(owed).where(*where).values(state="parked", error="ValueError: no"))


@pytest.fixture
def statements(service: Service) -> Iterator[list[str]]:
    """What the API says to the database to change something."""
    heard: list[str] = []
    writing = service.app.extensions["sinpluma"].writing

    def hear(_: Any, __: Any, statement: str, *___: Any) -> None:
        heard.append(statement)

    event.listen(writing, "before_cursor_execute", hear)
    yield heard
    event.remove(writing, "before_cursor_execute", hear)


def with_parked_page(service: Service, reactions: Sequence[str]) -> tuple[Author, str, str]:
    """An author, and the places of a notebook and its page whose last save these reactions gave up."""
    author = service.author()
    notebook = author.notebook("Walks")
    page = author.page(notebook["id"], "First", "One heron.")
    service.drain()
    place = f"/notebooks/{notebook['id']}"
    author.put(f"{place}/pages/{page['id']}", {"content": "Two herons, no more."})
    service.relay.run_once()
    park(service.engine, owed.c.reaction.in_(reactions))
    service.drain()
    return author, place, f"{place}/pages/{page['id']}"


def test_what_is_parked_costs_its_author_nothing_at_each_read(service: Service, statements: list[str]) -> None:
    author, notebook, page = with_parked_page(service, [UPDATE_VIEWS, CUT_REVISIONS])
    statements.clear()
    author.get(notebook)
    author.get("/notebooks")
    author.get(f"/pages/{page.rpartition('/')[2]}/revisions")
    assert statements == []


def test_a_page_shows_its_last_save_although_the_views_gave_it_up(service: Service) -> None:
    author, notebook, page = with_parked_page(service, [UPDATE_VIEWS])
    assert author.get(page)["content"] == "Two herons, no more."
    author.put(page, {"content": "Three."})
    assert author.get(page)["content"] == "Three."
    assert author.get(notebook)["word_count"] == 1, "what comes later holds the whole state, so it heals the view"


def test_what_is_parked_does_not_count_as_what_is_still_to_come(service: Service) -> None:
    author, _, _ = with_parked_page(service, [INDEX_SEARCH])
    assert author.get("/search?q=heron")["freshness"] == {"pending_events": 0, "lag_seconds": 0.0}


def test_what_is_parked_takes_no_place_from_what_is_due(service: Service, db: Engine) -> None:
    a_page(db)
    service.relay.run_once()
    park(db)
    with db.begin() as connection:
        connection.execute(update(owed).values(due_at=now(), again=False))
    later = a_notebook(db)
    with db.begin() as connection:
        deliveries.fan_out(connection, SUBSCRIPTIONS, 500)
        (event_id,) = connection.scalars(select(owed.c.event_id).where(owed.c.aggregate_id == later.id))
        assert deliveries.claim_due(connection, UPDATE_VIEWS, 1, RESEND_AFTER) == [event_id]
        assert deliveries.due_now(connection) == []


def test_what_is_parked_stays_as_it_is_whoever_comes_for_it(
    service: Service, db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_page(db)
    service.relay.run_once()
    park(db)
    before = dump(db, [owed])
    service.redis.flushall()
    service.relay.run_once()
    monkeypatch.setattr(reaction, "JOB_BUDGET_SECONDS", 0)
    monkeypatch.setattr(reaction, "REACTIONS", {UPDATE_VIEWS: replace(EFFECTS[UPDATE_VIEWS], at_once=1)})
    for again in (False, True):
        reaction.react(UPDATE_VIEWS, event_ids(db), again)
    assert dump(db, [owed]) == before


def withdrawn_and_given_up(service: Service, how: Callable[[Author, str], object]) -> tuple[Author, str]:
    """An author, and the place of a published notebook whose withdrawal the search gave up."""
    author = service.author()
    notebook = author.notebook("Walks")
    author.page(notebook["id"], "First", "One heron.")
    place = f"/notebooks/{notebook['id']}"
    author.post(f"{place}/publish", expect=200)
    service.drain()
    how(author, place)
    service.relay.run_once()
    park(service.engine, owed.c.reaction == INDEX_SEARCH)
    service.drain()
    return author, place


def found(someone: Author, scope: str = "all") -> int:
    total: int = someone.get(f"/search?q=heron&scope={scope}")["total"]
    return total


def unpublish(author: Author, place: str) -> None:
    author.post(f"{place}/unpublish", expect=200)


def test_a_parked_unpublish_hides_what_it_took_and_not_the_authors_drafts(service: Service) -> None:
    author, _ = withdrawn_and_given_up(service, unpublish)
    assert (found(service.anyone()), found(author), found(author, "mine")) == (0, 1, 1)


def test_a_parked_unpublish_does_not_hide_what_was_published_again(service: Service) -> None:
    author, place = withdrawn_and_given_up(service, unpublish)
    author.post(f"{place}/publish", expect=200)
    assert found(service.anyone()) == 0, "what the index holds was taken from readers"
    service.drain()
    assert found(service.anyone()) == 1


def test_a_parked_trashing_hides_the_drafts_too_until_they_are_restored(service: Service) -> None:
    author, place = withdrawn_and_given_up(service, lambda author, place: author.delete(place))
    assert (found(service.anyone()), found(author)) == (0, 0)
    author.post(f"{place}/restore", expect=200)
    service.drain()
    assert (found(service.anyone()), found(author)) == (0, 1)


def test_an_unpublish_that_nobody_has_indexed_yet_leaves_the_author_the_drafts(service: Service) -> None:
    author = service.author()
    notebook = author.notebook("Walks")
    author.page(notebook["id"], "First", "One heron.")
    author.post(f"/notebooks/{notebook['id']}/publish", expect=200)
    service.drain()
    unpublish(author, f"/notebooks/{notebook['id']}")
    assert (found(service.anyone()), found(author)) == (0, 1)


def test_a_picture_that_a_parked_event_links_is_still_known_to_be_used(service: Service, db: Engine) -> None:
    page = a_page(db)
    with db.begin() as connection:
        while deliveries.fan_out(connection, SUBSCRIPTIONS, 500):
            pass
    park(db, owed.c.reaction == TRACK_REFERENCES)
    with db.connect() as connection:
        assert outstanding.not_seen_by(connection, TRACK_REFERENCES, page.owner_id) == []
        assert len(outstanding.not_seen_by(connection, TRACK_REFERENCES, page.owner_id, parked=True)) == 1


def test_an_event_that_no_view_can_show_costs_its_author_nothing_else(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    author = service.author()
    good, bad = author.notebook("Good"), author.notebook("Bad")
    for notebook in (good, bad):
        author.page(notebook["id"], "A page", f"Words of {notebook['title']}")
    row = page_view._row

    def fail_on_bad(fact: Any) -> dict[str, Any]:
        if fact.notebook_id == bad["id"]:
            raise ValueError("I can't swallow this")
        return row(fact)

    monkeypatch.setattr(page_view, "_row", fail_on_bad)
    shown = {each["title"]: each["word_count"] for each in author.get("/notebooks")["items"]}
    assert shown == {"Good": 3, "Bad": 0}
    assert "left out of the views: ValueError" in caplog.text


def everything_fails(_: Connection, __: Sequence[Event]) -> None:
    raise ValueError("I can't swallow this")


@pytest.fixture
def given_up(service: Service, db: Engine, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[tuple[str, str]]]:
    """Two saves that all reactions gave up, before their cause was seen to; what is parked now."""
    broken = {name: replace(each, apply=everything_fails) for name, each in EFFECTS.items()}
    monkeypatch.setattr(reaction, "REACTIONS", broken)
    page = a_page(db)
    save(db, page, "again")
    while service.pending():
        service.relay.run_once()
        service.work()
        with db.begin() as connection:
            connection.execute(update(owed).values(due_at=now()))
    monkeypatch.setattr(reaction, "REACTIONS", EFFECTS)

    def parked() -> list[tuple[str, str]]:
        with db.connect() as connection:
            query = select(owed.c.reaction, owed.c.event_id).where(owed.c.state == "parked")
            return [(row.reaction, row.event_id) for row in connection.execute(query)]

    return parked


def test_a_replay_lets_everything_be_handled_once_its_cause_is_gone(
    service: Service, settings: Settings, given_up: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    count = len(given_up())
    assert replay(settings, None, None) == 0
    assert f"{count} parked deliveries are due again" in capsys.readouterr().out
    service.drain()
    assert given_up() == []
    assert still_owed(service.engine) == []


def test_a_replay_is_of_one_reaction_or_one_event_when_asked(settings: Settings, given_up: Any) -> None:
    before = given_up()
    views = [each for each in before if each[0] == UPDATE_VIEWS]
    assert replay(settings, UPDATE_VIEWS, None) == 0
    assert given_up() == [each for each in before if each not in views]
    event_id = next(event_id for reaction, event_id in given_up() if reaction == CUT_REVISIONS)
    assert replay(settings, CUT_REVISIONS, event_id) == 0
    assert (CUT_REVISIONS, event_id) not in given_up()
    assert replay(settings, None, event_id) == 0
    assert not [each for each in given_up() if each[1] == event_id]


def test_a_replay_of_nothing_says_so(settings: Settings, db: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    for wanted in ((None, None), (UPDATE_VIEWS, None), (None, "f" * 32)):
        assert replay(settings, *wanted) == 1
    assert "nothing of the kind is parked" in capsys.readouterr().out


def test_a_replay_hands_out_anew_what_the_code_did_not_know_before(service: Service, db: Engine) -> None:
    page = a_page(db)
    with db.begin() as connection:
        connection.execute(
            update(log.outbox).where(log.outbox.c.aggregate_id == page.id).values(type="page.from_later")
        )
    service.drain()
    assert [row.aggregate_id for row in still_owed(db, UNROUTED)] == [page.id]
    with db.begin() as connection:
        connection.execute(update(owed).values(type="page.created"))
    replay(service.settings, UNROUTED, None)
    service.drain()
    with db.connect() as connection:
        assert list(connection.scalars(select(page_view.page_views.c.page_id))) == [page.id]


def test_what_is_parked_is_in_the_log_lines(caplog: pytest.LogCaptureFixture, given_up: Any) -> None:
    told = [record for record in caplog.get_records("setup") if getattr(record, "delivery_state", "") == "parked"]
    assert {(record.reaction, record.event_id) for record in told} == set(given_up())  # type: ignore[attr-defined]
    assert {record.levelno for record in told} == {logging.ERROR}
