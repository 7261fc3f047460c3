"""Notebooks."""

from typing import Any

import msgspec
from apiflask import Schema, fields
from marshmallow import ValidationError, validate

from api.schemas.fields import Author, ListQuery, UtcTime, list_of, text

MOST_METADATA_BYTES = 64 * 1024


def _small(value: dict[str, Any]) -> None:
    if len(msgspec.json.encode(value)) > MOST_METADATA_BYTES:
        raise ValidationError(f"Must be at most {MOST_METADATA_BYTES} bytes as JSON.")


class NotebookIn(Schema):
    title = text(1, 200, required=True)
    description = text(0, 10_000, load_default="")
    metadata = fields.Dict(keys=fields.String(), load_default=dict, validate=_small)


class NotebookChanges(Schema):
    title = text(1, 200)
    description = text(0, 10_000)
    metadata = fields.Dict(keys=fields.String(), validate=_small)


class PageOrder(Schema):
    page_ids = fields.List(fields.String(), required=True, validate=validate.Length(max=5000))


class NotebookQuery(ListQuery):
    public = fields.Boolean(load_default=False)
    trashed = fields.Boolean(load_default=False)


class PageEntry(Schema):
    id = fields.String()
    title = fields.String()
    order = fields.Integer()
    version = fields.Integer()
    word_count = fields.Integer()
    updated_at = UtcTime()


class Notebook(Schema):
    id = fields.String()
    owner = fields.Nested(Author)
    title = fields.String()
    description = fields.String()
    metadata = fields.Dict()
    status = fields.String(validate=validate.OneOf(["draft", "published"]))
    published_at = UtcTime(allow_none=True)
    has_unpublished_changes = fields.Boolean()
    page_count = fields.Integer()
    word_count = fields.Integer()
    version = fields.Integer()
    created_at = UtcTime()
    updated_at = UtcTime()


class NotebookWithPages(Notebook):
    pages = fields.List(fields.Nested(PageEntry))


NotebookList = list_of(Notebook)
