"""A folder as a book: what is read, in which order, what is named, and what stops it."""

import os
import unicodedata
from collections.abc import Mapping
from pathlib import Path

import pytest

from seeding.book import Book
from seeding.errors import PictureProblem, SeedError
from seeding.folder import read_folder, read_picture


def folder_with(tmp_path: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return tmp_path


def names(book: Book) -> list[str]:
    return [document.name for document in book.documents]


def left(book: Book) -> list[str]:
    return [str(each) for each in book.left]


def test_every_kind_of_text_is_read_in_natural_order(tmp_path: Path) -> None:
    ordered = ["2.mdown", "9.txt", "10.MARKDOWN", "part1/01.md", "part1/2/1.txt", "part10/1.md"]
    book = read_folder(folder_with(tmp_path, dict.fromkeys(ordered, "Text.")))
    assert names(book) == ordered
    assert (book.title, book.retitle, book.left, book.remarks) == (tmp_path.name, False, (), ())


def test_front_matter_orders_titles_and_leaves_out(tmp_path: Path) -> None:
    files = {
        "a.md": "---\nweight: 2\ntitle: Uno\n---\nText.",
        "b.md": "+++\nweight = 1\n+++\n# Dos\n",
        "c.md": "---\ndraft: true\n---\nSecret.",
        "d.md": "[see](c.md)",
    }
    book = read_folder(folder_with(tmp_path, files))
    assert [(each.name, each.title) for each in book.documents] == [("b.md", "Dos"), ("a.md", "Uno"), ("d.md", "d")]
    assert left(book) == [
        "d.md: the link to c.md stays as it is: it is a draft, which is left out",
        "c.md: its front matter says `draft: true`",
    ]


def test_a_title_that_was_asked_for_is_the_notebooks(tmp_path: Path) -> None:
    book = read_folder(folder_with(tmp_path, {"a.md": ""}), "Emma")
    assert (book.title, book.retitle) == ("Emma", True)


def test_a_folder_is_the_same_source_whatever_its_title_and_however_it_is_named(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, {"a.md": ""})
    source = read_folder(folder).source
    assert source == read_folder(folder / ".." / folder.name, "Another title").source
    assert tmp_path.name not in source


def test_all_that_is_wrong_with_a_folder_is_said_at_once_and_nothing_is_begun(tmp_path: Path) -> None:
    files: Mapping[str, str | bytes] = {
        "long.md": "x" * (2 * 1024 * 1024),
        "part/title.md": "# " + "t" * 201,
        "nul.md": "a\0b",
        "good.md": "# Good",
        "latin.txt": "ñ".encode("latin-1"),
        "matter.md": "---\ntitle: a: b\n---\n",
    }
    with pytest.raises(SeedError) as caught:
        read_folder(folder_with(tmp_path, files))
    said = str(caught.value)
    for expected in (
        "nothing was imported",
        "nul.md: holds a NUL",
        "part/title.md: its title has 201",
        "latin.txt: not UTF-8 (byte 0)",
        "matter.md: its front matter is no YAML (line 2",
    ):
        assert expected in said
    assert "good.md" not in said


def test_a_page_holds_one_mebibyte_and_room_for_the_addresses_of_its_links(tmp_path: Path) -> None:
    whole = "# Title\n" + "x" * (1024 * 1024)
    assert len(read_folder(folder_with(tmp_path, {"a.md": whole})).documents[0].content) == 1024 * 1024
    folder_with(tmp_path, {"a.md": whole + "y"})
    with pytest.raises(SeedError, match=r"a\.md: 1,048,577 bytes; a page holds 1 MiB"):
        read_folder(tmp_path)
    folder_with(tmp_path, {"a.md": whole[:-20] + "\n![](b.png)", "b.png": b""})
    with pytest.raises(SeedError, match=r"a\.md: 1,048,6\d\d bytes; a page holds 1 MiB"):
        read_folder(tmp_path)


def test_a_folder_that_is_missing_or_a_file_or_holds_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder, said in (
        (tmp_path / "gone", "does not exist"),
        (tmp_path / "file", "is a file"),
        (tmp_path, "no text"),
    ):
        with pytest.raises(SeedError, match=said):
            read_folder(folder)
    with pytest.raises(SeedError, match="every text in it is left out"):
        read_folder(folder_with(tmp_path, {"a.md": "---\ndraft: true\n---\n"}))


def test_what_is_not_taken_along_is_named_file_by_file(tmp_path: Path) -> None:
    files: Mapping[str, str | bytes] = {
        "1.md": "![](a.png) ![](gone.png) [doc](notes.docx) [x](b.md) ![](../../etc/passwd) <img src=bad.png>",
        "a.png": b"",
        "unused.png": b"",
        "notes.docx": b"",
        "style.css": b"",
        ".hidden.md": "Text.",
        "._1.md": b"\0\5",
        ".DS_Store": b"\0",
        ".obsidian/app.json": b"{}",
    }
    book = read_folder(folder_with(tmp_path, files))
    assert left(book) == [
        "1.md: the picture gone.png is not uploaded and its link stays as it is: there is no such file in the folder",
        "1.md: the link to b.md stays as it is: there is no such file in the folder",
        "1.md: the picture ../../etc/passwd is not uploaded and its link stays as it is: it lies outside the imported "
        "folder",
        "1.md: the picture bad.png is not uploaded and its link stays as it is: there is no such file in the folder",
        "1.md: the link to notes.docx stays as it is: only texts and pictures are taken along",
        ".hidden.md: its name begins with a dot: it is hidden",
        "notes.docx: neither a text (.md, .markdown, .mdown or .txt) nor a picture",
        "style.css: neither a text (.md, .markdown, .mdown or .txt) nor a picture",
        "unused.png: no text shows or links to it",
    ]
    assert book.remarks == ("hidden, so not looked at: .DS_Store, ._1.md, .obsidian",)


def test_symbolic_links_lead_nowhere_outside(tmp_path: Path) -> None:
    outside = folder_with(tmp_path / "outside", {"private.md": "Secret.", "private.png": b"private"})
    home = folder_with(tmp_path / "book", {"1.md": "![](out.png) ![](in.png)", "real.png": b"real"})
    (home / "out.png").symlink_to(outside / "private.png")
    (home / "2.md").symlink_to(outside / "private.md")
    (home / "more").symlink_to(outside)
    (home / "around").symlink_to(home)
    (home / "ring.png").symlink_to(home / "ring.png")
    (home / "in.png").symlink_to("real.png")
    os.mkfifo(home / "pipe.md")
    book = read_folder(home)
    assert names(book) == ["1.md"]
    assert left(book) == [
        "1.md: the picture out.png is not uploaded and its link stays as it is: there is no such file in the folder",
        "2.md: a symbolic link out of the folder",
        "around: a symbolic link to no file",
        "more: a symbolic link out of the folder",
        "out.png: a symbolic link out of the folder",
        "pipe.md: neither a file nor a folder",
        "ring.png: a symbolic link to no file",
        "real.png: no text shows or links to it",
    ]
    assert book.read_picture("in.png") == b"real"


def test_names_that_differ_only_in_case_or_normal_form_are_files_of_their_own(tmp_path: Path) -> None:
    composed, parted = (unicodedata.normalize(form, "café.md") for form in ("NFC", "NFD"))
    book = read_folder(
        folder_with(tmp_path, {composed: "One.", parted: "Two.", "A.md": "", "a.md": "[x](A.md) [y](a.md)"})
    )
    assert sorted(names(book)) == sorted([composed, parted, "A.md", "a.md"])
    assert [link.name for document in book.documents for link in document.links] == ["A.md", "a.md"]
    assert [each.split(": ")[1] for each in book.remarks] == ["A.md, a.md", ", ".join(sorted([composed, parted]))]


def test_names_that_a_terminal_cannot_show_are_written_out(tmp_path: Path) -> None:
    (tmp_path / "a.md").touch()
    (tmp_path / "b\n\x1b[31m.css").touch()
    (tmp_path / os.fsdecode(b"c\xff.css")).touch()
    assert [each.split(":")[0] for each in left(read_folder(tmp_path))] == ["b\\n\\x1b[31m.css", "c\\udcff.css"]
    (tmp_path / os.fsdecode(b"d\xff.md")).touch()
    with pytest.raises(SeedError, match=r"d\\udcff\.md: its name is not UTF-8"):
        read_folder(tmp_path)


def test_the_books_of_the_corpus_come_in_whole(corpus: Path | None) -> None:
    for name, chapters in (("pride-and-prejudice", 61), ("el-sombrero-de-tres-picos", 36), ("lunyu", 20)):
        if corpus is None:
            break
        book, files = read_folder(corpus / name), sorted((corpus / name).iterdir())
        assert (len(book.documents), book.left, book.remarks) == (chapters, (), ())
        for document, file in zip(book.documents, files, strict=True):
            first, _, rest = file.read_text().partition("\n")
            assert (f"# {document.title}", document.content) == (first, rest.lstrip("\n")), file.name


def test_ten_thousand_files_are_read(tmp_path: Path) -> None:
    for number in range(10_000):
        (tmp_path / f"{number}.md").touch()
    assert names(read_folder(tmp_path)) == [f"{number}.md" for number in range(10_000)]


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
