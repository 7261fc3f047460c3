"""The bytes of pictures, for everyone who knows their URL."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from apiflask import APIBlueprint
from flask import Response, request

from api.errors import problem
from api.http import PUBLIC
from api.openapi_rules import refusals
from api.services import reads, services
from domain.errors import NotFound
from domain.picture import object_key
from events.pictures import PictureFact
from infra.objects import NoSuchObject
from queries.pictures import served, small_bytes

blueprint = APIBlueprint("media", __name__)

IMMUTABLE = "public, max-age=31536000, immutable"
# The smallest first; what is not made yet is answered with the next larger one that is.
SIZES = ("small", "medium", "large", "original")
SMALL_BYTES = 64 * 1024
# A signed URL changes only so often, so that browsers can keep what lies behind it.
SIGNED_ANEW = timedelta(minutes=30)
SIGNED_FOR = timedelta(hours=2)


class Variant(NamedTuple):
    """The object that is served for a size. ``final``: it will never change."""

    key: str
    mime: str
    bytes: int
    sha256: str
    final: bool


@blueprint.get("/media/<picture_id>/<word:size>")
@blueprint.output({}, content_type="image/*")
@blueprint.doc(responses={206: "The part that the Range header asks for.", 302: "Where it is.", **refusals(416)})
def get_media(picture_id: str, size: str) -> Response:
    """A picture: original, large (1600 pixels), medium (800) or small (320)"""
    picture = served(reads(), picture_id)
    if size not in SIZES:
        raise NotFound("There is no such picture.")
    variant = _variant(picture, size)
    response = _elsewhere(variant) or _bytes(variant)
    response.headers.setdefault("Cache-Control", IMMUTABLE if variant.final else PUBLIC)
    return response


def _variant(picture: PictureFact, size: str) -> Variant:
    made = {each.size: each for each in picture.thumbnails}
    wanted = next(each for each in SIZES[SIZES.index(size) :] if each in made or each == "original")
    if wanted == "original":
        kept = (object_key(picture.picture_id, "original"), picture.mime, picture.bytes, picture.sha256)
    else:
        found = made[wanted]
        kept = (object_key(picture.picture_id, found.stored_as), found.mime, found.bytes, found.sha256)
    return Variant(*kept, final=wanted == size)


def _elsewhere(variant: Variant) -> Response | None:
    """A redirect to the store itself, where browsers can reach it."""
    moment = int(datetime.now(UTC).timestamp() // SIGNED_ANEW.total_seconds() * SIGNED_ANEW.total_seconds())
    url = services().store.public_url(variant.key, SIGNED_FOR, datetime.fromtimestamp(moment, UTC))
    if url is None:
        return None
    keep = int(SIGNED_ANEW.total_seconds()) if variant.final else 0
    return Response(status=302, headers={"Location": url, "Cache-Control": f"public, max-age={keep}"})


def _bytes(variant: Variant) -> Response:
    etag = f'"{variant.sha256[:32]}"'
    known = request.if_none_match
    if known and (known.star_tag or known.contains(etag.strip('"'))):
        return Response(status=304, headers={"ETag": etag})
    wanted = _range(variant.bytes, etag)
    if wanted is not None and wanted[0] >= wanted[1]:
        refused = problem(416, "The picture has no such part.", {"Content-Range": f"bytes */{variant.bytes}"})
        refused.headers["Cache-Control"] = "no-store"
        return refused
    return _part(variant, etag, wanted)


def _range(length: int, etag: str) -> tuple[int, int] | None:
    """``(first byte, byte after the last)`` of the one part that is asked for, None for all; empty when there is none.

    Several parts at once are answered with all: RFC 9110 leaves that to the server.
    """
    asked = request.range
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return None
    if "If-Range" in request.headers and request.headers["If-Range"] != etag:
        return None
    found = asked.range_for_length(length)
    return (0, 0) if found is None else (found[0], found[1] or length)


def _part(variant: Variant, etag: str, wanted: tuple[int, int] | None) -> Response:
    folder = services().settings.objects_folder
    if folder and (folder / variant.key).is_file():
        # nginx does the rest, Range included (deploy/nginx.conf): the bytes of a large picture would keep a thread busy
        # far longer than all that is decided here.
        handed_over = {"ETag": etag, "X-Accel-Redirect": f"/.pictures/{variant.key}"}
        return Response(status=200, headers=handed_over, mimetype=variant.mime)
    start, stop = wanted or (0, variant.bytes)
    body = () if request.method == "HEAD" else _read(variant, start, stop)
    response = Response(body, 200 if wanted is None else 206, mimetype=variant.mime)
    response.headers.update({"ETag": etag, "Accept-Ranges": "bytes", "Content-Length": str(stop - start)})
    if wanted is not None:
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{variant.bytes}"
    return response


def _read(variant: Variant, start: int, stop: int) -> Iterable[bytes]:
    try:
        if variant.bytes <= SMALL_BYTES:
            return (small_bytes(reads(), variant.sha256, variant.key)[start:stop],)
        return services().store.read(variant.key, start, stop - start)
    except NoSuchObject:
        raise NotFound("This picture is not in the store any more.") from None
