"""The title of a file and the text below it."""

from pathlib import Path

import pytest

from seeding.chapter import read_chapter, split_title
from seeding.errors import SeedError


@pytest.mark.parametrize(
    ("text", "title", "content"),
    [
        ("# One\n\nText.\n", "One", "Text.\n"),
        ("# 学而\n子曰", "学而", "子曰"),
        ("#\tTabbed ##  \nText", "Tabbed", "Text"),
        ("\n \n# After blank lines\n\nText", "After blank lines", "Text"),
        ("Before.\n\n# Later\n\nAfter.", "Later", "Before.\n\n\nAfter."),
        ("Before.\n# Between\nAfter.", "Between", "Before.\n\nAfter."),
        ("# One\n\n# Two\n", "One", "# Two\n"),
        ("# C# and F#\n", "C# and F#", ""),
        ("    # indented code comes first\n# One\n", "One", "    # indented code comes first\n"),
        ("   # T\n\nText", "T", "Text"),
        ("The Heron\n=========\n\nText", "The Heron", "Text"),
        ("Two lines\nof a title\n===\nText", "Two lines of a title", "Text"),
        ("# **Bold** &amp; `code` &#8217;\n", "Bold & code ’", ""),
        ("# ***La* garza**: caf&eacute;\nTexto", "La garza: café", "Texto"),
        ("<!--\n# TODO ask editor\n-->\n# The Heron\n", "The Heron", "<!--\n# TODO ask editor\n-->\n"),
        ("> # Quoted\n\n# Real\n", "Real", "> # Quoted\n\n"),
        ("<pre>\n# raw\n</pre>\n\n# 苍鹭\n", "苍鹭", "<pre>\n# raw\n</pre>\n\n"),
        ("# \u200b\n\n# Seen\n\nText", "Seen", "# \u200b\n\n\nText"),
        ("# T\n\n    code\n", "T", "    code\n"),
    ],
)
def test_the_first_heading_is_the_title_and_leaves_the_content(text: str, title: str, content: str) -> None:
    assert split_title(text, "file") == (title, content, ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Text.",
        "## Second level",
        "#hashtag",
        "# \nText",
        "#",
        "a # b",
        "> # Quoted",
        "Second\n---",
        "- # In a list",
    ],
)
def test_without_a_heading_the_file_name_is_the_title_and_nothing_is_taken_out(text: str) -> None:
    assert split_title(text, "file") == ("file", text, ())


def test_a_comment_in_a_code_block_is_no_title() -> None:
    code = "```sh\n# a comment\n```\n~~~~\n# another\n~~~\n# still inside\n~~~~\n"
    assert split_title(code + "# Title\n", "file") == ("Title", code, ())


def test_what_a_title_cannot_hold_is_named() -> None:
    title, content, lost = split_title("# ![Boat](b.png) and [a *link*](x.md)\nText", "file")
    assert (title, content) == ("Boat and a link", "Text")
    assert ["picture (b.png)" in lost[0], "link (x.md)" in lost[1], len(lost)] == [True, True, 2]


def read(tmp_path: Path, name: str, text: str) -> tuple[str, str]:
    (tmp_path / name).write_bytes(text.encode())
    chapter = read_chapter(tmp_path / name, name)
    return chapter.title, chapter.content


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("01 The River.md", "01 The River"),
        ("cafe\u0301.txt", "caf\u00e9"),
        ("a  b.c.md", "a b.c"),
        ("\u200b.md", "Untitled"),
    ],
)
def test_a_file_without_a_heading_has_its_name_for_a_title(tmp_path: Path, name: str, title: str) -> None:
    assert read(tmp_path, name, "Text.") == (title, "Text.")


def test_front_matter_names_the_title_and_the_heading_stays(tmp_path: Path) -> None:
    assert read(tmp_path, "a.md", "---\ntitle: Real\n---\n\n# Other\n\nText.") == ("Real", "# Other\n\nText.")
    assert read(tmp_path, "a.md", "---\ntitle: ' \u200b '\n---\n\n# Other\n\nText.") == ("Other", "Text.")


def test_old_line_ends_part_lines(tmp_path: Path) -> None:
    assert read(tmp_path, "a.md", "# Old Mac\rFirst line.\rSecond line.\r") == (
        "Old Mac",
        "First line.\nSecond line.\n",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [("# " + "t" * 201, "its title has 201 characters"), ("---\na: b: c\n---\n", "front matter is no YAML")],
)
def test_a_file_that_can_be_no_page_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SeedError, match=rf"^a\.md: .*{said}"):
        read(tmp_path, "a.md", text)
