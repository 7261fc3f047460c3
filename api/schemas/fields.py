"""Fields and schema options that all resources share."""

import hashlib
import re
import unicodedata
from datetime import datetime
from typing import Any

from apiflask import Schema, fields
from marshmallow import ValidationError, validate

from infra.clock import iso


class UtcTime(fields.DateTime):
    """ISO 8601 in UTC with ``Z``."""

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return iso(value) if value else None


class Flag(fields.Boolean):
    """``true`` or ``false`` in JSON, and nothing that looks like one of them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Whole(fields.Integer):
    """A whole number in JSON: no string of digits, and neither ``true`` nor ``1.0``, which Python takes for one."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if type(value) is not int:
            raise self.make_error("invalid", input=value)
        return value


class QueryNumber(fields.Integer):
    """Digits in a query. ``int`` would take ``1_0`` and the digits of other scripts as well."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not re.fullmatch("[0-9]{1,10}", value):
            raise self.make_error("invalid", input=value)
        return int(value)


class ListQuery(Schema):
    page = QueryNumber(load_default=1, validate=validate.Range(1, 2**31))
    per_page = QueryNumber(load_default=20, validate=validate.Range(1, 100))


def digest_of(schema: Schema) -> str:
    """A digest of the fields that a schema writes: their names and types, in order."""
    return hashlib.blake2b(repr(_outline(schema)).encode(), digest_size=6).hexdigest()


def _outline(schema: Any) -> list[Any]:
    return [(field.data_key or name, *_kind(field)) for name, field in schema.dump_fields.items()]


def _kind(field: fields.Field[Any] | None) -> list[Any]:
    if isinstance(field, fields.Nested):
        return ["Nested", _outline(field.schema)]
    if isinstance(field, fields.List):
        return ["List", *_kind(field.inner)]
    inner = _kind(field.value_field) if isinstance(field, fields.Dict) else []
    return [type(field).__name__, *inner]


class Author(Schema):
    id = fields.String()
    username = fields.String()
    display_name = fields.String()
    avatar_url = fields.String(allow_none=True)


def list_of(item: type[Schema], **more: fields.Field[Any]) -> type[Schema]:
    """The schema of one page of a list of ``item``."""
    parts: dict[str, Any] = {
        "items": fields.List(fields.Nested(item)),
        "page": fields.Integer(),
        "per_page": fields.Integer(),
        "total": fields.Integer(),
        "pages": fields.Integer(),
        **more,
    }
    return Schema.from_dict(parts, name=f"{item.__name__}List")  # type: ignore[return-value]


def text(least: int, most: int, **options: Any) -> fields.String:
    """A string of ``least`` to ``most`` characters."""
    return fields.String(validate=validate.Length(least, most), **options)


def title(**options: Any) -> fields.String:
    """The title of a page or notebook: one line of 1 to 200 characters, some of which can be seen."""
    return fields.String(validate=[validate.Length(1, 200), _is_one_line, _can_be_seen], **options)


def _is_one_line(value: str) -> None:
    if len(f"{value}.".splitlines()) > 1:
        raise ValidationError("Must be one line.")


def _can_be_seen(value: str) -> None:
    if all(each in _UNSEEN or unicodedata.category(each) in _BLANK for each in value):
        raise ValidationError("Must have a character that can be seen.")


_BLANK = frozenset(("Zs", "Zl", "Zp", "Cc", "Cf", "Cs"))
# Letters, marks and symbols that show nothing: fillers of Hangul, joiners, selectors, an empty cell of Braille.
_UNSEEN = frozenset("\u115f\u1160\u3164\uffa0\u034f\u17b4\u17b5\u2800").union(
    map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)


def is_id(value: str) -> None:
    """32 lower-case hexadecimal digits, as api/ids.py has it for paths. MySQL would find an id with blanks behind it
    as well."""
    if not re.fullmatch("[0-9a-f]{32}", value):
        raise ValidationError("No id looks like this.")


class Problem(Schema):
    """RFC 9457: what went wrong."""

    type = fields.String(metadata={"format": "uri-reference"})
    title = fields.String()
    status = fields.Integer()
    detail = fields.String(metadata={"description": "What is wrong, and what to do about it."})
    request_id = fields.String()
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "What is wrong with each field.", "x-optional": True},
    )
