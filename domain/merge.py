"""Three-way merge of two edits on their common base, paragraph by paragraph and line by line."""

from merge3 import Merge3


def merge(base: str, mine: str, theirs: str) -> str | None:
    """Both edits in one text, or None where they touch the same lines."""
    regions = Merge3(base.splitlines(True), mine.splitlines(True), theirs.splitlines(True))
    parts: list[str] = []
    for kind, *lines in regions.merge_groups():
        if kind == "conflict":
            return None
        parts.extend(lines[0])
    return "".join(parts)


def merge_line(base: str, mine: str, theirs: str) -> str | None:
    """One of two titles: whichever changed; None when both did, differently."""
    if mine == theirs or theirs == base:
        return mine
    return theirs if mine == base else None
