"""Titles: one line that can be seen."""

import pytest
from marshmallow import Schema, ValidationError

from api.schemas.notebooks import NotebookChanges, NotebookIn
from api.schemas.pages import PageChanges, PageIn

SCHEMAS = [NotebookIn, NotebookChanges, PageIn, PageChanges]


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize(
    "title",
    [
        *("", " ", " \t ", "\u3000", "\u00a0", "\u200b", "\u200d\u200c", "\u00ad", "\ufeff", "\u2060 \u200e", "\u202e"),
        *("\u3164", "\u115f\u1160", "\u2800", "\ufe0f", "\u034f", "\U000e0101", "\U000e0041"),
        *("two\nlines", "dos\rlíneas", "两\r\n行", "zwei\u2028Zeilen", "deux\u2029lignes", "a\x0bb", "a\x85", "line\n"),
        "a" * 201,
    ],
)
def test_a_title_that_shows_nothing_or_goes_on_is_refused(schema: type[Schema], title: str) -> None:
    with pytest.raises(ValidationError) as refused:
        schema().load({"title": title})
    assert set(refused.value.messages) == {"title"}


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize(
    "title", ["a", " a ", "论", "👩\u200d🚀", "\u200bа", "…", "e\u0301", "می\u200cخواهم", "a" * 200]
)
def test_any_other_title_is_taken_as_it_is(schema: type[Schema], title: str) -> None:
    assert schema().load({"title": title})["title"] == title
