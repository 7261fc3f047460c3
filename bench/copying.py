"""Many authors from one: all that an author has, copied within the server, so that a million pages take minutes.

The copies are as real as the author: each of their ids is the author's with other first digits, wherever it stands,
also in lists, in the log and in the terms of the search index. All sort before what the service makes itself.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Insert,
    Table,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.mysql import CHAR, MEDIUMTEXT

from domain.notebook import notebooks
from domain.page import pages
from domain.user import users
from events import log
from events.event import encode
from events.log import events
from infra.columns import Id, IdList, Json
from read_models.notebook_view import notebook_views
from read_models.page_view import page_views
from read_models.profiles import profiles
from read_models.published import published_notebooks, published_pages
from read_models.references import reference_sources
from read_models.revisions import revisions
from read_models.search.index import search_entries
from read_models.search.refresh import search_notebooks

# Digits of an id that tell one copy from the other: of a time, in steps of a minute.
DIGITS = 8
# Copies a statement, for an author of a hundred pages: more, and the server sorts them on disk.
AT_ONCE = 100
NUMBER: ColumnElement[int] = literal_column("copies.number")
DIGITS_OF_NUMBER = func.lower(func.lpad(func.hex(NUMBER), DIGITS, "0"))

# In which column each table says whose a row is.
OF_OWNER: dict[Table, Callable[[str], ColumnElement[bool]]] = {
    users: lambda owner: users.c.id == owner,
    profiles: lambda owner: profiles.c.user_id == owner,
    notebooks: lambda owner: notebooks.c.owner_id == owner,
    pages: lambda owner: pages.c.owner_id == owner,
    events: lambda owner: or_(events.c.actor_id == owner, events.c.aggregate_id == owner),
    notebook_views: lambda owner: notebook_views.c.owner_id == owner,
    page_views: lambda owner: page_views.c.owner_id == owner,
    published_notebooks: lambda owner: published_notebooks.c.owner_id == owner,
    published_pages: lambda owner: published_pages.c.notebook_id.in_(_notebooks_of(owner)),
    revisions: lambda owner: revisions.c.owner_id == owner,
    reference_sources: lambda owner: reference_sources.c.owner_id == owner,
    search_notebooks: lambda owner: search_notebooks.c.notebook_id.in_(_notebooks_of(owner)),
    search_entries: lambda owner: search_entries.c.author_id == owner,
}
OF_PAGE: dict[Table, Column[Any]] = {
    pages: pages.c.id,
    events: events.c.aggregate_id,
    page_views: page_views.c.page_id,
    revisions: revisions.c.page_id,
    reference_sources: reference_sources.c.page_id,
    search_entries: search_entries.c.page_id,
}
# Of these there is one in the whole database.
UNIQUE = frozenset({"username", "username_key", "email", "email_key"})


def _notebooks_of(owner: str) -> Any:
    return select(notebooks.c.id).where(notebooks.c.owner_id == owner)


def word_of(number: int) -> str:
    """A word that stands in each page of this copy and nowhere else; copy 0 is the author."""
    return f"x{number:08x}x"


def own_word(owner_id: str) -> str:
    """What an author who will be copied writes into each page."""
    return f"x{owner_id[:DIGITS]}x"


def copy(
    connection: Connection, owner_id: str, first: int, count: int, tell: Callable[[int], object] = lambda done: None
) -> None:
    """Add the copies ``first`` to ``first + count - 1`` of all that the author has now, each statement committed by
    itself; ``tell`` is told how many there are. What is pending is not copied."""
    _refuse_two_minutes(connection, owner_id)
    for start in range(first, first + count, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, first + count))
        with _numbered(connection, numbers):
            for table, owned in OF_OWNER.items():
                copied = {column.name: _of_author(column, owner_id[:DIGITS]) for column in table.columns}
                connection.execute(_copying(table, copied, owned(owner_id)))
        connection.commit()
        tell(numbers[-1] + 1 - first)


def lengthen(connection: Connection, notebook_id: str, page_id: str, first: int, count: int) -> None:
    """Add ``count`` copies of a page to the end of its notebook, and commit. Nothing may be pending."""
    numbers = range(first, first + count)
    with _numbered(connection, numbers):
        for table, page in OF_PAGE.items():
            copied = {column.name: _of_page(column, page_id) for column in table.columns}
            connection.execute(_copying(table, copied, page == page_id))
    event = log.newest(connection, notebook_id)
    assert event is not None
    added = tuple(f"{number:0{DIGITS}x}{page_id[DIGITS:]}" for number in numbers)
    longer = replace(event.fact, page_ids=(*event.fact.page_ids, *added))
    lists = {"page_ids": longer.page_ids}
    connection.execute(update(notebooks).where(notebooks.c.id == notebook_id).values(lists))
    lists["page_count"] = len(longer.page_ids)
    connection.execute(update(notebook_views).where(notebook_views.c.notebook_id == notebook_id).values(lists))
    connection.execute(update(events).where(events.c.id == event.id).values(payload=encode(longer)))
    connection.commit()


def revise(connection: Connection, page_id: str, first: int, count: int) -> None:
    """Let a page's first version have been saved ``count`` times more, each time as a revision, and commit. Nothing may
    be pending."""
    with _numbered(connection, range(first, first + count)):
        for table in (events, revisions):
            copied: dict[str, ColumnElement[Any]] = {column.name: column for column in table.columns}
            copied |= {"id": _other_digits(table.c.id), "version": table.c.version + NUMBER - (first - 1)}
            connection.execute(_copying(table, copied, OF_PAGE[table] == page_id))
    for table in (pages, page_views):
        connection.execute(update(table).where(OF_PAGE[table] == page_id).values(version=table.c.version + count))
    connection.commit()


@contextmanager
def _numbered(connection: Connection, numbers: range) -> Iterator[None]:
    connection.execute(text("CREATE TEMPORARY TABLE copies (number INT PRIMARY KEY)"))
    try:
        connection.execute(text("INSERT INTO copies VALUES (:number)"), [{"number": each} for each in numbers])
        yield
    finally:
        connection.execute(text("DROP TEMPORARY TABLE copies"))


def _refuse_two_minutes(connection: Connection, owner_id: str) -> None:
    digits = func.left(events.c.id, DIGITS)
    made = connection.scalars(select(digits).where(OF_OWNER[events](owner_id)).distinct()).all()
    if set(made) != {owner_id[:DIGITS]}:
        raise RuntimeError("the author's ids differ in their first digits, which count minutes; make another author")


def _copying(table: Table, copied: dict[str, ColumnElement[Any]], chosen: ColumnElement[bool]) -> Insert:
    source = select(*copied.values()).select_from(table).join(text("copies"), literal_column("TRUE"))
    return insert(table).from_select(list(copied), source.where(chosen))


def _of_author(column: Column[Any], before: str) -> ColumnElement[Any]:
    if column.name in UNIQUE:
        return func.concat(NUMBER, ".", column)
    if _is_id(column):
        return _other_digits(column)
    return func.replace(column, before, DIGITS_OF_NUMBER) if _may_name_ids(column) else column


def _of_page(column: Column[Any], page_id: str) -> ColumnElement[Any]:
    if column.name == "id" or (_is_id(column) and column.name in ("page_id", "aggregate_id")):
        return _other_digits(column)
    is_named = _may_name_ids(column)
    return func.replace(column, page_id, func.concat(DIGITS_OF_NUMBER, page_id[DIGITS:])) if is_named else column


def _is_id(column: Column[Any]) -> bool:
    return isinstance(column.type, CHAR) and column.type.length == Id.length


def _may_name_ids(column: Column[Any]) -> bool:
    return isinstance(column.type, (MEDIUMTEXT, Json, IdList))


def _other_digits(column: Column[Any]) -> ColumnElement[Any]:
    return func.concat(DIGITS_OF_NUMBER, func.substr(column, DIGITS + 1))
