import pytest

from read_models.freshness import MOST_AT_ONCE, MOST_BYTES_AT_ONCE, _batches

MIB = 1024 * 1024
MOST = MOST_BYTES_AT_ONCE // MIB


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([MIB] * MOST, [MOST]),
        ([MIB] * (2 * MOST + 1), [MOST, MOST, 1]),
        ([MOST * MIB + 1] * 3, [1, 1, 1]),
        ([0] * (MOST_AT_ONCE + 1), [MOST_AT_ONCE, 1]),
        ([(MOST - 1) * MIB, MIB, 1, MOST * MIB], [2, 1, 1]),
    ],
)
def test_each_batch_is_as_large_as_it_may_be_and_no_larger(sizes: list[int], expected: list[int]) -> None:
    ids = [f"{number:032}" for number in range(len(sizes))]
    batches = list(_batches(ids, dict(zip(ids, sizes, strict=True))))
    assert [len(batch) for batch in batches] == expected
    assert [each for batch in batches for each in batch] == ids
