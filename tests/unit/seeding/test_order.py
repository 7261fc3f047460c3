"""The order in which files become pages."""

import random

import pytest

from seeding.order import in_order


@pytest.mark.parametrize(
    "names",
    [
        ["Chapter 1.md", "Chapter 2.md", "Chapter 9.md", "Chapter 10.md", "Chapter 11.md"],
        ["Capítulo 2.md", "capítulo 3.md", "Capítulo 10.md"],
        ["第2章.md", "第10章.md", "第一章.md"],
        ["فصل ٢.md", "فصل ١٠.md"],
        ["A.txt", "a.md", "b.md"],
        ["b.md", "b 2.md", "b-2.md", "ba.md"],
        ["01.md", "1.md", "1a.md", "2.md"],
        ["1 - Opening.txt", "1.1 - Scene.txt", "1.2 - Scene.txt", "1.10 - Scene.txt", "2 - Part.txt"],
        ["intro.md", "part1/01.md", "part1/02.md", "part2/01.md", "part10/01.md", "zz.md"],
        ["part1.md", "part1/1.md", "part1/2/1.md", "part1/2/10.md", "part1/3.md", "part2.md"],
        ["_index.md", "01.md", "about.md", "notes/_index.md", "notes/1.md"],
    ],
)
def test_names_stand_as_a_person_would_put_them(names: list[str]) -> None:
    shuffled = random.Random(7).sample(names, len(names))
    assert in_order(shuffled, {}) == names


def test_weights_come_first_and_order_files_among_their_neighbours_only() -> None:
    names = ["a.md", "b.md", "c.md", "p/1.md", "p/2.md", "q/1.md"]
    weights = {"c.md": 1.0, "b.md": 2.0, "p/2.md": -5.0}
    assert in_order(names, weights) == ["c.md", "b.md", "a.md", "p/2.md", "p/1.md", "q/1.md"]


@pytest.mark.parametrize("front", ["_index.md", "index.md"])
def test_a_front_page_weighs_for_its_folder(front: str) -> None:
    names = ["a/" + front, "a/1.md", "b/" + front, "b/1.md"]
    ordered = in_order(names, {"a/" + front: 2.0, "b/" + front: 1.0})
    assert ordered == ["b/" + front, "b/1.md", "a/" + front, "a/1.md"]
