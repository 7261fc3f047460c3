"""Pictures: upload, look at, delete. Their bytes are served by ``api/media.py``."""

import hashlib
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request
from sqlalchemy.exc import SQLAlchemyError

from api import presenters, replies, uploads
from api.auth import actor
from api.door import answered_before, carry_out, carry_out_unseen
from api.errors import InUse
from api.http import answered, takes_query
from api.openapi_rules import refusals
from api.schemas import pictures as schemas
from api.services import reads, services
from domain.commands import pictures
from domain.errors import Invalid, Refusal
from domain.picture import object_key
from domain.unit_of_work import UnitOfWork
from infra import crash, imaging, leftovers
from infra.objects import BadCopy, StoreAway
from queries.pictures import list_pictures, read_picture, uses_within

blueprint = APIBlueprint("pictures", __name__)

UPLOAD = "pictures.upload_image"
REFERENCES = schemas.Reference(many=True)


@blueprint.before_request
def _limit_upload() -> None:
    if request.endpoint == UPLOAD:
        uploads.prepare()


@blueprint.post("/uploads/images")
@blueprint.input(schemas.Upload, location="form_and_files")
@blueprint.output(schemas.Image, status_code=201)
@blueprint.doc(responses=[403])
def upload_image(form_and_files_data: dict[str, Any]) -> Response:
    """Upload a picture

    What it is, its content says. It is stored upright, with its colour profile and without EXIF, XMP and IPTC."""
    alt, sent = form_and_files_data["alt"], _only_file()
    imaging.media_type(_head(sent))
    also = hashlib.sha256(sent.read_bytes()).hexdigest() + alt
    return answered_before(also) or _uploaded(sent, alt, also)


def _only_file() -> Path:
    """The temporary file with what was sent.

    Raises:
        Invalid: there are several, or it is empty.
    """
    files = request.files.getlist("file")
    if len(files) != 1 or len(list(request.files.items(multi=True))) != 1:
        raise Invalid({"file": ["Send exactly one file."]})
    stream: Any = files[0].stream
    stream.flush()
    path = Path(stream.name)
    if not path.stat().st_size:
        raise Invalid({"file": ["The file is empty."]})
    return path


def _head(file: Path) -> bytes:
    with open(file, "rb") as opened:
        return opened.read(imaging.HEAD_BYTES)


def _uploaded(sent: Path, alt: str, also: str) -> Response:
    with tempfile.TemporaryDirectory(prefix=leftovers.CLEANED) as folder:
        kept = Path(folder) / "original"
        # Only while it is decoded: a slow store is no reason to keep its owner waiting.
        with services().picture_turns.of(actor().user_id):
            made = imaging.clean(sent, kept)
        with open(kept, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        known = (made.mime, kept.stat().st_size, made.width, made.height, digest)
        crash.point("upload cleaned")
        # A reservation before the bytes, the bytes before the row: whatever dies in between, nothing is lost from
        # sight, and no row is without its bytes.
        picture_id = carry_out_unseen(pictures.reserve_picture, pictures.RESERVE)
        crash.point("upload reserved")
        most = services().settings.quota_picture_bytes
        return _kept(kept, pictures.AddPicture(picture_id, alt, *known, most), also)


def _kept(file: Path, command: pictures.AddPicture, also: str) -> Response:
    try:
        services().store.put(object_key(command.picture_id, "original"), file, command.mime)
        crash.point("upload stored")
        answer = carry_out(pictures.add_picture, command, replies.picture_added, also)
        crash.point("upload kept")
    except (BadCopy, Refusal):
        _give_up(command.picture_id)
        raise
    if "Idempotency-Replayed" in answer.headers:
        _give_up(command.picture_id)
    return answer


def _give_up(picture_id: str) -> None:
    """Clean up at once. Where that fails too, the reservation is left to tell the sweep."""
    with suppress(StoreAway, SQLAlchemyError):
        services().store.remove(object_key(picture_id, "original"))
        carry_out_unseen(pictures.give_up_picture, pictures.GiveUpPicture(picture_id))


@blueprint.get("/uploads/images")
@takes_query(blueprint, schemas.PictureQuery)
@blueprint.output(schemas.ImageList)
def list_images(query_data: dict[str, Any]) -> Response:
    """One's own pictures, newest first"""
    mine = actor().user_id, pictures.of_owner
    return answered(list_pictures(reads(), *mine, **query_data, shape=presenters.PICTURE))


@blueprint.get("/uploads/images/<picture_id>")
@blueprint.output(schemas.Image)
def get_image(picture_id: str) -> Response:
    """One of one's own pictures"""
    return answered(read_picture(reads(), actor().user_id, picture_id, presenters.PICTURE))


@blueprint.post("/uploads/images/<picture_id>/retry")
@blueprint.output(schemas.Image)
def retry_image(picture_id: str) -> Response:
    """Make the sizes of a picture that has failed once more"""
    command = pictures.RetryPicture(picture_id)
    return carry_out(pictures.retry_picture, command, replies.picture)


@blueprint.delete("/uploads/images/<picture_id>")
@takes_query(blueprint, schemas.RemovalQuery)
@blueprint.output({}, status_code=204)
@blueprint.doc(responses=refusals(conflict=schemas.PictureInUse))
def remove_image(picture_id: str, query_data: dict[str, Any]) -> Response:
    """Delete a picture; refused while something of one's own shows it, unless forced"""
    force = query_data["force"]
    remove = pictures.remove_picture if force else _removed_unless_used
    answer = carry_out(remove, pictures.RemovePicture(picture_id), replies.nothing, also=str(force))
    reads().current.wait_out()
    return answer


def _removed_unless_used(command: pictures.RemovePicture, uow: UnitOfWork) -> None:
    picture = pictures.remove_picture(command, uow)
    # Behind the picture's lock, which a save that links it takes as well.
    used = uses_within(uow.connection, picture.id, picture.owner_id)
    if used:
        raise InUse(REFERENCES.dump(used))
