"""Notebooks."""

from typing import Any

import msgspec
from apiflask import Schema, fields
from marshmallow import ValidationError, validate

from api.schemas.fields import Author, ListQuery, Problem, UtcTime, list_of, text, title

MOST_METADATA_BYTES = 64 * 1024


def _small(value: dict[str, Any]) -> None:
    if len(msgspec.json.encode(value)) > MOST_METADATA_BYTES:
        raise ValidationError(f"Must be at most {MOST_METADATA_BYTES} bytes as JSON.")


def _title(**options: Any) -> fields.String:
    return title(metadata={"example": "Walks by the river"}, **options)


def _description(**options: Any) -> fields.String:
    return text(0, 10_000, metadata={"example": "What I saw on grey mornings."}, **options)


def _metadata(**options: Any) -> fields.Dict:
    told = {"description": "Whatever the client wants to keep with it.", "example": {"mood": "grey"}}
    return fields.Dict(keys=fields.String(), validate=_small, metadata=told, **options)


class NotebookIn(Schema):
    title = _title(required=True)
    description = _description(load_default="")
    metadata = _metadata(load_default=dict)


class NotebookChanges(Schema):
    title = _title()
    description = _description()
    metadata = _metadata()


class PageOrder(Schema):
    page_ids = fields.List(
        fields.String(),
        required=True,
        validate=validate.Length(max=5000),
        metadata={
            "description": "Every page of the notebook, once.",
            "example": ["0199c0ffee0079a1a0b1c2d3e4f50617", "0199c0ffee007b22a1c2d3e4f5061728"],
        },
    )


class NotebookQuery(ListQuery):
    public = fields.Boolean(load_default=False, metadata={"description": "All that is published, by anyone."})
    trashed = fields.Boolean(load_default=False, metadata={"description": "One's own in the trash."})


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
    has_unpublished_changes = fields.Boolean(
        metadata={"x-optional": True, "description": "For its author alone: whether readers see something else."}
    )
    page_count = fields.Integer()
    word_count = fields.Integer()
    version = fields.Integer(
        metadata={"description": "Counts changes of its fields, page list and publication, not saves of its pages."}
    )
    created_at = UtcTime()
    updated_at = UtcTime()


class NotebookWithPages(Notebook):
    pages = fields.List(fields.Nested(PageEntry))


class StaleNotebook(Problem):
    current = fields.Nested(NotebookWithPages)


NotebookList = list_of(Notebook)
