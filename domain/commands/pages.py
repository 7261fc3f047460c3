"""What an author can do with a page."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine

from domain.commands.notebooks import own_notebook
from domain.commands.pictures import mark_linked
from domain.errors import Conflict, Forbidden, NotFound
from domain.merge import merge, merge_line
from domain.page import Page
from domain.text import count_words, sha256
from domain.unit_of_work import UnitOfWork
from events import log
from events.event import Event
from events.pages import EditRefused, history_of
from infra.clock import new_id
from infra.database import retrying


def own_page(uow: UnitOfWork, notebook_id: str, page_id: str) -> Page:
    """The actor's own live page, locked.

    Raises:
        NotFound: absent, in the trash with or without its notebook, or in someone else's draft.
        Forbidden: in someone else's published notebook.
    """
    page = _anyones(uow, notebook_id, page_id)
    if page.trashed_at or page.notebook_trashed:
        raise NotFound("This page is in the trash; restore it first.")
    return page


def _anyones(uow: UnitOfWork, notebook_id: str, page_id: str) -> Page:
    page = uow.get(Page, page_id)
    if page.notebook_id != notebook_id:
        raise NotFound("This notebook has no such page.")
    if page.owner_id != uow.actor_id:
        if page.notebook_published:
            raise Forbidden("Only its author may change a page.")
        raise NotFound("There is no such page.")
    return page


@dataclass(frozen=True)
class CreatePage:
    notebook_id: str
    title: str
    content: str
    order: int | None = None


def create_page(command: CreatePage, uow: UnitOfWork) -> Page:
    notebook = own_notebook(uow, command.notebook_id)
    page = Page.create(new_id(), notebook.id, notebook.owner_id, command.title, command.content, uow.now)
    page.order = notebook.add_page(page.id, command.order, uow.now)
    uow.add(page)
    mark_linked(uow, "", page.content)
    return page


@dataclass(frozen=True)
class Merge:
    """What came of a stale edit and the page at ``version``: ``(title, content)``, None where they do not fit."""

    version: int
    merged: tuple[str, str] | None


class MergeNeeded(Exception):
    """The edit is stale. To merge it takes up to a second, for which nobody should wait behind the page's lock: make
    the merge with ``merge_of``, outside of any transaction, and send the edit with it again."""


@dataclass(frozen=True)
class EditPage:
    """``expected_version``: what If-Match names, None to take whatever is there. ``merge``: made before, for a stale
    edit; ``is_last``: take it as too late, rather than ask for another one, when the page has moved on meanwhile."""

    notebook_id: str
    page_id: str
    title: str | None = None
    content: str | None = None
    expected_version: int | None = None
    autosave_window: timedelta | None = None
    merge: Merge | None = None
    is_last: bool = False


@dataclass(frozen=True)
class Refused:
    """The edit was on a stale version. ``merged`` is ``(title, content)`` when both edits fit together."""

    current: Page
    merged: tuple[str, str] | None
    conflict_revision_id: str


def edit_page(command: EditPage, uow: UnitOfWork) -> Page | Refused:
    """
    Raises:
        MergeNeeded: see there.
    """
    page = own_page(uow, command.notebook_id, command.page_id)
    if command.expected_version not in (None, page.version):
        return _keep_refused(command, page, uow)
    before = page.content
    if command.autosave_window is None:
        page.edit(command.title, command.content, uow.now)
    else:
        page.autosave(command.title, command.content, uow.now, command.autosave_window)
    mark_linked(uow, before, page.content)
    return page


def _keep_refused(command: EditPage, page: Page, uow: UnitOfWork) -> Refused:
    base = log.at(uow.connection, page.id, command.expected_version or 0)
    fits = command.merge is not None and command.merge.version == page.version
    if base and not fits and not command.is_last:
        raise MergeNeeded
    title, content = _wished(command, base.fact if base else page)
    refused = EditRefused(
        owner_id=page.owner_id,
        revision_id=new_id(),
        page_id=page.id,
        notebook_id=page.notebook_id,
        base_version=base.version if base else 0,
        title=title,
        content=content,
        word_count=count_words(content),
        content_sha256=sha256(content),
        refused_at=uow.now,
    )
    mark_linked(uow, page.content, content)
    history = history_of(page.id)
    uow.record(history, uow.next_version(history), refused)
    return Refused(page, command.merge.merged if command.merge and fits else None, refused.revision_id)


def merge_of(engine: Engine, command: EditPage) -> Merge | None:
    """The merge that a stale edit needs now, None when there is nothing to merge. Nothing is locked, and no connection
    is held while it is made: the edit itself finds out whether it may be made, and whether the page has moved on.
    """
    page, base = retrying(lambda: _page_and_base(engine, command))
    if page is None or base is None:
        return None
    return Merge(page.version, _merged(base.fact, page, *_wished(command, base.fact)))


def _page_and_base(engine: Engine, command: EditPage) -> tuple[Page | None, Event | None]:
    with engine.connect() as connection:
        row = connection.execute(Page.query(), {"key": command.page_id}).mappings().one_or_none()
        return Page.of(row) if row else None, log.at(connection, command.page_id, command.expected_version or 0)


def _wished(command: EditPage, base: Page) -> tuple[str, str]:
    """The whole page as the author meant it: what the request leaves out stays as it was in the base."""
    title = base.title if command.title is None else command.title
    return title, base.content if command.content is None else command.content


def _merged(base: Page, page: Page, title: str, content: str) -> tuple[str, str] | None:
    both_titles = merge_line(base.title, title, page.title)
    both_texts = merge(base.content, content, page.content)
    return None if both_titles is None or both_texts is None else (both_titles, both_texts)


@dataclass(frozen=True)
class TrashPage:
    notebook_id: str
    page_id: str


def trash_page(command: TrashPage, uow: UnitOfWork) -> None:
    # The notebook first, as in every command that locks both: two orders would deadlock.
    notebook = own_notebook(uow, command.notebook_id)
    page = own_page(uow, command.notebook_id, command.page_id)
    page.trashed_at = uow.now
    notebook.trash_page(page.id, uow.now)


@dataclass(frozen=True)
class RestorePage:
    notebook_id: str
    page_id: str


def restore_page(command: RestorePage, uow: UnitOfWork) -> Page:
    notebook = own_notebook(uow, command.notebook_id)
    page = _anyones(uow, command.notebook_id, command.page_id)
    if page.trashed_at is None:
        raise Conflict("This page is not in the trash.")
    page.trashed_at = None
    page.order = notebook.restore_page(page.id, uow.now)
    return page
