"""Pages."""

from typing import Any

from apiflask import Schema, fields
from marshmallow import ValidationError, validate

from api.schemas.fields import Flag, ListQuery, Problem, UtcTime, Whole, list_of, title

MOST_CONTENT_BYTES = 1024 * 1024


def _at_most_one_mebibyte(value: str) -> None:
    if len(value) > MOST_CONTENT_BYTES // 4 and len(value.encode()) > MOST_CONTENT_BYTES:
        raise ValidationError(f"Must be at most {MOST_CONTENT_BYTES} bytes in UTF-8; split the page.")


def _title(**options: Any) -> fields.String:
    return title(metadata={"example": "The heron"}, **options)


def _content(**options: Any) -> fields.String:
    told = {
        "description": "Markdown, at most 1 MiB in UTF-8.",
        "maxLength": MOST_CONTENT_BYTES,
        "example": "# The heron\n\nIt stood still in the *rain*.\n",
    }
    return fields.String(validate=_at_most_one_mebibyte, metadata=told, **options)


class PageIn(Schema):
    title = _title(required=True)
    content = _content(load_default="")
    order = Whole(
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, 2**31),
        metadata={"description": "Its place, counted from 1; without one, and beyond the end, the last."},
    )


class PageChanges(Schema):
    title = _title()
    content = _content()
    autosave = Flag(
        load_default=False,
        metadata={"description": "The editor saves by itself: rolls one open revision on.", "example": False},
    )


class PageQuery(Schema):
    view = fields.String(
        load_default="draft",
        validate=validate.OneOf(["draft", "published"]),
        metadata={"description": "For its author: what readers see, instead of the draft."},
    )


class Page(Schema):
    id = fields.String()
    notebook_id = fields.String()
    title = fields.String()
    content = fields.String()
    order = fields.Integer()
    version = fields.Integer(metadata={"description": "Grows by one with each change of title or content."})
    word_count = fields.Integer()
    content_sha256 = fields.String(metadata={"pattern": "^[0-9a-f]{64}$"})
    created_at = UtcTime()
    updated_at = UtcTime()


class TrashedPage(Schema):
    """A page in the trash, without its text and place."""

    id = fields.String()
    notebook_id = fields.String()
    title = fields.String()
    version = fields.Integer()
    word_count = fields.Integer()
    content_sha256 = fields.String(metadata={"pattern": "^[0-9a-f]{64}$"})
    created_at = UtcTime()
    updated_at = UtcTime()


TrashedPageList = list_of(TrashedPage)


class TrashQuery(ListQuery):
    trashed = fields.Boolean(
        required=True,
        validate=validate.Equal(True),
        metadata={"description": "Those that live are in the notebook itself.", "example": True},
    )


class Merged(Schema):
    title = fields.String()
    content = fields.String()


class StalePage(Problem):
    """A save on a version that is not the current one. Nothing is lost: the refused text is a revision."""

    current = fields.Nested(Page)
    merged = fields.Nested(
        Merged, allow_none=True, metadata={"description": "Both edits in one; null where they touch the same lines."}
    )
    conflict_revision_id = fields.String()


class PageNow(Problem):
    current = fields.Nested(Page)
