"""The parts of seed.py that need no server: reading a folder, titles, picture links, keys, matching, remembering."""

import stat
from pathlib import Path

import pytest

from seeding.book import Document
from seeding.cli import parse
from seeding.demo import DEMOS
from seeding.drawings import DRAWINGS, draw
from seeding.errors import PictureProblem, SeedError
from seeding.folder import read_document, read_folder, read_picture
from seeding.importer import match_pages
from seeding.keys import idempotency_key, json_creation
from seeding.markdown import relink_pictures, split_title
from seeding.memory import ImportMemory, PageMemory, PictureMemory, demo_password
from seeding.pictures import local_name
from seeding.settings import CHECKOUT, load_settings
from seeding.transport import checked_url


def folder_with(tmp_path: Path, **files: str) -> Path:
    """Write files; `one=...` becomes one.md."""
    for name, text in files.items():
        (tmp_path / f"{name}.md").write_text(text, encoding="utf-8")
    return tmp_path


# Titles


@pytest.mark.parametrize(
    ("text", "title", "content"),
    [
        ("# One\n\nText.\n", "One", "Text.\n"),
        ("# 学而\n子曰", "学而", "子曰"),
        ("#\tTabbed ##  \nText", "Tabbed", "Text"),
        ("\n \n# After blank lines\n\nText", "After blank lines", "Text"),
        ("Before.\n\n# Later\n\nAfter.", "Later", "Before.\n\n\nAfter."),
        ("# One\n\n# Two\n", "One", "# Two\n"),
        ("# C# and F#\n", "C# and F#", ""),
        ("    # indented code comes first\n# One\n", "One", "    # indented code comes first\n"),
    ],
)
def test_the_first_heading_is_the_title_and_leaves_the_content(text: str, title: str, content: str) -> None:
    assert split_title(text, "file") == (title, content)


@pytest.mark.parametrize("text", ["", "Text.", "## Second level", "#hashtag", "# \nText", "#", "a # b"])
def test_without_a_heading_the_file_name_is_the_title_and_nothing_is_taken_out(text: str) -> None:
    assert split_title(text, "file") == ("file", text)


def test_a_comment_in_a_code_block_is_no_title() -> None:
    code = "```sh\n# a comment\n```\n~~~~\n# another\n~~~\n# still inside\n~~~~\n"
    assert split_title(code + "# Title\n", "file") == ("Title", code)


def test_indentation_at_the_beginning_of_the_content_is_kept() -> None:
    assert split_title("# T\n\n    code\n", "file") == ("T", "    code\n")


# Links to pictures


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("![a](b.png)", "![a](/media/b.png)"),
        ('![a](b.png "A title")', '![a](/media/b.png "A title")'),
        ("x ![](one.png) y ![](two.png) z", "x ![](/media/one.png) y ![](/media/two.png) z"),
        ("![a [nested] alt](b.png)", "![a [nested] alt](/media/b.png)"),
        ("![a](shot(1).png)", "![a](/media/shot(1).png)"),
        ("![a](<my boat.png>)", "![a](/media/<my boat.png>)"),
        ("[![a](b.png)](https://example.org)", "[![a](/media/b.png)](https://example.org)"),
        ("a lone ` and ![a](b.png)", "a lone ` and ![a](/media/b.png)"),
        (
            "![a](b.png)\n\n```\n![a](b.png)\n```\n\n![a](b.png)",
            "![a](/media/b.png)\n\n```\n![a](b.png)\n```\n\n![a](/media/b.png)",
        ),
    ],
)
def test_links_to_pictures_are_given_new_targets(before: str, after: str) -> None:
    assert relink_pictures(before, lambda alt, target: f"/media/{target}") == after


@pytest.mark.parametrize(
    "text",
    [
        "`![a](b.png)`",
        "``a ` ![a](b.png)``",
        "```\n![a](b.png)\n```",
        "[a link](b.png)",
        r"\![a](b.png)",
        "![a] (b.png)",
        "![a](two words.png)",
    ],
)
def test_what_is_no_picture_is_left_alone(text: str) -> None:
    assert relink_pictures(text, lambda alt, target: "changed") == text


def test_the_alternative_text_is_handed_on() -> None:
    assert relink_pictures("![un barco](b.png)", lambda alt, target: f"{alt}/{target}") == "![un barco](un barco/b.png)"


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("boat.png", "boat.png"),
        ("./boat.png", "boat.png"),
        ("pictures/boat.png", "pictures/boat.png"),
        ("my%20boat.png", "my boat.png"),
        ("<my boat.png>", "my boat.png"),
        ("https://example.org/boat.png", None),
        ("//example.org/boat.png", None),
        ("data:image/png;base64,AAAA", None),
        ("/media/42/original", None),
        ("#top", None),
        ("<>", None),
    ],
)
def test_only_relative_targets_are_local_files(target: str, name: str | None) -> None:
    assert local_name(target) == name


