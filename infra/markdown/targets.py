"""Where in the source the target of a link stands: the parser tells only the whole of a link, and what it means."""

import html
import re

# Behind a line end, the marks of the quote that the link stands in.
_GAP = r"(?:[ \t]|(?:\r\n|\r|\n)(?:[ \t]*>)*)*+"
_TARGET = re.compile(rf"{_GAP}(?:<((?:[^<>\\\r\n]|\\.)*+)>|([^\s<][^\s]*))")
_LABEL_END = re.compile(r"\[(?:[^\[\]\\]|\\.)*+\]:", re.DOTALL)
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])|(&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z0-9]+);)")

Place = tuple[int, int]


def inline_target(source: str, after_words: int, end: int, target: str) -> Place | None:
    """Where ``target`` stands in ``[words](target "title")``, which ends at ``end``."""
    bracket = source.find("](", after_words, end)
    return None if bracket < 0 else _target_at(source, bracket + 2, end - 1, target)


def defined_target(source: str, start: int, end: int, target: str) -> Place | None:
    """Where ``target`` stands in ``[label]: target "title"``."""
    label = _LABEL_END.match(source, start, end)
    return _target_at(source, label.end(), end, target) if label else None


def written_target(source: str, place: Place, written: str, start: int, end: int) -> Place | None:
    """Where a tag's target stands: at ``place``, unless marks of a quote stand in the middle of the tag."""
    if source[slice(*place)] == written:
        return place
    found = source.find(written, start, end) if written else -1
    return None if found < 0 else (found, found + len(written))


def _target_at(source: str, start: int, end: int, target: str) -> Place | None:
    found = _TARGET.match(source, start, end)
    if found is None:
        return None
    place = found.span(1) if found[1] is not None else found.span(2)
    return place if meant(source[slice(*place)]) == target else None


def meant(written: str) -> str:
    """A target without its escapes and entities."""
    return _ESCAPE.sub(lambda found: found[1] or html.unescape(found[2]), written)


def normal_label(label: str) -> str:
    """By which references find their definition."""
    return " ".join(label.split()).casefold()
