"""Events are for ever: what was written once is read by all code that comes after.

``first_events.json`` holds, for each name, an event as it was when that name was first written. No line of it ever
changes; a new kind of event is added to it.
"""

import json
from dataclasses import MISSING, Field, field, fields, make_dataclass
from pathlib import Path
from typing import Any

import pytest

from events.event import Fact, decode
from workers.reaction_table import SUBSCRIPTIONS

FIRST: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "first_events.json").read_text())
REMEDY = "give the new field a default: every event in the log was written without it"


def test_every_kind_of_event_is_remembered_as_it_was_first_written() -> None:
    assert set(FIRST) == set(SUBSCRIPTIONS)


@pytest.mark.parametrize("name", FIRST)
def test_an_event_as_it_was_first_written_can_still_be_read(name: str) -> None:
    try:
        fact = decode(name, json.dumps(FIRST[name]))
    except Exception as error:
        raise AssertionError(f"{error}; {REMEDY}") from error
    assert fields_without_default(type(fact)) <= FIRST[name].keys(), REMEDY


def fields_without_default(kind: type[Fact]) -> set[str]:
    return {each.name for each in fields(kind) if _is_required(each)}


def _is_required(each: "Field[Any]") -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def test_a_new_field_without_a_default_would_be_told() -> None:
    with_default = make_dataclass(
        "Later", [("colour", str, field(default=""))], bases=(Fact,), kw_only=True, frozen=True
    )
    without = make_dataclass("Hasty", [("colour", str)], bases=(Fact,), kw_only=True, frozen=True)
    assert "colour" not in fields_without_default(with_default)
    assert "colour" in fields_without_default(without)
