"""Search."""

from apiflask import Schema, fields
from marshmallow import ValidationError, validate

from api.schemas.fields import Author, ListQuery, UtcTime, is_id, list_of


def _not_blank(value: str) -> None:
    if not value.strip():
        raise ValidationError("Say what to look for.")


class SearchQuery(ListQuery):
    q = fields.String(required=True, validate=[validate.Length(max=1000), _not_blank])
    scope = fields.String(load_default="all", validate=validate.OneOf(["all", "mine", "public"]))
    notebook_id = fields.String(load_default=None, validate=is_id)
    author_id = fields.String(load_default=None, validate=is_id)


class Hit(Schema):
    page_id = fields.String()
    notebook_id = fields.String()
    notebook_title = fields.String()
    title = fields.String()
    snippet = fields.String()
    score = fields.Float()
    author = fields.Nested(Author)
    updated_at = UtcTime()


class Freshness(Schema):
    pending_events = fields.Integer()
    lag_seconds = fields.Float()


HitList = list_of(
    Hit,
    total_capped=fields.Boolean(metadata={"x-optional": True, "description": "There are more than the total says."}),
    freshness=fields.Nested(Freshness),
)
