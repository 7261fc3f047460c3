"""The order of a folder: as a person would put its names, not as a computer compares them."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

NUMBER = re.compile(r"(\d+)")
# Hugo's front page of a section, whose weight is the section's.
FRONT_PAGES = ("_index", "index")
LAST = float("inf")

Key = tuple[Any, ...]


def natural_key(name: str) -> Key:
    """Order `2` before `10`, without regard to case or normal form; what is left alike, by its characters."""
    folded = unicodedata.normalize("NFC", name).casefold()
    parts = [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in NUMBER.split(folded) if part]
    return (*parts,), name


def in_order(names: Iterable[str], weights: Mapping[str, float]) -> list[str]:
    """Sort paths folder by folder: by weight where one is given, then naturally; a folder is where its name is."""
    known = list(names)
    folders = _weights_of_folders(known, weights)

    def key(name: str) -> Key:
        path = PurePosixPath(name)
        above = [_part(folders.get(folder, LAST), folder.name, 1) for folder in [*path.parents][-2::-1]]
        return (*above, _part(weights.get(name, LAST), path.stem, 0), path.suffix)

    return sorted(known, key=key)


def _part(weight: float, stem: str, folder: int) -> Key:
    """A file comes before the folder of its name: it is often the folder's introduction."""
    return (stem != "_index", weight, natural_key(stem), folder)


def _weights_of_folders(names: list[str], weights: Mapping[str, float]) -> dict[PurePosixPath, float]:
    paths = [PurePosixPath(name) for name in names if name in weights]
    front = sorted((path for path in paths if path.stem in FRONT_PAGES), key=lambda path: path.stem, reverse=True)
    return {path.parent: weights[str(path)] for path in front}
