"""What two sequences have in common: both whole, in order, as parts that are equal and parts that are not."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.matching import Work, parts

letters = st.lists(st.sampled_from("abc学"), max_size=14)


@settings(max_examples=1000)
@given(letters, letters)
@example(["a"] * 4, ["b", "a", "a", "a"])
@example(["b", "a", "a", "a"], ["a"] * 4)
def test_parts_are_both_sequences_by_turns(before: list[str], after: list[str]) -> None:
    old = new = 0
    was_equal: bool | None = None
    for part in parts(before, after, Work()):
        assert (part.old.start, part.new.start) == (old, new)
        assert part.is_equal != was_equal
        assert before[part.old] or after[part.new]
        assert not part.is_equal or before[part.old] == after[part.new]
        old, new, was_equal = part.old.stop, part.new.stop, part.is_equal
    assert (old, new) == (len(before), len(after))


def test_of_equal_things_those_stay_that_leave_a_change_in_its_place() -> None:
    for before, after in (("aaaaaaa", "baaaaac"), ("baaaaac", "aaaaaaa"), ("学学学学学学", "新学学学学旧")):
        changed = [part for part in parts(before, after, Work()) if not part.is_equal]
        assert all(part.old.stop - part.old.start == part.new.stop - part.new.start == 1 for part in changed)
