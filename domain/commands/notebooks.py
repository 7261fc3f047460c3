"""What an author can do with a notebook."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import func, select

from domain.errors import Forbidden, NotFound, VersionConflict
from domain.notebook import Notebook
from domain.page import pages
from domain.quotas import require_room
from domain.unit_of_work import UnitOfWork


def own_notebook(uow: UnitOfWork, notebook_id: str) -> Notebook:
    """The actor's own live notebook, locked.

    Raises:
        NotFound: absent, in the trash, or someone else's draft.
        Forbidden: someone else's published notebook.
    """
    notebook = _anyones(uow, notebook_id)
    if notebook.trashed_at:
        raise NotFound("This notebook is in the trash; restore it first.")
    return notebook


def _anyones(uow: UnitOfWork, notebook_id: str) -> Notebook:
    notebook = uow.get(Notebook, notebook_id)
    if notebook.owner_id != uow.actor_id:
        if notebook.publication:
            raise Forbidden("Only its author may change a notebook.")
        raise NotFound("There is no such notebook.")
    return notebook


class WithPages(NamedTuple):
    """``pages``: ``{id, title, order, version, word_count, updated_at}`` of the live pages, in order."""

    notebook: Notebook
    pages: list[dict[str, Any]]


def with_pages(uow: UnitOfWork, notebook: Notebook) -> WithPages:
    return WithPages(notebook, contents(uow, notebook))


def contents(uow: UnitOfWork, notebook: Notebook) -> list[dict[str, Any]]:
    """``{id, title, order, version, word_count, updated_at}`` of the live pages, in order."""
    columns = pages.c
    query = select(columns.id, columns.title, columns.version, columns.word_count, columns.updated_at)
    found = uow.connection.execute(query.where(columns.notebook_id == notebook.id)).mappings()
    by_id = {row["id"]: row for row in found}
    return [{**by_id[page_id], "order": place} for place, page_id in enumerate(notebook.page_ids, start=1)]


@dataclass(frozen=True)
class CreateNotebook:
    title: str
    description: str
    metadata: dict[str, Any]
    # QUOTA_NOTEBOOKS
    most: int = 0


def create_notebook(command: CreateNotebook, uow: UnitOfWork) -> Notebook:
    """
    Raises:
        QuotaExceeded: the user has as many as allowed.
    """
    require_room(uow, "notebooks", 1, command.most)
    notebook = Notebook.create(uow.actor_id, command.title, command.description, command.metadata, uow.now)
    uow.add(notebook)
    return notebook


@dataclass(frozen=True)
class EditNotebook:
    """``changes``: any of title, description, metadata. ``expected_version``: from If-Match, None for any."""

    notebook_id: str
    changes: dict[str, Any]
    expected_version: int | None = None


def edit_notebook(command: EditNotebook, uow: UnitOfWork) -> WithPages:
    """
    Raises:
        VersionConflict: the notebook has changed since the caller read it; ``current`` is the notebook with its pages.
    """
    notebook = own_notebook(uow, command.notebook_id)
    if command.expected_version not in (None, notebook.version):
        raise VersionConflict(with_pages(uow, notebook))
    notebook.edit(command.changes, uow.now)
    return with_pages(uow, notebook)


@dataclass(frozen=True)
class ReorderPages:
    notebook_id: str
    page_ids: tuple[str, ...]


def reorder_pages(command: ReorderPages, uow: UnitOfWork) -> WithPages:
    notebook = own_notebook(uow, command.notebook_id)
    notebook.reorder(command.page_ids, uow.now)
    return with_pages(uow, notebook)


@dataclass(frozen=True)
class PublishNotebook:
    notebook_id: str


def publish_notebook(command: PublishNotebook, uow: UnitOfWork) -> WithPages:
    """The notebook and its pages as they were published; read again, they may be newer by a save."""
    published = with_pages(uow, own_notebook(uow, command.notebook_id))
    published.notebook.publish({page["id"]: page["version"] for page in published.pages}, uow.now)
    # A snapshot of each changed page and a revision. What the snapshot replaces goes later, and is counted then.
    published.notebook.grown = 2 * _bytes_of(uow, published.notebook.changed_page_ids())
    return published


def _bytes_of(uow: UnitOfWork, page_ids: Sequence[str]) -> int:
    size = func.octet_length(pages.c.title) + func.octet_length(pages.c.content)
    query = select(func.sum(size)).where(pages.c.id.in_(page_ids))
    return int(uow.connection.scalar(query) or 0) if page_ids else 0


@dataclass(frozen=True)
class UnpublishNotebook:
    notebook_id: str


def unpublish_notebook(command: UnpublishNotebook, uow: UnitOfWork) -> WithPages:
    notebook = own_notebook(uow, command.notebook_id)
    notebook.unpublish(uow.now)
    return with_pages(uow, notebook)


@dataclass(frozen=True)
class TrashNotebook:
    notebook_id: str


def trash_notebook(command: TrashNotebook, uow: UnitOfWork) -> Notebook:
    notebook = own_notebook(uow, command.notebook_id)
    notebook.trash(uow.now)
    return notebook


@dataclass(frozen=True)
class RestoreNotebook:
    notebook_id: str


def restore_notebook(command: RestoreNotebook, uow: UnitOfWork) -> WithPages:
    notebook = _anyones(uow, command.notebook_id)
    notebook.restore(uow.now)
    return with_pages(uow, notebook)
