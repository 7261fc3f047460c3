"""Read models made anew from the log while people go on reading and writing: nobody notices, nothing is lost."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, delete, event, inspect, select, text, update

from domain.commands.pages import EditPage, edit_page
from domain.unit_of_work import Cause, perform
from events import deliveries, log
from events.event import Event
from events.subscriptions import UPDATE_VIEWS
from infra.clock import now
from infra.database import write_engine
from infra.settings import Settings
from operate.rebuild import rebuild
from read_models import page_view
from read_models.notebook_view import notebook_views
from read_models.page_view import page_views
from read_models.rebuilding import rebuild as rebuilding
from read_models.rebuilding.progress import rebuild_tail, rebuilds
from read_models.rebuilding.rebuild import Rebuild, introduce, wanted
from read_models.rebuilding.shadow import Shadow
from tests.chaos.system import until
from tests.comparison import differences
from tests.integration.test_comparison import lived_in
from tests.integration.test_projections import READ_MODELS
from tests.integration.writing import PATIENCE, held_at, is_at, repeated_in_background
from tests.service import Author, Service
from workers import clock
from workers.clock import REBUILD, Clock, hold
from workers.reaction import Reactor
from workers.reaction_table import MODELS
from workers.reaction_table import REACTIONS as EFFECTS
from workers.thinning import thin_revisions, thinning_marks

owed = deliveries.deliveries


def size_of(db: Engine, name: str) -> int:
    size = Rebuild(db, MODELS[name]).size()
    assert size is not None
    return size


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch, db: Engine) -> Iterator[None]:
    monkeypatch.setattr(rebuilding, "BATCH", 5)
    yield
    with db.connect() as connection:
        for model in MODELS.values():
            for prefix in (rebuilding.NEW, rebuilding.OLD):
                Shadow(db, model, prefix).drop(connection)


def left_over(db: Engine) -> list[str]:
    return [name for name in inspect(db).get_table_names() if name.startswith((rebuilding.NEW, rebuilding.OLD))]


def run(db: Engine, name: str) -> list[int]:
    return list(Rebuild(db, MODELS[name]).run())


def states(db: Engine) -> set[tuple[str, int, int | None]]:
    with db.connect() as connection:
        return {(row.model, row.builder_version, row.building) for row in connection.execute(select(rebuilds))}


def a_page_of(author: Author) -> tuple[str, str]:
    """The places of a notebook and a page in it."""
    notebook = author.notebook("Herons")
    page = author.page(notebook["id"], "A heron", "One heron.")
    return f"/notebooks/{notebook['id']}", f"/notebooks/{notebook['id']}/pages/{page['id']}"


def test_a_rebuild_makes_good_whatever_was_lost(service: Service, db: Engine, settings: Settings) -> None:
    author = lived_in(service)
    with db.begin() as connection:
        for table in READ_MODELS:
            connection.execute(delete(table))
    assert differences(db)
    assert rebuild(settings, None) == 0
    assert differences(db) == []
    assert left_over(db) == []
    assert author.get("/search?q=heron*")["total"] == 1
    author.page(author.notebook("After")["id"], "Later", "An egret.")
    service.drain()
    assert author.get("/search?q=egret")["total"] == 1
    assert differences(db) == []


@pytest.mark.parametrize("name", MODELS)
def test_tables_that_were_dropped_come_back_as_the_migrations_made_them(
    service: Service, db: Engine, settings: Settings, name: str
) -> None:
    lived_in(service)
    before = {table.name: as_made(db, table.name) for table in MODELS[name].tables}
    with db.begin() as connection:
        for table in MODELS[name].tables:
            connection.execute(text(f"DROP TABLE {table.name}"))
    assert rebuild(settings, name) == 0
    assert differences(db) == []
    assert {table.name: as_made(db, table.name) for table in MODELS[name].tables} == before


def as_made(db: Engine, name: str) -> tuple[list[str], list[str]]:
    """Its columns in their order, and its indexes, whose order tells only which was added first."""
    with db.connect() as connection:
        made = str(connection.execute(text(f"SHOW CREATE TABLE {name}")).one()[1])
    lines = [line.strip().rstrip(",") for line in made.splitlines()]
    indexes = sorted(line for line in lines if "KEY " in line)
    return [line for line in lines if "KEY " not in line], indexes


def test_the_command_shows_how_far_it_is(service: Service, settings: Settings, capsys: Any) -> None:
    lived_in(service)
    rebuild(settings, "views")
    told = capsys.readouterr().err
    assert "views: 100%" in told
    assert "search" not in told


@pytest.mark.parametrize("name", MODELS)
def test_live_events_go_on_during_a_rebuild(service: Service, db: Engine, name: str) -> None:
    author = lived_in(service)
    notebook, page = a_page_of(author)
    service.drain()
    steps = 0
    for _ in Rebuild(db, MODELS[name]).run():
        if steps < 6:
            saved = author.put(page, {"content": f"Heron number {steps}."})
            author.put(notebook, {"title": f"Herons {steps}"})
            service.drain()
            assert author.get(page) == saved
            assert author.get(f"/search?q=heron+{steps}&scope=mine")["total"] == 1
        steps += 1
    assert steps > 6
    service.drain()
    assert differences(db) == []
    assert (left_over(db), states(db)) == ([], {(name, MODELS[name].builder_version, None)})
    with db.connect() as connection:
        assert connection.execute(select(rebuild_tail)).all() == []


@pytest.mark.parametrize("name", MODELS)
def test_a_rebuild_that_was_killed_goes_on_where_it_was(service: Service, db: Engine, name: str) -> None:
    author = lived_in(service)
    _, page = a_page_of(author)
    service.drain()
    whole = size_of(db, name)
    first = Rebuild(db, MODELS[name]).run()
    done = next(first) + next(first)
    # What is behind it by now is changed, before the next one begins.
    author.put(page, {"content": "Changed meanwhile."})
    service.drain()
    assert [each.name for each in wanted(db, MODELS.values())] == [name]
    assert sum(run(db, name)) < whole + 5
    assert done > 0
    assert differences(db) == []
    assert wanted(db, MODELS.values()) == []


def test_a_crash_right_after_the_swap_does_no_harm(
    service: Service, db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    author = lived_in(service)
    rename = Rebuild._rename

    def rename_and_die(self: Rebuild) -> None:
        rename(self)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Rebuild, "_rename", rename_and_die)
        with pytest.raises(KeyboardInterrupt):
            run(db, "views")
    author.notebook("Between")
    service.drain()
    assert left_over(db)
    run(db, "views")
    assert (differences(db), left_over(db)) == ([], [])


def test_readers_never_find_anything_empty_or_old(service: Service, db: Engine) -> None:
    author = service.author()
    notebook, page = a_page_of(author)
    author.post(f"{notebook}/publish", expect=200)
    service.drain()
    reader, writer = service.anyone(), Author(service.client(), author.name, author.token, author.id)
    numbers = iter(range(10**6))

    def read() -> None:
        assert reader.get("/search?q=heron")["total"] == 1
        assert reader.get("/notebooks?public=true")["total"] == 1
        saved = writer.put(page, {"content": f"One heron, {next(numbers)}."})
        assert writer.get(notebook)["pages"][0]["version"] == saved["version"]
        assert writer.get("/notebooks")["items"][0]["updated_at"] == saved["updated_at"]

    with repeated_in_background(read):
        for name in (*MODELS, *MODELS):
            run(db, name)
    service.drain()
    assert differences(db) == []


def test_an_event_that_commits_behind_the_place_that_was_read_is_not_forgotten(
    service: Service, db: Engine, settings: Settings
) -> None:
    author = lived_in(service)
    notebook, page = a_page_of(author)
    begun, go_on = threading.Event(), threading.Event()
    mine = write_engine(settings, pool_size=1)

    def hold(_: Any) -> None:
        begun.set()
        assert go_on.wait(PATIENCE)

    event.listen(mine, "commit", hold)
    command = EditPage(notebook.split("/")[-1], page.split("/")[-1], content="Late heron.")
    saving = threading.Thread(
        target=perform, args=(mine, Cause(author.id, "slow"), lambda uow: edit_page(command, uow))
    )
    saving.start()
    assert begun.wait(PATIENCE)
    # Later ids, committed earlier: the rebuild reads past the place of the slow one.
    for number in range(4):
        author.notebook(f"Later {number}")
    service.drain()
    steps = Rebuild(db, MODELS["views"]).run()
    read = 0
    while read < size_of(db, "views") - 2:
        read += next(steps)
    go_on.set()
    saving.join(PATIENCE)
    mine.dispose()
    with db.connect() as connection:
        late = connection.scalar(select(log.events.c.id).where(log.events.c.correlation_id == "slow"))
        position = connection.scalar(select(rebuilds.c.position))
    assert late is not None
    assert position is not None
    assert late < position, "committed behind the place that was read"
    service.drain()
    for _ in steps:
        pass
    assert differences(db) == []


@contextmanager
def right_before_the_swap(db: Engine, step: Callable[[], object]) -> Iterator[None]:
    """Do this once a rebuild has read the whole log and emptied the tail: before its last question."""
    left = [step]

    def hear(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("ANALYZE") and left:
            left.pop()()

    event.listen(db, "before_cursor_execute", hear)
    try:
        yield
    finally:
        event.remove(db, "before_cursor_execute", hear)
    assert not left


def shown_version(db: Engine, page: str) -> int | None:
    """The version of a page that the views hold by themselves."""
    with db.connect() as connection:
        return connection.scalar(select(page_views.c.version).where(page_views.c.page_id == page.split("/")[-1]))


@pytest.mark.parametrize("whom", ["a worker", "its author, who reads"])
def test_what_is_projected_right_before_the_swap_is_not_forgotten(service: Service, db: Engine, whom: str) -> None:
    author = lived_in(service)
    notebook, page = a_page_of(author)
    service.drain()

    def project() -> None:
        author.put(page, {"content": "Saved at the last moment."})
        service.drain() if whom == "a worker" else author.get(notebook)

    with right_before_the_swap(db, project):
        run(db, "views")
    assert shown_version(db, page) == 2


def test_a_swap_waits_for_a_worker_that_has_not_committed(
    service: Service, db: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # RENAME would wait for the worker too, and then swap in tables that lack what it has done.
    monkeypatch.setattr(rebuilding, "SWAP_WAIT_SECONDS", int(PATIENCE))
    author = lived_in(service)
    _, page = a_page_of(author)
    service.drain()
    with ThreadPoolExecutor(2) as pool, held_at(settings, "COMMIT") as worker:
        reactor = Reactor(worker.engine, settings, UPDATE_VIEWS, EFFECTS[UPDATE_VIEWS])

        def begin_late() -> None:
            author.put(page, {"content": "Late."})
            service.relay.run_once()
            with db.connect() as connection:
                ids = list(connection.scalars(select(owed.c.event_id).where(owed.c.reaction == UPDATE_VIEWS)))
            working.append(pool.submit(reactor.handle, ids))
            assert worker.begun.wait(PATIENCE)

        working: list[Future[None]] = []
        with right_before_the_swap(db, begin_late):
            ending = pool.submit(run, db, "views")
            swap = ("FROM rebuilds", "FOR UPDATE")
            until(lambda: is_at(db, *swap) or is_at(db, "RENAME TABLE"), PATIENCE, "a swap that waits")
            worker.go_on.set()
            ending.result(PATIENCE)
        working[0].result(PATIENCE)
    assert shown_version(db, page) == 2


def test_no_rebuild_begins_in_the_middle_of_a_thinning(service: Service, db: Engine, settings: Settings) -> None:
    """It would read what is about to leave the log, and bring the revision back."""
    author = lived_in(service)
    _, page = a_page_of(author)
    for number in range(5):
        author.put(page, {"content": f"Heron number {number}."})
    service.drain()
    with ThreadPoolExecutor(2) as pool, held_at(settings, "DELETE FROM revisions") as chore:
        thinning = pool.submit(thin_revisions, chore.engine, settings, now() + timedelta(days=400))
        assert chore.begun.wait(PATIENCE)
        ending = pool.submit(run, db, "revisions")
        until(lambda: is_at(db, "UPDATE rebuilds") or is_at(db, "RENAME TABLE"), PATIENCE, "a rebuild that waits")
        chore.go_on.set()
        thinning.result(PATIENCE)
        ending.result(PATIENCE)
    assert differences(db) == []


def test_nothing_is_thinned_while_the_log_is_being_read(service: Service, db: Engine, settings: Settings) -> None:
    author = lived_in(service)
    _, page = a_page_of(author)
    for number in range(5):
        author.put(page, {"content": f"Heron number {number}."})
    service.drain()
    steps = Rebuild(db, MODELS["revisions"]).run()
    next(steps)
    later = now() + timedelta(days=400)
    assert thin_revisions(db, settings, later) == 0
    with db.connect() as connection:
        assert connection.execute(select(thinning_marks)).all() == [], "and none of it counts as done"
    for _ in steps:
        pass
    assert differences(db) == []
    assert thin_revisions(db, settings, later) > 0
    assert differences(db) == []


def test_what_was_given_up_is_left_out_as_it_is_of_the_live_tables(service: Service, db: Engine) -> None:
    author = lived_in(service)
    lost = author.notebook("Given up")
    service.relay.run_once()
    with db.begin() as connection:
        connection.execute(update(owed).values(state="parked"))
    run(db, "views")
    with db.connect() as connection:
        shown = select(notebook_views.c.notebook_id).where(notebook_views.c.notebook_id == lost["id"])
        assert connection.scalar(shown) is None, "it may be what hangs or kills"
    assert differences(db) == []
    with db.begin() as connection:
        connection.execute(update(owed).values(state="pending", due_at=now()))
    service.drain()
    assert lost["id"] in {each["id"] for each in author.get("/notebooks")["items"]}
    assert differences(db) == []


def test_newer_code_makes_its_read_models_anew_in_the_background(
    service: Service, db: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived_in(service)
    chores = tuple(chore for chore in clock.CHORES if chore.name == REBUILD)
    assert Clock(db, settings, chores).run_due() == [REBUILD]
    monkeypatch.setattr(page_view, "BUILDER", 2)
    monkeypatch.setattr(clock, "REBUILD_SECONDS", 0.0)
    assert [each.name for each in wanted(db, MODELS.values())] == ["views"]
    for _ in range(100):
        if not wanted(db, MODELS.values()):
            break
        clock.renew_read_models(db, settings, now())
    with db.connect() as connection:
        assert set(connection.scalars(select(page_views.c.builder_version))) == {2}
    assert ("views", 5, None) in states(db)
    assert differences(db) == []
    monkeypatch.setattr(page_view, "BUILDER", 1)
    assert wanted(db, MODELS.values()) == [], "older code that still runs beside it does not take it back"


def test_a_read_model_that_is_new_is_made_from_the_log_that_was_there_before_it(
    service: Service, db: Engine, settings: Settings
) -> None:
    author = lived_in(service)
    with db.begin() as connection:
        connection.execute(delete(rebuilds))
        for table in MODELS["search"].tables:
            connection.execute(delete(table))
    clock.renew_read_models(db, settings, now())
    assert author.get("/search?q=heron*")["total"] == 1
    assert states(db) == {(name, model.builder_version, None) for name, model in MODELS.items()}
    assert differences(db) == []


def test_on_an_empty_log_nothing_has_to_be_made(db: Engine, settings: Settings) -> None:
    for model in MODELS.values():
        introduce(db, model)
    assert wanted(db, MODELS.values()) == []


@pytest.mark.parametrize("projects", [Service.drain, lambda service: None], ids=["by the worker", "by a read"])
def test_what_older_code_writes_beside_newer_is_made_anew_too(
    service: Service, db: Engine, monkeypatch: pytest.MonkeyPatch, projects: Callable[[Service], object]
) -> None:
    author = lived_in(service)
    monkeypatch.setattr(page_view, "BUILDER", 2)
    run(db, "views")
    monkeypatch.setattr(page_view, "BUILDER", 1)
    late = author.notebook("Late")
    projects(service)
    assert author.get(f"/notebooks/{late['id']}")["title"] == "Late"
    monkeypatch.setattr(page_view, "BUILDER", 2)
    assert [each.name for each in wanted(db, MODELS.values())] == ["views"]
    service.drain()
    run(db, "views")
    assert differences(db) == []
    assert wanted(db, MODELS.values()) == []


def half_built(db: Engine, monkeypatch: pytest.MonkeyPatch, builder: int) -> None:
    """What code of this builder leaves behind when it is killed in the middle of a rebuild."""
    monkeypatch.setattr(page_view, "BUILDER", builder)
    steps = Rebuild(db, MODELS["views"]).run()
    next(steps), next(steps)


def begin_and_die(
    db: Engine, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, builder: int, done: bool = True
) -> None:
    """Code of this builder begins a rebuild and is killed at a step of its beginning, when that is done or before."""

    def die(*arguments: Any) -> None:
        if done:
            step(*arguments)
        raise KeyboardInterrupt

    step = getattr(owner, name)
    monkeypatch.setattr(page_view, "BUILDER", builder)
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, die)
        with pytest.raises(KeyboardInterrupt):
            run(db, "views")


def test_what_other_code_began_is_of_no_use(service: Service, db: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    author = lived_in(service)
    half_built(db, monkeypatch, builder=2)
    author.notebook("Noted for the other")
    service.drain()
    begin_and_die(db, monkeypatch, rebuilding, "fill", builder=1)
    with db.connect() as connection:
        assert connection.execute(select(rebuild_tail)).all() == []
    assert ("views", 4) in {(name, building) for name, _, building in states(db)}
    run(db, "views")
    assert differences(db) == []


@pytest.mark.parametrize("next_one", [1, 2])
@pytest.mark.parametrize("done", [True, False], ids=["empty shadow", "other's shadow"])
def test_a_beginning_that_was_killed_leaves_nothing_that_anybody_takes_for_their_own(
    service: Service, db: Engine, monkeypatch: pytest.MonkeyPatch, done: bool, next_one: int
) -> None:
    lived_in(service)
    half_built(db, monkeypatch, builder=2)
    begin_and_die(db, monkeypatch, Shadow, "create", builder=1, done=done)
    monkeypatch.setattr(page_view, "BUILDER", next_one)
    run(db, "views")
    assert differences(db) == []


def test_of_an_event_that_can_not_be_projected_nothing_is_left_in_the_shadow(service: Service, db: Engine) -> None:
    author = lived_in(service)
    bad = author.notebook("Half projected")["id"]
    service.drain()

    def project(connection: Connection, events: Sequence[Event]) -> None:
        MODELS["views"].project(connection, events)
        if any(each.aggregate_id == bad for each in events):
            raise ValueError("in the middle of it")

    for _ in Rebuild(db, replace(MODELS["views"], project=project)).run():
        pass
    missing = [("notebook_views", (bad,), "not live"), ("published_notebooks", (bad,), "not live")]
    assert [(each.table, each.key, each.what) for each in differences(db)] == missing


def test_a_swap_that_waits_for_a_slow_reader_lets_the_others_read(
    service: Service, db: Engine, reading: Engine
) -> None:
    author = lived_in(service)
    a_page_of(author)
    service.drain()
    with ThreadPoolExecutor() as pool, db.connect() as slow:
        slow.execute(select(page_views))
        rebuilt = pool.submit(run, db, "views")
        until(lambda: is_at(reading, "RENAME TABLE"), PATIENCE, "the swap to wait")
        for _ in range(3):
            with db.connect() as other:
                # A wait for the swap itself would last as long as the slow one reads.
                other.execute(text("SET SESSION lock_wait_timeout = 10"))
                other.execute(select(page_views))
        assert not rebuilt.done()
        slow.rollback()
        assert rebuilt.result(PATIENCE)
    assert differences(db) == []


def test_a_shadow_that_somebody_dropped_is_begun_anew(
    service: Service, db: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived_in(service)
    half_built(db, monkeypatch, builder=1)
    with db.connect() as connection:
        Shadow(db, MODELS["views"], rebuilding.NEW).drop(connection)
    run(db, "views")
    assert differences(db) == []


def test_rebuilds_of_two_models_keep_their_tails_apart(service: Service, db: Engine) -> None:
    author = lived_in(service)
    for name in ("views", "revisions"):
        steps, read = Rebuild(db, MODELS[name]).run(), 0
        while read < size_of(db, name):
            read += next(steps)
    with db.begin() as connection:
        # As if what follows were committed behind the place that was read: only the tails know of it.
        connection.execute(update(rebuilds).values(position="f" * 32))
    _, page = a_page_of(author)
    author.put(page, {"content": "Written while both are under way."})
    service.drain()
    for name in ("views", "revisions"):
        run(db, name)
    assert differences(db) == []
    with db.connect() as connection:
        assert connection.execute(select(rebuild_tail)).all() == []


def test_a_model_is_made_anew_by_one_at_a_time(db: Engine) -> None:
    with hold(db, REBUILD) as mine, hold(db, REBUILD) as theirs:
        assert mine is not None
        assert theirs is None
        mine.keep()
    with hold(db, REBUILD) as again:
        assert again is not None
