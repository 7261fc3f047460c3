"""The little Markdown that an import must understand: titles, code blocks that hide them, links to pictures."""

import re
from collections.abc import Callable, Iterator
from itertools import groupby

HEADING = re.compile(r"#[ \t]+(?P<title>.*?)(?:[ \t]+#+)?[ \t]*")
FENCE = re.compile(r" {0,3}(?P<fence>`{3,}(?=[^`]*$)|~{3,})(?P<info>.*)")
BLANK_LINES = re.compile(r"\A(?:[ \t]*\n)+")

# A code span is matched first, and left alone: what looks like a picture inside one is an example.
PICTURE = re.compile(
    r"(?P<ticks>(?<!`)`+(?!`))(?:(?!\n[ \t]*\n).)*?(?<!`)(?P=ticks)(?!`)"
    r"|(?P<before>(?<!\\)!\[(?P<alt>(?:[^\[\]]|\[[^\[\]]*\])*)\]\([ \t\n]*)"
    r"(?P<target><[^<>\n]*>|[^\s()<>]+(?:\([^\s()]*\)[^\s()<>]*)*)"
    r"(?P<after>(?:[ \t\n]+(?:\"[^\"]*\"|'[^']*'))?[ \t\n]*\))",
    re.DOTALL,
)


def split_title(text: str, otherwise: str) -> tuple[str, str]:
    """Return title and content: the first `# ` line is the title and leaves the content, without one `otherwise` is."""
    lines = text.split("\n")
    for number, (line, in_code) in enumerate(_with_code_marked(lines)):
        heading = None if in_code else HEADING.fullmatch(line)
        if heading and heading["title"]:
            rest = "\n".join(lines[:number] + lines[number + 1 :])
            return heading["title"], BLANK_LINES.sub("", rest)
    return otherwise, text


def relink_pictures(text: str, new_target: Callable[[str, str], str]) -> str:
    """Give every `![alt](target)` outside code the target that `new_target(alt, target)` answers."""

    def replaced(found: re.Match[str]) -> str:
        if found["ticks"]:
            return found[0]
        return found["before"] + new_target(found["alt"], found["target"]) + found["after"]

    blocks = groupby(_with_code_marked(text.split("\n")), key=lambda marked: marked[1])
    joined = ((in_code, "\n".join(line for line, _ in block)) for in_code, block in blocks)
    return "\n".join(block if in_code else PICTURE.sub(replaced, block) for in_code, block in joined)


def _with_code_marked(lines: list[str]) -> Iterator[tuple[str, bool]]:
    """Yield each line with whether it belongs to a fenced code block, fences included."""
    fence = ""
    for line in lines:
        found = FENCE.fullmatch(line)
        if not fence:
            fence = found["fence"] if found else ""
            yield line, bool(fence)
            continue
        yield line, True
        if found and found["fence"].startswith(fence) and not found["info"].strip():
            fence = ""
