"""From rows, facts and aggregates to what the schemas dump."""

from dataclasses import asdict
from typing import Any

from sqlalchemy.exc import DBAPIError

from api.http import CURRENT_VERSION
from api.schemas import accounts as account_schemas
from api.schemas import admin as admin_schemas
from api.schemas import notebooks as notebook_schemas
from api.schemas import pages as page_schemas
from api.schemas import pictures as picture_schemas
from api.services import services
from domain.notebook import Notebook
from domain.page import Page
from domain.picture import Picture
from domain.user import User
from events.notebooks import NotebookFact, Publication, PublishedPage
from events.parked import Delivery
from infra.database import is_unreachable, retrying
from read_models import profiles
from read_models.profiles import Profile

PAGE = page_schemas.Page()
PICTURE = picture_schemas.Image()
NOTEBOOK = notebook_schemas.Notebook()
NOTEBOOK_WITH_PAGES = notebook_schemas.NotebookWithPages()
MANAGED_USER = admin_schemas.ManagedUser()
DELIVERY = admin_schemas.Delivery()
OWN_PROFILE = account_schemas.Profile()
PROFILE = account_schemas.Profile(exclude=("email", "role"))
OWNERS_ALONE = "has_unpublished_changes"
# Between the reaction and the event in a delivery's id: neither may hold it.
POINT = "."


def profile_of(user_id: str) -> Profile:
    """The profile, at most a lease old."""

    return services().profiles.get(user_id, lambda known: _newest_profile(user_id, known))


def _newest_profile(user_id: str, known: Profile | None) -> Profile:
    """From the log; while MySQL is away, the one known here or in the shared cache."""
    try:
        profile = retrying(lambda: _read_profile(user_id))
    except DBAPIError as error:
        kept = known or services().shared.profile(user_id)
        if kept is None or not is_unreachable(error):
            raise
        return kept
    if profile != known:
        services().shared.put_profile(profile)
    return profile


def _read_profile(user_id: str) -> Profile:
    with services().reading.connect() as connection:
        profile = profiles.load(connection, user_id)
    if profile is None:
        raise LookupError(f"user {user_id} has no event in the log")
    return profile


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


def profile(user: User, insider: bool) -> dict[str, Any]:
    """Someone's profile; e-mail and role for ``insider`` alone."""
    shown = {**vars(user), "avatar_url": avatar_url(user)}
    return (OWN_PROFILE if insider else PROFILE).dump(shown)  # type: ignore[no-any-return]


def managed_user(user: User) -> dict[str, Any]:
    """An account as administrators see it."""
    shown = {**vars(user), "avatar_url": avatar_url(user), "disabled": user.disabled_at is not None}
    return MANAGED_USER.dump(shown)  # type: ignore[no-any-return]


def delivery(row: Delivery) -> dict[str, Any]:
    """A delivery as administrators see it."""
    # A driver's error goes on with the statement and its values: someone's text.
    reason = (row["error"] or "").partition("\n")[0] or None
    shown = {**row, "id": f"{row['reaction']}{POINT}{row['event_id']}", "event_type": row["type"], "error": reason}
    return DELIVERY.dump(shown)  # type: ignore[no-any-return]


def picture(found: Picture) -> dict[str, Any]:
    sizes = {each.size: {**asdict(each), "url": media_url(found.id, each.size)} for each in found.thumbnails}
    shown = {**vars(found), "url": media_url(found.id, "original"), "thumbnails": sizes}
    if found.error is None:
        del shown["error"]
    return PICTURE.dump(shown)  # type: ignore[no-any-return]


def page(aggregate: Page) -> dict[str, Any]:
    """A page just written."""
    return PAGE.dump(aggregate)  # type: ignore[no-any-return]


def draft_etag(version: int, order: int) -> str:
    # The version leads, since If-Match asks for it alone: a page that was only moved is not another text.
    return f'"{version}-{order}"'


def page_row(row: dict[str, Any], order: int) -> dict[str, Any]:
    """A page from its view, or from its published snapshot."""
    return PAGE.dump({**row, "id": row["page_id"], "order": order})  # type: ignore[no-any-return]


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
    return (NOTEBOOK if pages is None else NOTEBOOK_WITH_PAGES).dump(full)  # type: ignore[no-any-return]


def published_row(row: dict[str, Any], owner: Profile) -> dict[str, Any]:
    """A notebook in a public list."""
    return _for_readers({**row, "id": row["notebook_id"], "version": row["published_version"]}, owner, NOTEBOOK)


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
    return _for_readers(full, owner, NOTEBOOK_WITH_PAGES)


def _for_readers(row: dict[str, Any], owner: Profile, schema: notebook_schemas.Notebook) -> dict[str, Any]:
    seen = {**row, "owner": author(owner), "status": "published", "updated_at": row["published_at"]}
    seen.pop(OWNERS_ALONE, None)
    return schema.dump(seen)  # type: ignore[no-any-return]
