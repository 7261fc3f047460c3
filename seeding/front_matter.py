"""What a file says of itself at its head: YAML between lines of `---`, TOML between lines of `+++`, JSON in braces."""

import html
import json
import math
import tomllib
from dataclasses import dataclass
from typing import Any

import yaml

from infra.markdown import split_front_matter

MOST_CHARACTERS = 64 * 1024
# Lists and mappings in each other.
MOST_DEPTH = 50
NOTHING = ("", "~", "null", None)
SAID = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


class Unreadable(Exception):
    """The front matter can't be read, or not used; the message says where and why."""


@dataclass(frozen=True)
class About:
    """What front matter says that matters here.

    `weight` orders the file among its neighbours. `left_out` says why it shall be no page; empty: it shall.
    """

    title: str = ""
    weight: float | None = None
    left_out: str = ""


def read_front_matter(text: str) -> tuple[About, str]:
    """Return what the front matter says, and the text below it.

    Raises:
        Unreadable: it is no YAML or TOML, or one of the fields that matter has no sensible value.
    """
    found, start = split_front_matter(text)
    if found is None:
        fields, start = _json(text)
    elif len(found.text) > MOST_CHARACTERS:
        raise Unreadable(f"its front matter has more than {MOST_CHARACTERS:,} characters")
    else:
        fields = _toml(found.text) if found.kind == "toml" else _yaml(found.text)
    if not start:
        return About(), text
    # Some programs write `Title`.
    known = {name.lower(): value for name, value in fields.items()} | fields
    return About(_title(known), _weight(known), _left_out(known)), text[start:].lstrip("\n")


def _yaml(inside: str) -> dict[str, Any]:
    """Every scalar as the text that it is, so that no title turns into a date, a number or a truth."""
    try:
        _require_shallow(inside)
        # The loader makes texts, lists and mappings only.
        fields = yaml.load(inside, yaml.BaseLoader)  # noqa: S506
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        # The block begins below the first line of the file.
        where = f"line {mark.line + 2}: " if mark else ""
        reason = getattr(error, "problem", None) or "it can't be read"
        raise Unreadable(f"its front matter is no YAML ({where}{reason})") from error
    if not isinstance(fields or {}, dict):
        raise Unreadable("its front matter is YAML without names")
    return fields or {}


def _require_shallow(inside: str) -> None:
    """The loader goes down into each list by a call. Had Python's limit to end that, whatever is cleared away in the
    middle of it would fail as well."""
    depth = 0
    for event in yaml.parse(inside, yaml.BaseLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MOST_DEPTH:
            raise Unreadable("its front matter is no YAML (it is nested too deeply)")


def _toml(inside: str) -> dict[str, Any]:
    try:
        return tomllib.loads(inside)
    except (ValueError, RecursionError) as error:
        # Among the first are numbers with more digits than Python reads.
        raise Unreadable(f"its front matter is no TOML ({error}; line 1 is the one below `+++`)") from error


def _json(text: str) -> tuple[dict[str, Any], int]:
    """Hugo's third kind, and where the text begins behind it: 0 where there is none."""
    try:
        fields, end = json.JSONDecoder().raw_decode(text[:MOST_CHARACTERS]) if text.startswith("{") else (None, 0)
    except (ValueError, RecursionError):
        return {}, 0
    if not isinstance(fields, dict) or not fields or text[end : end + 1] not in ("", "\n"):
        return {}, 0
    return fields, end


def _title(fields: dict[str, Any]) -> str:
    """The title as a reader sees it: exports of WordPress have entities in it."""
    title = fields.get("title", "")
    if isinstance(title, dict | list):
        raise Unreadable("the title in its front matter is no text")
    if any(each == "\0" or "\ud800" <= each <= "\udfff" for each in str(title)):
        # Written as `\0` or `\ud800`: the server takes neither.
        raise Unreadable("the title in its front matter holds what is no character")
    return "" if title in NOTHING else " ".join(html.unescape(str(title)).split())


def _weight(fields: dict[str, Any]) -> float | None:
    name = "weight" if "weight" in fields else "order"
    value = fields.get(name, "")
    if value in NOTHING:
        return None
    try:
        weight = math.nan if isinstance(value, bool | dict | list) else float(value)
    except (TypeError, ValueError, OverflowError):
        weight = math.nan
    if not math.isfinite(weight):
        raise Unreadable(f"the {name} in its front matter is {str(value)[:40]!r}, which is no number")
    # To Hugo a weight of 0 is none.
    return None if name == "weight" and weight == 0 else weight


def _left_out(fields: dict[str, Any]) -> str:
    """Why its author does not want it read: Hugo's word for that, and Jekyll's."""
    for name, unwanted in (("draft", True), ("published", False)):
        if SAID.get(str(fields.get(name)).strip().lower()) is unwanted:
            return f"its front matter says `{name}: {str(unwanted).lower()}`"
    return ""
