"""Pictures: one's own, and the small ones' bytes for everyone who knows their URL."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Select

from events.pictures import PictureFact
from infra.database import retried
from queries.answer import Answer, Shape, answer, listing
from queries.current import newest_picture
from queries.reads import Reads
from queries.viewer import NotVisible
from read_models import references
from read_models.freshness import track_references_within
from read_models.notebook_list import slice_of

OfOwner = Callable[[str, Select[Any] | None], Select[Any]]


@retried
def list_pictures(
    reads: Reads, user_id: str, of_owner: OfOwner, unused: bool, page: int, per_page: int, shape: Shape
) -> Answer:
    """One's own pictures, newest first. ``of_owner`` selects them, less those whose ids another query selects: they
    are rows of the write side, and no copy of them is kept."""
    query = of_owner(user_id, references.used_by(user_id) if unused else None)
    newest_first = (query.selected_columns.created_at.desc(), query.selected_columns.id.desc())
    with reads.current.connection() as connection:
        if unused:
            reads.current.catch_up_references(connection, user_id)
        found = slice_of(connection, query, newest_first, page, per_page)
    return listing([shape.present(row) for row in found.rows], found.total, page, per_page, is_public=False)


def read_picture(reads: Reads, user_id: str, picture_id: str, shape: Shape) -> Answer:
    """One of one's own pictures."""
    picture = reads.current.ask(newest_picture, picture_id)
    if picture is None or picture.owner_id != user_id:
        raise NotVisible("There is no such picture.")
    return answer(shape.present({**vars(picture), "id": picture.picture_id}), is_public=False)


def served(reads: Reads, picture_id: str) -> PictureFact:
    """What anyone who knows its id may be sent.

    Raises:
        NotVisible: it is gone, or never was.
    """
    picture = reads.current.picture(picture_id)
    if picture is None:
        raise NotVisible("There is no such picture.")
    return picture


def small_bytes(reads: Reads, sha256: str, object_key: str) -> bytes:
    """The bytes of a small object, from memory while the object store is away."""
    return reads.settled.bytes_of(("object", sha256), _whole, reads.store, object_key)


def _whole(store: Any, object_key: str) -> bytes:
    return b"".join(store.read(object_key))


def uses_within(connection: Connection, picture_id: str, owner_id: str) -> list[dict[str, Any]]:
    """What of the owner's own shows the picture, in a command's transaction: also what was saved a moment ago."""
    track_references_within(connection, owner_id)
    return references.of_picture(connection, picture_id, owner_id)
