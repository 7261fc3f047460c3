"""What a command is answered with: from its handler's result to status, headers and body.

Pure functions: they run inside the command's transaction, whose row locks others wait for.
"""

from typing import Any

from api import presenters
from api.errors import Stale
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
from queries.answer import Profile, encode, etag_of

NOTEBOOK = "/api/v1/notebooks/{}"
PAGE = "/api/v1/notebooks/{}/pages/{}"
PICTURE = "/api/v1/uploads/images/{}"


def answer(body: object, status: int = 200, **headers: str) -> Answer:
    return Answer(status, headers, encode(body).decode())


def nothing(_: object) -> Answer:
    return Answer(204, {}, "")


def page(saved: Page) -> Answer:
    """The answer to every command that writes a page; version and hash are the client's receipt."""
    body = presenters.page(saved)
    return answer(body, ETag=draft_etag(body))


def draft_etag(page: dict[str, Any]) -> str:
    """The one that reading the page gives as well. The version leads, since If-Match asks for it alone: a page that
    was only moved is not another text."""
    return etag_of(encode(page), page["version"])


def page_created(page: Page) -> Answer:
    body = presenters.page(page)
    return answer(body, 201, ETag=draft_etag(body), Location=PAGE.format(page.notebook_id, page.id))


def page_edited(result: Page | Refused) -> Answer:
    return _refused(result) if isinstance(result, Refused) else page(result)


def _refused(refused: Refused) -> Answer:
    merged = refused.merged and {"title": refused.merged[0], "content": refused.merged[1]}
    current = presenters.page(refused.current)
    body = {
        "detail": "The page has changed since you read it. Your text is kept as a revision; merge it and save again.",
        "current": current,
        "merged": merged,
        "conflict_revision_id": refused.conflict_revision_id,
    }
    return answer(body, 412, ETag=draft_etag(current))


def page_not_restored(conflict: VersionConflict) -> Stale:
    assert isinstance(conflict.current, Page)
    current = presenters.page(conflict.current)
    return Stale("The page has changed since you read it; nothing was restored.", current, draft_etag(current))


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
    return answer(presenters.revision(row, owner))


def picture(changed: Picture) -> Answer:
    return answer(presenters.picture(vars(changed)))


def picture_added(added: Picture) -> Answer:
    return answer(presenters.picture(vars(added)), 201, Location=PICTURE.format(added.id))


def user_registered(user: User) -> Answer:
    return answer({"id": user.id, "username": user.username, "email": user.email}, 201)


def own_profile(user: User) -> Answer:
    return answer(presenters.whole_profile(user))


def managed_user(user: User) -> Answer:
    return answer(presenters.managed_user(user))


def signed_in(session: Session, user: User) -> Answer:
    return _ticket(session, user=presenters.whole_profile(user))


def refreshed(session: Session) -> Answer:
    return _ticket(session)


def _ticket(session: Session, **more: object) -> Answer:
    """What a receipt stores of an answer with tokens: enough to make the same tokens again, useless without the signing
    key."""
    return answer({"session": session, "more": more})


def delivery(row: Delivery) -> Answer:
    return answer(presenters.delivery(row))
