"""Rows, events and receipt in one transaction: all of it or nothing, once, whatever goes wrong on the way."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Select, event, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from domain import receipts
from domain.aggregate import Aggregate
from domain.commands.notebooks import (
    CreateNotebook,
    PublishNotebook,
    TrashNotebook,
    create_notebook,
    publish_notebook,
    trash_notebook,
)
from domain.commands.pages import (
    CreatePage,
    EditPage,
    Refused,
    TrashPage,
    create_page,
    edit_page,
    own_page,
    trash_page,
)
from domain.errors import Conflict, NotFound
from domain.page import Page, pages
from domain.receipts import Answer, Claim
from domain.unit_of_work import CommitUnknown, UnitOfWork, perform
from events.log import events, outbox
from infra.database import MOST_TRIES, write_engine
from infra.database_errors import error_number, is_retryable
from infra.settings import Settings
from tests.integration.writing import (
    CAUSE,
    PATIENCE,
    a_notebook,
    a_page,
    do,
    dump,
    in_threads,
    save,
    versions,
)

CLAIM = Claim("holder", "key", "POST /x", "0" * 64)


class Interrupted(Exception):
    """Stands for whatever may happen to a process between two statements."""


@pytest.fixture
def own_engine(settings: Settings, db: Engine) -> Iterator[Engine]:
    """An engine that a test may listen to without being heard by others."""
    made = write_engine(settings, pool_size=4)
    yield made
    made.dispose()


def with_receipt(
    handler: Callable[[Any, UnitOfWork], object], command: object, claim: Claim = CLAIM
) -> Callable[[UnitOfWork], Answer]:
    """The command as the API runs it: with its idempotency receipt in the same transaction."""

    def work(uow: UnitOfWork) -> Answer:
        stored = receipts.earlier(uow.connection, claim)
        if stored:
            return stored
        receipts.begin(uow.connection, claim, uow.now)
        handler(command, uow)
        answer = Answer(200, {}, "done")
        receipts.complete(uow.connection, claim, answer)
        return answer

    return work


@contextmanager
def interrupted_at(engine: Engine, number: int) -> Iterator[None]:
    """The process ends before its statement of this number, counted from 0; the commit counts as one."""
    left = number

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Interrupted

    event.listen(engine, "before_cursor_execute", count)
    event.listen(engine, "commit", count)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", count)
        event.remove(engine, "commit", count)


def test_a_command_leaves_its_row_its_event_and_a_note_for_the_relay(db: Engine) -> None:
    page = a_page(db, content="Two words")
    with db.connect() as connection:
        row = connection.execute(select(pages)).mappings().one()
        stored = connection.execute(select(events).where(events.c.aggregate_id == page.id)).one()
        noted = connection.execute(select(outbox).where(outbox.c.aggregate_id == page.id)).one()
    assert (row["content"], row["version"], row["word_count"]) == ("Two words", 1, 2)
    assert (stored.type, stored.version, stored.actor_id, stored.correlation_id) == (
        "page.created",
        1,
        CAUSE.actor_id,
        CAUSE.correlation_id,
    )
    assert (noted.event_id, noted.type, noted.version, noted.owner_id) == (stored.id, stored.type, 1, page.owner_id)


COMMANDS: dict[str, Callable[[Page], tuple[Callable[[Any, UnitOfWork], object], object]]] = {
    "create a notebook": lambda page: (create_notebook, CreateNotebook("Walks", "", {})),
    "create a page": lambda page: (create_page, CreatePage(page.notebook_id, "A page", "Words")),
    "edit a page": lambda page: (edit_page, EditPage(page.notebook_id, page.id, content="Other words")),
    "refuse an edit": lambda page: (edit_page, EditPage(page.notebook_id, page.id, content="x", expected_version=9)),
    "trash a page": lambda page: (trash_page, TrashPage(page.notebook_id, page.id)),
    "publish": lambda page: (publish_notebook, PublishNotebook(page.notebook_id)),
    "trash a notebook": lambda page: (trash_notebook, TrashNotebook(page.notebook_id)),
}


STEPS = {
    "create a notebook": 5,
    "create a page": 6,
    "edit a page": 6,
    "refuse an edit": 8,
    "trash a page": 7,
    "publish": 8,
    "trash a notebook": 6,
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_cut_off_anywhere_leaves_nothing_at_all(db: Engine, own_engine: Engine, name: str) -> None:
    work = with_receipt(*COMMANDS[name](a_page(db)))
    before = dump(db)
    steps = 0
    done = False
    while not done:
        with interrupted_at(own_engine, steps):
            try:
                perform(own_engine, CAUSE, work)
                done = True
            except Interrupted:
                assert dump(db) == before, f"cut off before statement {steps}"
                steps += 1
    after = dump(db)
    assert {name for name in after if after[name] != before[name]} >= {"events", "outbox", "receipts"}
    assert steps == STEPS[name], "rows locked, two for the receipt and one to look for it, all that is written, commit"


def test_a_connection_lost_before_the_commit_leaves_nothing_and_says_so(db: Engine, own_engine: Engine) -> None:
    page = a_page(db)
    before = dump(db)

    def cut(connection: Connection) -> None:
        kill(db, connection)

    event.listen(own_engine, "commit", cut)
    with pytest.raises(CommitUnknown):
        perform(own_engine, CAUSE, with_receipt(edit_page, EditPage(page.notebook_id, page.id, content="x")))
    event.remove(own_engine, "commit", cut)
    assert dump(db) == before


def test_when_the_answer_of_the_commit_is_lost_the_receipt_tells_what_happened(db: Engine, own_engine: Engine) -> None:
    page = a_page(db)
    work = with_receipt(edit_page, EditPage(page.notebook_id, page.id, content="x"))

    def cut(connection: Connection) -> None:
        connection.connection.dbapi_connection.commit()  # type: ignore[union-attr]
        kill(db, connection)

    event.listen(own_engine, "commit", cut)
    with pytest.raises(CommitUnknown):
        perform(own_engine, CAUSE, work)
    event.remove(own_engine, "commit", cut)
    assert perform(own_engine, CAUSE, work).replayed
    assert versions(db, page.id) == [1, 2]


def kill(db: Engine, connection: Connection) -> None:
    """End another session from the server's side, as a dying server or network would."""
    number = connection.connection.dbapi_connection.thread_id()  # type: ignore[union-attr]
    with db.connect() as other:
        other.execute(text(f"KILL CONNECTION {number}"))
        other.rollback()


