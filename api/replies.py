"""What a command is answered with: from its handler's result to status, headers and body.

Pure functions: they run inside the command's transaction, whose row locks others wait for.
"""

from typing import Any

from api import presenters
from api.errors import Stale
from api.http import encode, etag_of
from api.schemas import revisions
from domain.commands.notebooks import WithPages
from domain.commands.pages import Refused
from domain.errors import VersionConflict
from domain.notebook import Notebook
from domain.page import Page
from domain.picture import Picture
from domain.receipts import Answer
from domain.session import Session
from domain.user import User
from events.parked import Delivery
from read_models.profiles import Profile

NOTEBOOK = "/api/v1/notebooks/{}"
PAGE = "/api/v1/notebooks/{}/pages/{}"
PICTURE = "/api/v1/uploads/images/{}"
REVISION = revisions.Revision()


def answer(body: object, status: int = 200, **headers: str) -> Answer:
    return Answer(status, headers, encode(body).decode())


def nothing(_: object) -> Answer:
    return Answer(204, {}, "")


def page(saved: Page) -> Answer:
    """Whatever wrote it; the version and the hash are the receipt."""
    return answer(presenters.page(saved), ETag=presenters.draft_etag(saved.version, saved.order))


def page_created(page: Page) -> Answer:
    etag = presenters.draft_etag(page.version, page.order)
    return answer(presenters.page(page), 201, ETag=etag, Location=PAGE.format(page.notebook_id, page.id))


def page_edited(result: Page | Refused) -> Answer:
    return _refused(result) if isinstance(result, Refused) else page(result)


def _refused(refused: Refused) -> Answer:
    merged = refused.merged and {"title": refused.merged[0], "content": refused.merged[1]}
    body = {
        "detail": "The page has changed since you read it. Your text is kept as a revision; merge it and save again.",
        "current": presenters.page(refused.current),
        "merged": merged,
        "conflict_revision_id": refused.conflict_revision_id,
    }
    return answer(body, 412, ETag=presenters.draft_etag(refused.current.version, refused.current.order))


def page_not_restored(conflict: VersionConflict) -> Stale:
    current = conflict.current
    assert isinstance(current, Page)
    detail = "The page has changed since you read it; nothing was restored."
    return Stale(detail, presenters.page(current), presenters.draft_etag(current.version, current.order))


def notebook(written: WithPages, owner: Profile) -> Answer:
    body = presenters.notebook(*written, owner)
    return answer(body, ETag=etag_of(encode(body), written.notebook.version))


def notebook_created(created: Notebook, owner: Profile) -> Answer:
    body = presenters.notebook(created, [], owner)
    etag = etag_of(encode(body), created.version)
    return answer(body, 201, ETag=etag, Location=NOTEBOOK.format(created.id))


def notebook_not_saved(conflict: VersionConflict, owner: Profile) -> Stale:
    current = conflict.current
    assert isinstance(current, WithPages)
    body = presenters.notebook(*current, owner)
    etag = etag_of(encode(body), current.notebook.version)
    return Stale("The notebook has changed since you read it; nothing was saved.", body, etag)


def revision(row: dict[str, Any], owner: Profile) -> Answer:
    return answer(REVISION.dump({**row, "author": presenters.author(owner)}))


def picture(changed: Picture) -> Answer:
    return answer(presenters.picture(changed))


def picture_added(added: Picture) -> Answer:
    return answer(presenters.picture(added), 201, Location=PICTURE.format(added.id))


def user_registered(user: User) -> Answer:
    return answer({"id": user.id, "username": user.username, "email": user.email}, 201)


def own_profile(user: User) -> Answer:
    return answer(presenters.profile(user, insider=True))


def managed_user(user: User) -> Answer:
    return answer(presenters.managed_user(user))


def signed_in(session: Session, user: User) -> Answer:
    return _ticket(session, user=presenters.profile(user, insider=True))


def refreshed(session: Session) -> Answer:
    return _ticket(session)


def _ticket(session: Session, **more: object) -> Answer:
    """What a receipt keeps of an answer with tokens: enough to make the same ones again, of no use to a thief."""
    return answer({"session": session, "more": more})


def delivery(row: Delivery) -> Answer:
    return answer(presenters.delivery(row))
