"""Pictures."""

from apiflask import Schema, fields
from marshmallow import validate

from api.schemas.fields import ListQuery, Problem, UtcTime, list_of
from domain.picture import FAILED, PROCESSING, READY

SIZES = ("large", "medium", "small")
MOST_ALT_CHARACTERS = 1000


class Upload(Schema):
    file = fields.File(  # type: ignore[no-untyped-call]
        required=True, metadata={"description": "JPEG, PNG, WebP or GIF, at most 10,000,000 bytes."}
    )
    alt = fields.String(
        load_default="",
        validate=[
            validate.Length(0, MOST_ALT_CHARACTERS),
            validate.ContainsNoneOf("\x00", error="Must not hold NUL."),
        ],
        metadata={"description": "What the picture shows, for those who can't see it."},
    )


class PictureQuery(ListQuery):
    unused = fields.Boolean(load_default=False, metadata={"description": "Only those that nothing of one's own shows."})


class RemovalQuery(Schema):
    force = fields.Boolean(load_default=False, metadata={"description": "Also when it is still used."})


class Thumbnail(Schema):
    url = fields.String()
    mime = fields.String()
    width = fields.Integer()
    height = fields.Integer()
    bytes = fields.Integer()


class Image(Schema):
    id = fields.String()
    status = fields.String(validate=validate.OneOf([PROCESSING, READY, FAILED]))
    url = fields.String()
    alt = fields.String()
    mime = fields.String()
    bytes = fields.Integer()
    width = fields.Integer()
    height = fields.Integer()
    thumbnails = fields.Dict(keys=fields.String(validate=validate.OneOf(SIZES)), values=fields.Nested(Thumbnail))
    error = fields.String(metadata={"description": "Why it failed; only then.", "x-optional": True})
    created_at = UtcTime()


class Reference(Schema):
    kind = fields.String(validate=validate.OneOf(["page", "published", "revision", "avatar"]))
    page_id = fields.String(allow_none=True)
    notebook_id = fields.String(allow_none=True)


class PictureInUse(Problem):
    references = fields.List(
        fields.Nested(Reference), metadata={"description": "What of one's own still shows it.", "x-optional": True}
    )


ImageList = list_of(Image)