def test_a_refused_command_leaves_nothing_and_no_lock(db: Engine) -> None:
    page = a_page(db)
    before = dump(db)

    def work(uow: UnitOfWork) -> None:
        edit_page(EditPage(page.notebook_id, page.id, content="x"), uow)
        own_page(uow, page.notebook_id, "f" * 32)

    with pytest.raises(NotFound):
        perform(db, CAUSE, work)
    assert dump(db) == before
    with db.begin() as connection:
        connection.execute(select(pages).where(pages.c.id == page.id).with_for_update(nowait=True))


def test_two_commands_that_deadlock_are_both_done_and_each_once(db: Engine) -> None:
    one, other = a_page(db), a_page(db)
    both_hold_one = threading.Barrier(2, timeout=PATIENCE)
    tries: list[str] = []

    def work(first: Page, second: Page, word: str) -> Callable[[UnitOfWork], None]:
        def locked_crosswise(uow: UnitOfWork) -> None:
            mine = [each for each in tries if each == word]
            tries.append(word)
            append(uow, first, word)
            if not mine:
                both_hold_one.wait()
            append(uow, second, word)

        return locked_crosswise

    def append(uow: UnitOfWork, page: Page, word: str) -> None:
        loaded = own_page(uow, page.notebook_id, page.id)
        loaded.edit(None, f"{loaded.content} {word}", uow.now)

    orders = [(one, other, "forth"), (other, one, "back")]
    in_threads(lambda order: perform(db, CAUSE, work(*order)), orders)
    assert len(tries) == 3, "one of the two was rolled back by the server, and run again"
    for page in (one, other):
        assert versions(db, page.id) == [1, 2, 3]
        assert sorted(content_of(db, page).split()) == ["Some", "back", "forth", "words."]


def content_of(db: Engine, page: Page) -> str:
    with db.connect() as connection:
        return connection.scalar(select(pages.c.content).where(pages.c.id == page.id)) or ""


