"""What an author can do with a revision of a page. The texts of revisions are the read side's, so commands bring what
they need of them."""

from dataclasses import dataclass

from domain.commands.pictures import mark_linked
from domain.errors import NotFound, VersionConflict
from domain.page import Page
from domain.unit_of_work import UnitOfWork
from events.pages import RevisionLabelled, history_of, text_revision_id


def own_live_page(uow: UnitOfWork, page_id: str) -> Page:
    """The actor's own page, locked.

    Raises:
        NotFound: absent, in the trash with or without its notebook, or someone else's, published or not.
    """
    page = uow.get(Page, page_id)
    if page.owner_id != uow.actor_id or page.trashed_at or page.notebook_trashed:
        raise NotFound("There is no such page.")
    return page


@dataclass(frozen=True)
class RestoreRevision:
    """``title`` and ``content`` are the revision's. ``expected_version``: what If-Match names, None for any."""

    page_id: str
    title: str
    content: str
    expected_version: int | None = None


def restore_revision(command: RestoreRevision, uow: UnitOfWork) -> Page:
    """
    Raises:
        VersionConflict: the page has changed since the caller read it.
    """
    page = own_live_page(uow, command.page_id)
    if command.expected_version not in (None, page.version):
        raise VersionConflict(page)
    mark_linked(uow, page.content, command.content)
    page.revert(command.title, command.content, uow.now)
    return page


@dataclass(frozen=True)
class LabelRevision:
    """``label``: None takes it off."""

    page_id: str
    revision_id: str
    label: str | None


def label_revision(command: LabelRevision, uow: UnitOfWork) -> RevisionLabelled:
    """Name a revision, and keep it for as long as it has a name. The caller checks afterwards, in the same transaction,
    that the revision exists: the page is locked from here on, so nothing can remove it any more (docs/adr/0006)."""
    page = own_live_page(uow, command.page_id)
    if command.label and command.revision_id == text_revision_id(page.id, page.revision):
        page.close_revision()
    history = history_of(page.id)
    labelled = RevisionLabelled(
        owner_id=page.owner_id,
        notebook_id=page.notebook_id,
        page_id=page.id,
        revision_id=command.revision_id,
        version=uow.next_version(history),
        label=command.label or "",
    )
    uow.record(history, labelled.version, labelled)
    return labelled
