"""docs/house.md names what is there."""

import ast
import re
from pathlib import Path

HOUSE = Path(__file__).parent.parent.parent
TEXT = (HOUSE / "docs" / "house.md").read_text()
PLACES = sorted(set(re.findall(r"`([\w/]+\.py):([\w.]+)`", TEXT)))


def functions(path: str) -> set[str]:
    """The functions of a file, methods with their class in front."""
    tree = ast.parse((HOUSE / path).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    classes = [each for each in tree.body if isinstance(each, ast.ClassDef)]
    methods = {f"{kind.name}.{each.name}" for kind in classes for each in kind.body if isinstance(each, kinds)}
    return {each.name for each in tree.body if isinstance(each, kinds)} | methods


def test_every_function_that_the_house_names_exists() -> None:
    assert len(PLACES) > 15
    assert [f"{path}:{name}" for path, name in PLACES if name not in functions(path)] == []


def test_every_file_and_room_that_it_names_exists() -> None:
    named = set(re.findall(r"`((?:[a-z_]+/)+(?:\w+\.\w+)?)`", TEXT))
    assert named
    assert {name for name in named if not (HOUSE / name).exists()} == set()


def test_it_is_short() -> None:
    assert len(TEXT.split()) < 1500
