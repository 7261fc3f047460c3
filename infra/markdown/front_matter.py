"""What other programs keep at the head of a Markdown file: YAML between ``---``, TOML between ``+++``."""

import re
from dataclasses import dataclass
from typing import Literal

_END = r"[ \t]*(?:\r\n|\r|\n|\Z)"
_OPENING = re.compile(rf"\ufeff?(---|\+\+\+){_END}")
_CLOSING = {
    "---": re.compile(rf"^(?:---|\.\.\.){_END}", re.MULTILINE),
    "+++": re.compile(rf"^\+\+\+{_END}", re.MULTILINE),
}
# The first key of YAML. An item of a list is none, though it may hold one.
_KEY = re.compile(r"[ \t]*(?!-[ \t])[^\s:\[][^:]*:(?:[ \t]|$)")


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """``text`` is what stands between the two lines, whether or not it is good ``kind``."""

    kind: Literal["yaml", "toml"]
    text: str


def split_front_matter(text: str) -> tuple[FrontMatter | None, int]:
    """The front matter, and where the text begins behind it.

    Rules are written like fences of YAML: what stands between two of them is front matter only if its first line
    follows at once and what comes first, comments aside, looks like a key. A heading is written like a comment, and a
    list of things is no front matter.
    """
    opening = _OPENING.match(text)
    if opening is None:
        return None, int(text.startswith("\ufeff"))
    closing = _closing(text, opening)
    inside = text[opening.end() : closing.start()] if closing else ""
    if closing is None or not _is_front_matter(opening[1], inside):
        return None, int(text.startswith("\ufeff"))
    return FrontMatter("yaml" if opening[1] == "---" else "toml", inside), closing.end()


def _closing(text: str, opening: re.Match[str]) -> re.Match[str] | None:
    # MULTILINE knows no line that ends with CR alone.
    if "\r" in text:
        text = re.sub(r"\r(?!\n)", "\n", text)
    return _CLOSING[opening[1]].search(text, opening.end())


def _is_front_matter(fence: str, inside: str) -> bool:
    if not inside or fence == "+++":
        return True
    lines = inside.splitlines()
    keys = (line for line in lines if line.strip() and not line.lstrip().startswith("#"))
    return bool(lines[0].strip()) and _KEY.match(next(keys, "")) is not None
