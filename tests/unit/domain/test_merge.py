"""Two edits of one text on their common base: both, or neither."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.merge import merge, merge_line

BASE = "one\ntwo\nthree\nfour\nfive\n"

texts = st.lists(st.sampled_from(["one", "two", "", "三", "señora"]), max_size=6).map("\n".join)


def test_edits_of_different_lines_are_both_kept() -> None:
    assert merge(BASE, "ONE\ntwo\nthree\nfour\nfive\n", "one\ntwo\nthree\nfour\nFIVE\n") == (
        "ONE\ntwo\nthree\nfour\nFIVE\n"
    )


def test_a_line_added_and_a_line_taken_away_are_both_kept() -> None:
    assert merge(BASE, BASE + "six\n", "two\nthree\nfour\nfive\n") == "two\nthree\nfour\nfive\nsix\n"


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("ONE\ntwo\nthree\nfour\nfive\n", "uno\ntwo\nthree\nfour\nfive\n"),
        ("two\nthree\nfour\nfive\n", "uno\ntwo\nthree\nfour\nfive\n"),
        (BASE + "mine\n", BASE + "theirs\n"),
    ],
)
def test_edits_of_the_same_lines_are_not_guessed_at(mine: str, theirs: str) -> None:
    assert merge(BASE, mine, theirs) is None


def test_the_same_edit_twice_is_no_conflict() -> None:
    assert merge(BASE, "one\n", "one\n") == "one\n"


def test_texts_without_a_last_newline_keep_theirs() -> None:
    assert merge("学而\n时习之", "学而\n时习之！", "论语\n学而\n时习之") == "论语\n学而\n时习之！"


@given(base=texts, edited=texts)
def test_an_edit_merged_with_none_is_that_edit(base: str, edited: str) -> None:
    assert merge(base, edited, base) == edited
    assert merge(base, base, edited) == edited


@given(base=texts, mine=texts, theirs=texts)
def test_who_edited_first_does_not_matter(base: str, mine: str, theirs: str) -> None:
    assert (merge(base, mine, theirs) is None) == (merge(base, theirs, mine) is None)


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        ("Walks", "Walks", "Walks"),
        ("Runs", "Walks", "Runs"),
        ("Walks", "Runs", "Runs"),
        ("Runs", "Runs", "Runs"),
        ("Runs", "Swims", None),
    ],
)
def test_of_two_titles_the_changed_one_is_kept(mine: str, theirs: str, expected: str | None) -> None:
    assert merge_line("Walks", mine, theirs) == expected
