"""What a reader sees of HTML in Markdown: the text between the tags, and the alternative text of pictures."""

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

# Each alternative goes to the end of the text when what it began is never closed: so none is tried twice.
_MARKUP = re.compile(
    r"<!--(?:-?>|.*?(?:-->|\Z))|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z)|<![A-Za-z].*?(?:>|\Z)"
    r"|<(?P<close>/?)(?P<name>[A-Za-z][^\s/>]*+)(?P<rest>(?:[^>\"']++|\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z))*+)(?:>|\Z)",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"([^\s\"'<>/=]++)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'=<>`]++)))?")
# Tags that end a line, or a cell. All others stand in the middle of one, or of a word.
_PARTING = frozenset(
    re.findall(
        r"\w+",
        "address article aside blockquote body br caption center dd details dialog dir div dl dt fieldset figcaption "
        "figure footer form frameset h1 h2 h3 h4 h5 h6 head header hr html iframe legend li main menu nav noframes ol "
        "optgroup option p pre search section select summary table tbody td textarea tfoot th thead title tr ul",
    )
)
_HIDING = frozenset(("script", "style", "template"))
_TARGETS = {"img": "src", "a": "href"}
_SETS = frozenset(("img", "source"))
_RUN = re.compile(r"\S+")


class Shown(NamedTuple):
    """Text that a reader sees, and where in the HTML it stands; with ``is_exact`` as it is."""

    text: str
    start: int
    end: int
    is_exact: bool = False


class HtmlLink(NamedTuple):
    """``place`` is where its target stands in the HTML; ``text`` a picture's alternative text."""

    is_picture: bool
    target: str
    text: str
    start: int
    end: int
    place: tuple[int, int]


class Tags:
    """Reads the pieces of HTML of one block, of which a ``<script>`` may be closed in another one."""

    def __init__(self) -> None:
        self.hidden_until = ""

    def read(self, source: str) -> Iterator[Shown | HtmlLink]:
        done = 0
        while True:
            if self.hidden_until:
                done = self._behind_hidden(source, done)
            markup = _MARKUP.search(source, done)
            yield from _text(source, done, markup.start() if markup else len(source))
            if markup is None:
                return
            done = markup.end()
            if markup["name"]:
                yield from self._tag(source, markup, markup["name"].lower())

    def _behind_hidden(self, source: str, start: int) -> int:
        """Where the text is seen again."""
        found = re.compile(rf"</{self.hidden_until}(?![^\s/>])", re.IGNORECASE).search(source, start)
        if found is None:
            return len(source)
        self.hidden_until = ""
        return found.start()

    def _tag(self, source: str, markup: re.Match[str], name: str) -> Iterator[Shown | HtmlLink]:
        if name in _PARTING:
            yield Shown("\n", markup.start(), markup.end())
        if markup["close"]:
            return
        if name in _HIDING and not markup["rest"].endswith("/"):
            self.hidden_until = name
        if name in _TARGETS or name in _SETS:
            yield from _links(markup, name)


def _text(source: str, start: int, end: int) -> Iterator[Shown]:
    if start < end:
        shown = html.unescape(source[start:end])
        yield Shown(shown, start, end, shown == source[start:end])


def _links(markup: re.Match[str], name: str) -> Iterator[Shown | HtmlLink]:
    start = markup.start("rest")
    values: dict[str, re.Match[str]] = {}
    for found in _ATTRIBUTE.finditer(markup["rest"]):
        values.setdefault(found[1].lower(), found)
    alt = html.unescape(_value(values["alt"])) if name == "img" and "alt" in values else ""
    if alt:
        yield Shown(f" {alt} ", markup.start(), markup.end())
    target = values.get(_TARGETS.get(name, ""))
    places = [target.span(target.lastindex)] if target and target.lastindex and target.lastindex > 1 else []
    several = values.get("srcset") if name in _SETS else None
    if several:
        places += _of_set(_value(several), several.start(several.lastindex or 0))
    for first, last in sorted(places):
        meant = html.unescape(markup["rest"][first:last])
        yield HtmlLink(name != "a", meant, alt, markup.start(), markup.end(), (start + first, start + last))


def _of_set(value: str, start: int) -> Iterator[tuple[int, int]]:
    """Where the pictures of a ``srcset`` stand: each is followed by its width, and a comma ends that."""
    is_next = True
    for run in _RUN.finditer(value):
        # `1x,b.png` ends one and begins the next.
        word = run[0] if is_next else run[0].partition(",")[2]
        picture = word.strip(",")
        if picture:
            first = start + run.end() - len(word.lstrip(","))
            yield first, first + len(picture)
        is_next = run[0].endswith(",")


def _value(attribute: re.Match[str]) -> str:
    return attribute[attribute.lastindex or 0] if attribute.lastindex != 1 else ""