def test_a_picture_outside_the_folder_is_not_read(tmp_path: Path) -> None:
    home = tmp_path / "book"
    home.mkdir()
    (tmp_path / "private.png").write_bytes(b"private")
    (home / "link.png").symlink_to(tmp_path / "private.png")
    for name in ("../private.png", "link.png", str(tmp_path / "private.png")):
        with pytest.raises(PictureProblem, match="outside"):
            read_picture(home.resolve(), name)


@pytest.mark.parametrize(
    ("name", "said"), [("gone.png", "no such file"), (".", "no such file"), ("a\0b", "cannot be read")]
)
def test_a_picture_that_cannot_be_read_is_a_picture_problem(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(PictureProblem, match=said):
        read_picture(tmp_path.resolve(), name)


# Folders


def test_a_folder_is_read_in_the_order_of_its_file_names(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, b="# Second", a="# First", c="No heading")
    (folder / "d.MARKDOWN").write_text("# Fourth")
    for ignored in (".hidden.md", "notes.txt"):
        (folder / ignored).write_text("# Ignored")
    (folder / "folder.md").mkdir()
    book = read_folder(folder)
    assert [document.title for document in book.documents] == ["First", "Second", "c", "Fourth"]
    assert [document.name for document in book.documents] == ["a.md", "b.md", "c.md", "d.MARKDOWN"]
    assert (book.title, book.retitle) == (tmp_path.name, False)


def test_a_title_that_was_asked_for_is_the_notebooks(tmp_path: Path) -> None:
    book = read_folder(folder_with(tmp_path, a=""), "Emma")
    assert (book.title, book.retitle) == ("Emma", True)


def test_a_folder_is_the_same_source_whatever_its_title_and_however_it_is_named(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, a="")
    source = read_folder(folder).source
    assert source == read_folder(folder / ".." / folder.name, "Another title").source
    assert tmp_path.name not in source


def test_windows_line_ends_and_a_byte_order_mark_do_not_reach_the_page(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_bytes(b"\xef\xbb\xbf# T\r\n\r\nOne\r\nTwo\r\n")
    assert read_document(path) == Document("a.md", "T", "One\nTwo\n")


def test_all_that_is_wrong_with_a_folder_is_said_at_once(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, long="x" * (1024 * 1024 + 1), title="# " + "t" * 201, nul="a\0b", good="# Good")
    (folder / "latin.md").write_bytes("ñ".encode("latin-1"))
    with pytest.raises(SeedError) as caught:
        read_folder(folder)
    said = str(caught.value)
    for expected in (
        "long.md: 1,048,577 bytes",
        "title.md: its title has 201",
        "nul.md: holds a NUL",
        "latin.md: not UTF-8",
    ):
        assert expected in said
    assert "good.md" not in said


def test_a_page_of_exactly_one_mebibyte_is_taken(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, a="# Title\n" + "x" * (1024 * 1024))
    assert len(read_folder(folder).documents[0].content) == 1024 * 1024


def test_a_folder_that_is_missing_or_a_file_or_empty_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder, said in (
        (tmp_path / "gone", "does not exist"),
        (tmp_path / "file", "is a file"),
        (tmp_path, "no Markdown"),
    ):
        with pytest.raises(SeedError, match=said):
            read_folder(folder)


# Keys


def test_a_key_is_the_same_on_every_run_and_fits_the_contract() -> None:
    key = idempotency_key("user", "/notebooks", b"body")
    assert key == idempotency_key("user", "/notebooks", b"body")
    assert 1 <= len(key) <= 255
    assert key.isascii()


def test_another_part_or_another_cut_between_parts_is_another_key() -> None:
    keys = [("ab", "c"), ("a", "bc"), ("abc",), ("ab", "c", ""), ("1:a", ""), ("", "1:a")]
    assert len({idempotency_key(*parts) for parts in keys}) == len(keys)


def test_a_body_has_one_fingerprint_however_it_was_put_together() -> None:
    one = json_creation("/p", "a.md", {"title": "ñ", "content": "x"})
    other = json_creation("/p", "a.md", {"content": "x", "title": "ñ"})
    assert one.fingerprint == other.fingerprint != json_creation("/p", "a.md", {"title": "n"}).fingerprint


# Which page is which document


def documents(**titles: str) -> list[Document]:
    return [Document(name, title, "") for name, title in titles.items()]


def pages(**titles: str) -> list[dict[str, str]]:
    return [{"id": page_id, "title": title} for page_id, title in titles.items()]


def test_a_remembered_page_is_found_by_its_id_under_any_title() -> None:
    remembered = {"a": PageMemory("Old", "p1", 1, "hash")}
    assert match_pages(documents(a="New"), remembered, pages(p1="Renamed")) == {"a": "p1"}


def test_pages_of_an_unknown_import_are_found_by_title_in_reading_order() -> None:
    found = match_pages(documents(a="Same", b="Same", c="Own", d="New"), {}, pages(p1="Own", p2="Same", p3="Same"))
    assert found == {"a": "p2", "b": "p3", "c": "p1"}


def test_a_page_is_given_to_the_document_that_remembers_it_before_one_with_its_title() -> None:
    remembered = {"b": PageMemory("Same", "p1", 1, "hash")}
    assert match_pages(documents(a="Same", b="Same"), remembered, pages(p1="Same")) == {"b": "p1"}


def test_a_page_that_was_about_to_be_created_is_found_under_its_title_of_then() -> None:
    assert match_pages(documents(a="New"), {"a": PageMemory("Old")}, pages(p1="Old")) == {"a": "p1"}


def test_a_deleted_page_does_not_take_over_another_one_of_its_title() -> None:
    assert match_pages(documents(a="Same"), {"a": PageMemory("Same", "gone", 1, "h")}, pages(p1="Same")) == {}


# What is remembered


def test_an_import_is_remembered_from_run_to_run_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "seed" / "import.json"
    memory = ImportMemory.load(path)
    memory.begin("n1")
    memory.pages["a.md"] = PageMemory("A", "p1", 3, "hash")
    memory.pictures["b.png"] = PictureMemory("hash", "i1", "/media/i1/original")
    memory.save()
    assert ImportMemory.load(path) == memory
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_what_was_known_of_another_notebooks_pages_is_forgotten_and_pictures_are_not(tmp_path: Path) -> None:
    picture = PictureMemory("hash", "i1", "/media/i1/original")
    memory = ImportMemory(tmp_path / "m.json", "n1", {"a.md": PageMemory("A", "p1")}, {"b.png": picture})
    memory.begin("n1")
    assert memory.pages
    memory.begin("n2")
    assert (memory.pages, memory.pictures) == ({}, {"b.png": picture})


def test_the_demo_password_is_random_and_kept_for_each_server(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    first = demo_password(path, "this machine")
    assert first == demo_password(path, "this machine") != demo_password(path, "https://example.org")
    assert 10 <= len(first) <= 128
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("damaged", ["{", "[]", '{"pages": 3}', '{"pages": {"a": {"colour": "red"}}}', "\xff"])
def test_a_damaged_memory_is_named(tmp_path: Path, damaged: str) -> None:
    path = tmp_path / "import.json"
    path.write_text(damaged, encoding="latin-1")
    with pytest.raises(SeedError, match=r"import\.json is damaged"):
        ImportMemory.load(path)


# The demo and the command line


def test_every_picture_of_the_demo_can_be_drawn_and_is_the_same_each_time() -> None:
    linked = set()

    def drawn_twice(alt: str, name: str) -> str:
        linked.add(name)
        assert draw(name) == draw(name)
        return name

    for demo in DEMOS:
        for document in demo.book().documents:
            relink_pictures(document.content, drawn_twice)
    assert linked == set(DRAWINGS)


def test_the_demo_speaks_three_languages_and_publishes_some_of_it() -> None:
    assert len(DEMOS) == 3
    assert {demo.publish for demo in DEMOS} == {True, False}
    assert len({demo.book().source for demo in DEMOS}) == 3


@pytest.mark.parametrize("words", ["--title T", "--publish", "--password p", "--from d --title  ", "--what"])
def test_a_command_line_that_makes_no_sense_is_refused(words: str) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(words.split(" "))
    assert caught.value.code == 2


@pytest.mark.parametrize("url", ["127.0.0.1:5000", "ftp://example.org", "http://", "http://host:port", ""])
def test_a_url_that_cannot_be_one_is_named(url: str) -> None:
    with pytest.raises(SeedError, match="the URL"):
        checked_url(url)


def test_a_slash_at_the_end_of_the_url_does_not_matter() -> None:
    assert checked_url("http://127.0.0.1:5000/") == "http://127.0.0.1:5000"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SINPLUMA_PORT", "5999")
    monkeypatch.setenv("SINPLUMA_VAR", "elsewhere")
    assert load_settings().url == "http://127.0.0.1:5999"
    assert load_settings().memory == CHECKOUT / "elsewhere" / "seed"


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_a_port_that_cannot_be_one_is_named(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("SINPLUMA_PORT", port)
    with pytest.raises(SeedError, match="SINPLUMA_PORT"):
        load_settings()
