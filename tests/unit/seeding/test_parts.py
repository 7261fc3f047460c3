"""The parts of seed.py that need no server and no folder: keys, matching, remembering, the demo, the command line."""

import stat
from pathlib import Path

import pytest

from seeding.book import Document
from seeding.cli import parse
from seeding.demo import DEMOS
from seeding.drawings import DRAWINGS, draw
from seeding.errors import SeedError
from seeding.keys import idempotency_key, json_creation
from seeding.matching import in_folders_order, match_pages
from seeding.memory import ImportMemory, PageMemory, PictureMemory, demo_password
from seeding.settings import CHECKOUT, load_settings
from seeding.transport import checked_url

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


def test_a_file_under_another_name_is_known_by_its_text() -> None:
    known = Document("b", "b", "Text.")
    remembered = {"b": PageMemory("b", "p1", 1, "hash", known.digest), "c": PageMemory("c", "p2", 1, "hash", "other")}
    found = match_pages([Document("0b", "0b", "Text.")], remembered, pages(p2="c", p1="b"))
    assert found == {"0b": "p1"}


def test_empty_files_are_not_taken_for_each_other() -> None:
    remembered = {"b": PageMemory("b", "p1", 1, "hash", Document("b", "b", "").digest)}
    assert match_pages([Document("c", "c", "")], remembered, pages(p1="b")) == {}


@pytest.mark.parametrize(
    ("there", "wanted", "ordered"),
    [
        ("abc", "cab", "cab"),
        ("xaybzc", "cab", "xcaybz"),
        ("xyz", "", "xyz"),
    ],
)
def test_pages_of_others_stay_behind_the_page_that_they_stand_behind(there: str, wanted: str, ordered: str) -> None:
    assert in_folders_order(list(there), list(wanted)) == list(ordered)


# What is remembered


def test_an_import_is_remembered_from_run_to_run_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "seed" / "import.json"
    memory = ImportMemory.load(path)
    memory.begin("n1")
    memory.pages["a.md"] = PageMemory("A", "p1", 3, "hash")
    memory.pictures["b.png"] = PictureMemory("hash", "i1", "/media/i1/original")
    memory.order = ["p1"]
    memory.save()
    assert ImportMemory.load(path) == memory
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_what_ten_thousand_pages_are_known_by_is_not_written_down_for_each_of_them(tmp_path: Path) -> None:
    memory = ImportMemory(tmp_path / "m.json", "n1", {f"{n}.md": PageMemory("T", f"p{n}") for n in range(10_000)})
    memory.save()
    written = 0
    for _ in range(200):
        before = memory.path.stat().st_ino
        memory.note()
        written += memory.path.stat().st_ino != before
    assert written < 20


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


@pytest.mark.parametrize(
    "damaged", ["{", "[]", '{"order": 3}', '{"pages": 3}', '{"pages": {"a": {"colour": "red"}}}', "\xff"]
)
def test_a_damaged_memory_is_named(tmp_path: Path, damaged: str) -> None:
    path = tmp_path / "import.json"
    path.write_text(damaged, encoding="latin-1")
    with pytest.raises(SeedError, match=r"import\.json is damaged"):
        ImportMemory.load(path)


# The demo and the command line


def test_every_picture_of_the_demo_can_be_drawn_and_is_the_same_each_time() -> None:
    books = [demo.book() for demo in DEMOS]
    linked = {link.name for book in books for document in book.documents for link in document.links}
    assert linked == set(DRAWINGS)
    assert all(draw(name) == draw(name) for name in linked)
    assert [book.left for book in books] == [()] * len(books)


def test_the_demo_speaks_three_languages_and_publishes_some_of_it() -> None:
    assert len(DEMOS) == 3
    assert {demo.publish for demo in DEMOS} == {True, False}
    assert len({demo.book().source for demo in DEMOS}) == 3


@pytest.mark.parametrize(
    "words", ["--title T", "--publish", "--strict", "--password p", "--from d --title  ", "--what"]
)
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
