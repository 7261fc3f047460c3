"""How many members and levels a body has, counted before it is parsed."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.bodies import MOST_LEVELS, MOST_MEMBERS, _too_much

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab"\\\\[]{},: é', max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('ab"[,', max_size=3), inner, max_size=4),
    max_leaves=30,
)


def members(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(members, value.values()))
    return len(value) + sum(map(members, value)) if isinstance(value, list) else 0


@given(values, st.sampled_from([None, 2]), st.booleans())
@settings(deadline=None)
def test_it_counts_names_and_items_and_nothing_inside_of_strings(
    value: Any, indent: int | None, is_ascii: bool
) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=is_ascii).encode()
    count = members(value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("api.bodies.MOST_MEMBERS", count)
        assert _too_much(body) is None
        patch.setattr("api.bodies.MOST_MEMBERS", count - 1)
        assert _too_much(body) or not count


def test_the_limits_are_what_they_are() -> None:
    assert _too_much(json.dumps([0] * MOST_MEMBERS).encode()) is None
    assert "10000" in (_too_much(json.dumps([0] * (MOST_MEMBERS + 1)).encode()) or "")
    assert _too_much(b"[" * MOST_LEVELS + b"0" + b"]" * MOST_LEVELS) is None
    assert "32 levels" in (_too_much(b"[" * (MOST_LEVELS + 1) + b"0" + b"]" * (MOST_LEVELS + 1)) or "")


@pytest.mark.parametrize(
    "part", [b'{"0":0,', b"[", b"[ ", b'""', b'"', b'\\"', b'"\\"', b",", b"{}", b"[" + b" " * 99, b'a"\\', b"]", b" "]
)
def test_no_body_of_eight_megabytes_takes_long(part: bytes) -> None:
    body = part * (8 * 1024 * 1024 // len(part))
    began = time.process_time()
    _too_much(body)
    assert time.process_time() - began < 0.4