def test_a_command_that_waited_too_long_for_a_lock_is_run_again(db: Engine, own_engine: Engine) -> None:
    page = a_page(db)
    tried_again = threading.Event()
    tries = 0

    @event.listens_for(own_engine, "connect")
    def be_impatient(connection: Any, _: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET innodb_lock_wait_timeout = 1")

    def work(uow: UnitOfWork) -> None:
        nonlocal tries
        tries += 1
        if tries == 2:
            tried_again.set()
        own_page(uow, page.notebook_id, page.id).edit(None, "at last", uow.now)

    with db.connect() as holder:
        holder.execute(select(pages).where(pages.c.id == page.id).with_for_update())
        waiting = threading.Thread(target=perform, args=(own_engine, CAUSE, work))
        waiting.start()
        assert tried_again.wait(PATIENCE)
        holder.rollback()
    waiting.join(PATIENCE)
    assert (content_of(db, page), versions(db, page.id)) == ("at last", [1, 2])


def failing(error: int, times: int) -> tuple[Callable[[UnitOfWork], None], list[None]]:
    """Work that makes a notebook with a receipt; in the middle of it the server reports this error, so many times."""
    tries: list[None] = []

    def work(uow: UnitOfWork) -> None:
        tries.append(None)
        receipts.begin(uow.connection, CLAIM, uow.now)
        create_notebook(CreateNotebook("Walks", "", {}), uow)
        if len(tries) <= times:
            uow.connection.execute(text(f"SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = {error}"))

    return work, tries


@pytest.mark.parametrize("error", [1020, 1047, 1180, 1205, 1213, 3101])
def test_a_passing_trouble_of_the_server_is_not_the_callers(db: Engine, error: int) -> None:
    work, tries = failing(error, times=1)
    perform(db, CAUSE, work)
    assert len(tries) == 2
    assert [len(rows) for rows in dump(db, [events, outbox, receipts.receipts]).values()] == [1, 1, 1]


def test_a_trouble_that_does_not_pass_is_reported_and_leaves_nothing(db: Engine) -> None:
    work, tries = failing(1213, times=MOST_TRIES)
    with pytest.raises(DBAPIError) as raised:
        perform(db, CAUSE, work)
    assert is_retryable(raised.value)
    assert len(tries) == MOST_TRIES
    assert not any(dump(db).values())


def test_a_mistake_is_not_tried_again(db: Engine) -> None:
    tries: list[int] = []

    def work(uow: UnitOfWork) -> None:
        tries.append(1)
        uow.connection.execute(text("SELECT nothing FROM nowhere"))

    with pytest.raises(ProgrammingError):
        perform(db, CAUSE, work)
    assert len(tries) == 1


def test_sixteen_writers_of_one_page_make_versions_without_a_gap(db: Engine) -> None:
    page, rounds = a_page(db), range(8)
    answered = in_threads(lambda writer: [save(db, page, f"{writer} {number}").version for number in rounds], range(16))
    expected = list(range(1, 16 * len(rounds) + 2))
    assert versions(db, page.id) == expected
    assert sorted(version for each in answered for version in each) == expected[1:]
    for each in answered:
        assert each == sorted(each), "one writer's own saves never swap places"


def test_sixteen_writers_who_name_the_version_they_edit_lose_no_edit(db: Engine) -> None:
    page, rounds = a_page(db, content=""), range(2)

    def write(writer: int) -> None:
        for number in rounds:
            add_line(db, page, f"{writer}.{number}\n")

    in_threads(write, range(16))
    lines = content_of(db, page).splitlines()
    assert sorted(lines) == sorted(f"{writer}.{number}" for writer in range(16) for number in rounds)
    assert versions(db, page.id) == list(range(1, len(lines) + 2))


def add_line(db: Engine, page: Page, line: str) -> None:
    """What an editor does: read, add, save on that version; refused, start over from what is there now."""
    version, content = page.version, page.content
    while isinstance(answer := save(db, page, content + line, expected_version=version, is_last=True), Refused):
        version, content = answer.current.version, answer.current.content


class Forgetful(UnitOfWork):
    """What a future command might do by mistake: load a page without its lock."""

    def get(self, kind: Any, aggregate_id: str) -> Any:
        query: Select[Any] = kind.query()
        row = self.connection.execute(query, {"key": aggregate_id}).mappings().one()
        aggregate: Aggregate = kind.of(row)
        self._loaded.append((aggregate, dict(row)))
        return aggregate


def test_a_forgotten_lock_is_caught_by_the_unique_version(db: Engine) -> None:
    page = a_page(db)
    both_have_read = threading.Barrier(2, timeout=PATIENCE)

    def save_unlocked(word: str) -> int | None:
        with db.connect() as connection:
            uow = Forgetful(connection, CAUSE)
            edit_page(EditPage(page.notebook_id, page.id, content=word), uow)
            both_have_read.wait()
            try:
                uow.flush()
            except IntegrityError as error:
                return error_number(error)
            connection.commit()
            return None

    assert sorted(in_threads(save_unlocked, ["one", "two"]), key=str) == [1062, None]
    assert versions(db, page.id) == [1, 2]
    with db.connect() as connection:
        assert connection.scalar(select(func.max(pages.c.version))) == 2


def test_a_lost_race_for_a_unique_value_is_run_again_and_sees_the_winner(db: Engine) -> None:
    """Two requests with one new key: the second waits in its insert, fails as a duplicate, and then replays."""
    notebook = a_notebook(db)
    work = with_receipt(create_page, CreatePage(notebook.id, "A page", ""))
    answers = in_threads(lambda _: patiently(db, work), range(4))
    assert sorted(answer.replayed for answer in answers) == [False, True, True, True]
    with db.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(pages)) == 1


def patiently(db: Engine, work: Callable[[UnitOfWork], Answer]) -> Answer:
    """As a client does: told that the first request is still in progress, it asks again."""
    while True:
        try:
            return perform(db, CAUSE, work)
        except Conflict:
            continue


def test_an_aggregate_loaded_and_not_changed_is_not_written(db: Engine) -> None:
    page = a_page(db)
    before = dump(db)
    do(db, edit_page, EditPage(page.notebook_id, page.id, content=page.content, title=page.title))
    assert dump(db) == before
