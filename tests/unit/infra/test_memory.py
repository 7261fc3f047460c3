from infra.memory import ENTRY_BYTES, Memory


def test_what_it_keeps_never_exceeds_its_bound() -> None:
    most = 10 * (ENTRY_BYTES + 1000)
    memory = Memory(most)
    for number in range(100):
        memory.put(("page", number), b"x" * 1000, 1000)
        assert memory.used_bytes <= most
    assert memory.get(("page", 99)) == b"x" * 1000
    assert memory.get(("page", 0)) is None


def test_large_entries_take_the_room_of_many_small_ones() -> None:
    memory = Memory(10 * (ENTRY_BYTES + 1000))
    for number in range(10):
        memory.put(("page", number), "small", 1000)
    memory.put("large", "large", 5 * (ENTRY_BYTES + 1000))
    kept = [number for number in range(10) if memory.get(("page", number))]
    assert len(kept) <= 5
    assert kept == list(range(10 - len(kept), 10))


def test_what_is_used_stays() -> None:
    memory = Memory(3 * (ENTRY_BYTES + 10))
    for number in range(3):
        memory.put(number, "kept", 10)
    assert memory.get(0) == "kept"
    memory.put(3, "kept", 10)
    assert (memory.get(0), memory.get(1)) == ("kept", None)


def test_what_exceeds_the_whole_memory_is_not_kept_and_forgets_nothing_else() -> None:
    memory = Memory(3 * (ENTRY_BYTES + 10))
    memory.put("small", "kept", 10)
    memory.put("huge", "before", 10)
    memory.put("huge", "now", 1_000_000)
    assert (memory.get("small"), memory.get("huge")) == ("kept", None)
