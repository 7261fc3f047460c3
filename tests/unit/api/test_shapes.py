from typing import Any

import pytest
from apiflask import Schema, fields

from api.schemas.fields import UtcTime, digest_of


class Writer(Schema):
    name = fields.String()


class Page(Schema):
    title = fields.String()
    at = UtcTime()
    writer = fields.Nested(Writer)
    writers = fields.List(fields.Nested(Writer))
    sizes = fields.Dict(keys=fields.String(), values=fields.Integer())


class Named(Writer):
    mood = fields.String()


CHANGES = {
    "a field more": {"mood": fields.String()},
    "another type": {"title": fields.Integer()},
    "another name": {"title": fields.String(data_key="name")},
    "another time": {"at": fields.DateTime()},
    "a field more inside": {"writer": fields.Nested(Named)},
    "a field more in a list": {"writers": fields.List(fields.Nested(Named))},
    "other values": {"sizes": fields.Dict(keys=fields.String(), values=fields.String())},
    "a list of something else": {"writers": fields.List(fields.String())},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_each_change_of_the_fields_changes_the_digest(change: dict[str, Any]) -> None:
    changed = type("Page", (Page,), change)
    assert digest_of(changed()) != digest_of(Page())


def test_a_field_less_changes_it_too() -> None:
    assert digest_of(Page(exclude=("at",))) != digest_of(Page())


def test_every_process_says_the_same() -> None:
    described = type("Page", (Page,), {"title": fields.String(metadata={"description": "Told, not written."})})
    assert digest_of(Page()) == digest_of(Page()) == digest_of(described())
