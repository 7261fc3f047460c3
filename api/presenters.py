"""From rows, facts and aggregates to what the schemas dump. Presenters do no I/O: they get everything as arguments."""

from dataclasses import asdict
from typing import Any

from api.http import CURRENT_VERSION
from api.schemas import accounts as account_schemas
from api.schemas import admin as admin_schemas
from api.schemas import notebooks as notebook_schemas
from api.schemas import pages as page_schemas
from api.schemas import pictures as picture_schemas
from api.schemas import revisions as revision_schemas
from api.schemas import search as search_schemas
from api.schemas.fields import digest_of
from domain.diff import compare
from domain.notebook import Notebook
from domain.page import Page
from domain.user import User
from events.notebooks import NotebookFact, Publication, PublishedPage
from events.parked import Delivery
from queries.answer import Profile, Shape

_PAGE = page_schemas.Page()
_TRASHED_PAGE = page_schemas.TrashedPage()
_PICTURE = picture_schemas.Image()
_NOTEBOOK = notebook_schemas.Notebook()
_NOTEBOOK_WITH_PAGES = notebook_schemas.NotebookWithPages()
_REVISION = revision_schemas.Revision()
_REVISION_WITH_TEXT = revision_schemas.RevisionWithText()
_DIFF = revision_schemas.Diff()
_HIT = search_schemas.Hit()
_MANAGED_USER = admin_schemas.ManagedUser()
_DELIVERY = admin_schemas.Delivery()
_PROFILE = account_schemas.Profile(exclude=("email", "role"))
_WHOLE_PROFILE = account_schemas.Profile()
_OWN_PROFILE = account_schemas.OwnProfile()
OWNERS_ALONE = "has_unpublished_changes"
# Between the reaction and the event in a delivery's id: neither may hold it.
POINT = "."


def author(profile: Profile) -> dict[str, Any]:
    """The snippet that notebooks, revisions and search results carry."""
    return {
        "id": profile.id,
        "username": profile.username,
        "display_name": profile.display_name,
        "avatar_url": avatar_url(profile),
    }


def avatar_url(profile: Profile | User) -> str | None:
    return media_url(profile.avatar_image_id, "small") if profile.avatar_image_id else None


def media_url(picture_id: str, size: str) -> str:
    return f"{CURRENT_VERSION}/media/{picture_id}/{size}"


def profile(user: User) -> dict[str, Any]:
    """What anyone sees of a user."""
    return _PROFILE.dump({**vars(user), "avatar_url": avatar_url(user)})  # type: ignore[no-any-return]


def whole_profile(user: User) -> dict[str, Any]:
    """What the user and administrators see."""
    return _WHOLE_PROFILE.dump({**vars(user), "avatar_url": avatar_url(user)})  # type: ignore[no-any-return]


def own_profile(user: User, usage: dict[str, int]) -> dict[str, Any]:
    """What the user alone sees."""
    return _OWN_PROFILE.dump({**vars(user), "avatar_url": avatar_url(user), "usage": usage})  # type: ignore[no-any-return]


def managed_user(user: User) -> dict[str, Any]:
    """An account as administrators see it."""
    shown = {**vars(user), "avatar_url": avatar_url(user), "disabled": user.disabled_at is not None}
    return _MANAGED_USER.dump(shown)  # type: ignore[no-any-return]


def delivery(row: Delivery) -> dict[str, Any]:
    """A delivery as administrators see it."""
    # A driver's error includes the statement's values, which may be someone's text: only its first line is shown.
    reason = (row["error"] or "").partition("\n")[0] or None
    shown = {**row, "id": f"{row['reaction']}{POINT}{row['event_id']}", "event_type": row["type"], "error": reason}
    return _DELIVERY.dump(shown)  # type: ignore[no-any-return]


def picture(found: dict[str, Any]) -> dict[str, Any]:
    """A picture from its row or its fields."""
    sizes = {each.size: {**asdict(each), "url": media_url(found["id"], each.size)} for each in found["thumbnails"]}
    shown = {**found, "url": media_url(found["id"], "original"), "thumbnails": sizes}
    if found["error"] is None:
        del shown["error"]
    return _PICTURE.dump(shown)  # type: ignore[no-any-return]


def page(aggregate: Page) -> dict[str, Any]:
    """A page just written."""
    return _PAGE.dump(aggregate)  # type: ignore[no-any-return]


def page_row(row: dict[str, Any]) -> dict[str, Any]:
    """A page from its view, or from its published snapshot, with its ``order``."""
    return _PAGE.dump({**row, "id": row["page_id"]})  # type: ignore[no-any-return]


def trashed_page(row: dict[str, Any]) -> dict[str, Any]:
    """A page that can be restored, from its view."""
    return _TRASHED_PAGE.dump({**row, "id": row["page_id"]})  # type: ignore[no-any-return]


