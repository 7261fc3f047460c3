"""Revisions of pages, and what lies between two of them."""

from apiflask import Schema, fields
from marshmallow import validate

from api.schemas.fields import Author, UtcTime, is_id, list_of, text
from queries.revisions import CURRENT


class Revision(Schema):
    id = fields.String()
    page_id = fields.String()
    version = fields.Integer()
    kind = fields.String(validate=validate.OneOf(["save", "autosave", "restore", "publish", "conflict"]))
    label = fields.String(allow_none=True)
    author = fields.Nested(Author)
    word_count = fields.Integer()
    content_sha256 = fields.String()
    created_at = UtcTime()


class RevisionWithText(Revision):
    title = fields.String()
    content = fields.String()


class Label(Schema):
    label = text(
        1,
        120,
        required=True,
        allow_none=True,
        metadata={"example": "Sent to the editor", "description": "null takes it off, and with it the pin."},
    )


def _is_id_or_current(value: str) -> None:
    if value != CURRENT:
        is_id(value)


class DiffQuery(Schema):
    against = fields.String(
        load_default="current",
        validate=_is_id_or_current,
        metadata={"description": "The id of another revision of the page, or `current`."},
    )


class DiffStats(Schema):
    inserted_words = fields.Integer()
    deleted_words = fields.Integer()


class Hunk(Schema):
    op = fields.String(validate=validate.OneOf(["equal", "insert", "delete"]))
    text = fields.String()


class Diff(Schema):
    """``equal`` and ``delete`` joined are the old text, ``equal`` and ``insert`` the new one."""

    from_ = fields.String(data_key="from")
    to = fields.String()
    stats = fields.Nested(DiffStats)
    hunks = fields.List(fields.Nested(Hunk))


RevisionList = list_of(Revision)
