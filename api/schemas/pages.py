"""Pages."""

from apiflask import Schema, fields
from marshmallow import ValidationError, validate

from api.schemas.fields import Flag, UtcTime, Whole, text

MOST_CONTENT_BYTES = 1024 * 1024


def _at_most_one_mebibyte(value: str) -> None:
    if len(value) > MOST_CONTENT_BYTES // 4 and len(value.encode()) > MOST_CONTENT_BYTES:
        raise ValidationError(f"Must be at most {MOST_CONTENT_BYTES} bytes in UTF-8; split the page.")


class PageIn(Schema):
    title = text(1, 200, required=True)
    content = fields.String(load_default="", validate=_at_most_one_mebibyte)
    order = Whole(load_default=None, allow_none=True, validate=validate.Range(1, 2**31))


class PageChanges(Schema):
    title = text(1, 200)
    content = fields.String(validate=_at_most_one_mebibyte)
    autosave = Flag(load_default=False)


class PageQuery(Schema):
    view = fields.String(load_default="draft", validate=validate.OneOf(["draft", "published"]))


class Page(Schema):
    id = fields.String()
    notebook_id = fields.String()
    title = fields.String()
    content = fields.String()
    order = fields.Integer()
    version = fields.Integer()
    word_count = fields.Integer()
    content_sha256 = fields.String()
    created_at = UtcTime()
    updated_at = UtcTime()


class Merged(Schema):
    title = fields.String()
    content = fields.String()