def notebook(written: Notebook, pages: list[dict[str, Any]], owner: Profile) -> dict[str, Any]:
    """A notebook just written."""
    drafts = tuple(PublishedPage(id=page["id"], version=page["version"]) for page in pages)
    counts = {
        "notebook_id": written.id,
        "page_count": len(pages),
        "word_count": sum(page["word_count"] for page in pages),
        "has_unpublished_changes": written.differs_from_published(drafts),
        "changed_at": max([written.updated_at, *(page["updated_at"] for page in pages)]),
    }
    return notebook_row(written.stored() | counts, owner, pages)


def notebook_row(view: dict[str, Any], owner: Profile, pages: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """A notebook as its author sees it, from its view; with its pages when it stands alone."""
    shown: Publication | None = view["publication"]
    full = {
        **view,
        "id": view["notebook_id"],
        "owner": author(owner),
        "status": "published" if shown else "draft",
        "published_at": shown.published_at if shown else None,
        "updated_at": view["changed_at"],
        "pages": pages,
    }
    return (_NOTEBOOK if pages is None else _NOTEBOOK_WITH_PAGES).dump(full)  # type: ignore[no-any-return]


def published_row(row: dict[str, Any], owner: Profile) -> dict[str, Any]:
    """A notebook in a public list."""
    return _for_readers({**row, "id": row["notebook_id"], "version": row["published_version"]}, owner, _NOTEBOOK)


def published_notebook(fact: NotebookFact, owner: Profile, pages: list[dict[str, Any]]) -> dict[str, Any]:
    """A published notebook alone, as readers see it."""
    shown = fact.publication
    assert shown is not None
    full = {
        "id": fact.notebook_id,
        "title": shown.title,
        "description": shown.description,
        "metadata": shown.metadata,
        "published_at": shown.published_at,
        "page_count": len(pages),
        "word_count": sum(each["word_count"] for each in pages),
        "version": shown.version,
        "created_at": fact.created_at,
        "pages": pages,
    }
    return _for_readers(full, owner, _NOTEBOOK_WITH_PAGES)


def _for_readers(row: dict[str, Any], owner: Profile, schema: notebook_schemas.Notebook) -> dict[str, Any]:
    seen = {**row, "owner": author(owner), "status": "published", "updated_at": row["published_at"]}
    seen.pop(OWNERS_ALONE, None)
    return schema.dump(seen)  # type: ignore[no-any-return]


def revision(row: dict[str, Any], by: Profile) -> dict[str, Any]:
    """A revision without its text."""
    return _REVISION.dump({**row, "author": author(by)})  # type: ignore[no-any-return]


def revision_with_text(row: dict[str, Any], by: Profile) -> dict[str, Any]:
    return _REVISION_WITH_TEXT.dump({**row, "author": author(by)})  # type: ignore[no-any-return]


def difference(revision_id: str, against: str, before: str, after: str) -> dict[str, Any]:
    """What leads from one text to another, word by word."""
    found = compare(before, after)
    stats = {"inserted_words": found.inserted_words, "deleted_words": found.deleted_words}
    hunks = [hunk._asdict() for hunk in found.hunks]
    return _DIFF.dump({"from_": revision_id, "to": against, "stats": stats, "hunks": hunks})  # type: ignore[no-any-return]


def hit(found: Any, by: Profile) -> dict[str, Any]:
    """A search result."""
    return _HIT.dump({**vars(found), "author": author(by)})  # type: ignore[no-any-return]


# What queries make of what they find.
PAGE = Shape(page_row, digest_of(_PAGE))
TRASHED_PAGE = Shape(trashed_page, digest_of(_TRASHED_PAGE))
NOTEBOOK = Shape(notebook_row, digest_of(_NOTEBOOK_WITH_PAGES))
NOTEBOOK_IN_LIST = Shape(notebook_row, digest_of(_NOTEBOOK))
PUBLISHED = Shape(published_notebook, digest_of(_NOTEBOOK_WITH_PAGES))
PUBLISHED_IN_LIST = Shape(published_row, digest_of(_NOTEBOOK))
REVISION = Shape(revision, digest_of(_REVISION))
REVISION_WITH_TEXT = Shape(revision_with_text, digest_of(_REVISION_WITH_TEXT))
DIFFERENCE = Shape(difference, digest_of(_DIFF))
HIT = Shape(hit, digest_of(_HIT))
PICTURE = Shape(picture, digest_of(_PICTURE))
PROFILE = Shape(profile, digest_of(_PROFILE))
WHOLE_PROFILE = Shape(whole_profile, digest_of(_WHOLE_PROFILE))
OWN_PROFILE = Shape(own_profile, digest_of(_OWN_PROFILE))
