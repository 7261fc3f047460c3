"""Links in forms that are no Markdown, as programs for notes and sites write them. A reader would see them as they are
written, so they are found in what is shown, and never in code."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from infra.markdown import Document

# `[[b]]`, `[[b|words]]`, `![[a.png]]`, `![[a.png|300]]` of wikis and Obsidian.
_WIKI = re.compile(r"(?P<mark>!?)\[\[(?P<target>[^\[\]|\n]+)(?:\|(?P<words>[^\[\]\n]*))?\]\]")
_WIDTH = re.compile(r"[0-9]*(?:x[0-9]*)?")
# `{{ site.baseurl }}/a.png`, `{{ '/a.png' | relative_url }}` of Jekyll.
_SITE = r"\{\{-?[ ]*site\.(?:base)?url[ ]*-?\}\}"
_FILTERED = r"\{\{-?[ ]*[\"'](?P<filtered>[^\"'{}\n]+)[\"'][ ]*\|[ ]*(?:relative|absolute)_url[ ]*-?\}\}"
_LIQUID = re.compile(f"{_SITE}|{_FILTERED}")
# `{{< ref "b.md" >}}` of Hugo, `{% link b.md %}` and `{% post_url b %}` of Jekyll: they stand for an address alone.
_ADDRESS = re.compile(
    r"\{\{[<%][ ]*(?:rel)?ref[ ]+(?:path=)?[\"']?(?P<hugo>[^\s\"'<>]+)[\"']?[ ]*[>%]\}\}"
    rf"|(?:{_SITE}){{0,3}}\{{%-?[ ]*(?:link|post_url)[ ]+(?P<jekyll>[^\s%]+)[ ]*-?%\}}"
)
_SETTINGS = r"(?:[^{}\n\"']|\"[^\"\n]{0,500}\"|'[^'\n]{0,500}'){1,2000}"
# `{{< figure src="a.png" >}}` of Hugo, `{% include image.html url="a.png" %}` of many a site of Jekyll's.
_FIGURE = re.compile(
    r"\{\{[<%][ ]*(?:figure|image|img|picture)[ ](?P<hugo>" + _SETTINGS + r")[>%]\}\}"
    r"|\{%-?[ ]*include[ ]+[\w./-]*(?:figure|image|img|picture)[\w./-]*[ ](?P<jekyll>" + _SETTINGS + r")%\}",
    re.IGNORECASE,
)
_SETTING = re.compile(r"([\w-]+)=(?:\"([^\"]*)\"|'([^']*)'|([^\s\"']+))")
# `[words](my chapter.md)`, which the blank keeps from being a link. In brackets, in the end, what else may stand there.
_LOOSE = re.compile(r"(?P<mark>!?)\[(?P<words>[^\[\]\n]*)\]\((?P<inside>(?:[^()\n]|\([^()\n]{0,200}\)){1,500})\)")
_SIZE = r"(?:[ \t]+=[0-9%]*x?[0-9%]*)?"
_INSIDE = re.compile(rf"\s*(?P<target>\S.*?){_SIZE}(?P<title>[ \t]+(?:\"[^\"]*\"|'[^']*'))?{_SIZE}\s*")


@dataclass(frozen=True)
class Foreign:
    """A link to `target` of one of these forms. `is_note`: it names a file wherever that lies."""

    target: str
    start: int
    end: int
    is_picture: bool = False
    alt: str = ""
    is_note: bool = False
    # What makes Markdown of it: before its new target, as a link or as a picture, and behind that.
    before: str = ""
    shown: str = ""
    after: str = ""


def foreign_links(content: str, document: Document) -> Iterator[Foreign]:
    """Find all of them, form by form."""
    if not any(each in content for each in ("[[", "{{", "{%", "](")):
        return
    shown = _shown(document)
    for pattern, made in ((_WIKI, _wiki), (_ADDRESS, _address), (_FIGURE, _figure), (_LOOSE, _loose)):
        for found in pattern.finditer(content):
            at = bisect_right(shown, (found.start(), len(content))) - 1
            if at >= 0 and found.start() < shown[at][1] and content[max(found.start() - 1, 0)] != "\\":
                yield from made(found)


def _shown(document: Document) -> list[tuple[int, int]]:
    """Where text stands in the source as it is shown."""
    blocks = (block for block in document.blocks if block.kind not in ("code", "html"))
    return sorted((piece.start, piece.end) for block in blocks for piece in block.pieces if piece.is_exact)


def _wiki(found: re.Match[str]) -> Iterator[Foreign]:
    target, words = found["target"].strip(), (found["words"] or "").strip()
    alt = "" if _WIDTH.fullmatch(words) else words
    before, shown = f"[{escaped(words or target)}](", f"![{escaped(alt)}]("
    yield Foreign(target, *found.span(), bool(found["mark"]), alt, True, before, shown, ")")


def _address(found: re.Match[str]) -> Iterator[Foreign]:
    yield Foreign(found["hugo"] or found["jekyll"], *found.span(), is_note=True)


def _figure(found: re.Match[str]) -> Iterator[Foreign]:
    settings = _SETTING.finditer(found["hugo"] or found["jekyll"])
    said = {each[1].lower(): each[each.lastindex or 0] for each in settings}
    target = next((said[name] for name in ("src", "url", "file", "path", "image") if said.get(name)), "")
    # What stands below the picture is text.
    below = " ".join(said[name] for name in ("title", "caption", "description") if said.get(name))
    alt = said.get("alt", "")
    if target:
        yield Foreign(target, *found.span(), True, alt, shown=f"![{escaped(alt)}](", after=f") {below}".rstrip())


def _loose(found: re.Match[str]) -> Iterator[Foreign]:
    inside = _INSIDE.fullmatch(found["inside"])
    if inside is None or _ADDRESS.search(found["inside"]):
        return
    is_picture, words = bool(found["mark"]), found["words"]
    around = f"[{words}](", f"![{words}](", f"{inside['title'] or ''})"
    yield Foreign(inside["target"], *found.span(), is_picture, words if is_picture else "", False, *around)


def without_liquid(target: str) -> str:
    """A target without what Jekyll puts before it."""
    return _LIQUID.sub(lambda found: found["filtered"] or "", target) if "{{" in target else target


def escaped(words: str) -> str:
    """Words as Markdown that shows them."""
    return re.sub(r"([\\\[\]*_`<&])", r"\\\1", words)
