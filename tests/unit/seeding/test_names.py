"""Which file a link means."""

import unicodedata

import pytest

from seeding.names import Names, NotFound

NFD = unicodedata.normalize("NFD", "garça.png")
FILES = [
    "a.png",
    "my boat.png",
    "50%.png",
    "c#.png",
    "part1/01.md",
    "part1/a.png",
    "part1/pics/x.png",
    "static/images/s.png",
    NFD,
    "Photo.JPG",
    "twin.png",
    "Twin.png",
    "deep/er/only.png",
    "one/same.png",
    "two/same.png",
]
NAMES = Names(FILES)


@pytest.mark.parametrize(
    ("target", "document", "found"),
    [
        ("a.png", "x.md", ("a.png", "")),
        ("./a.png", "x.md", ("a.png", "")),
        ("a.png", "part1/01.md", ("part1/a.png", "")),
        ("../a.png", "part1/01.md", ("a.png", "")),
        ("/a.png", "part1/01.md", ("a.png", "")),
        ("my%20boat.png", "part1/01.md", ("my boat.png", "")),
        ("my boat.png", "x.md", ("my boat.png", "")),
        ("50%.png", "x.md", ("50%.png", "")),
        ("c%23.png", "x.md", ("c#.png", "")),
        ("c#.png", "x.md", ("c#.png", "")),
        ("a.png?raw=true", "x.md", ("a.png", "")),
        ("01.md#part", "part1/02.md", ("part1/01.md", "#part")),
        ("part1/01.md#a%20b", "x.md", ("part1/01.md", "#a%20b")),
        ("/images/s.png", "part1/01.md", ("static/images/s.png", "")),
        ("gar\u00e7a.png", "x.md", (NFD, "")),
        ("garc%CC%A7a.png", "x.md", (NFD, "")),
        ("photo.jpg", "x.md", ("Photo.JPG", "")),
        ("Twin.png", "x.md", ("Twin.png", "")),
        ("part1\\pics\\x.png", "x.md", ("part1/pics/x.png", "")),
    ],
)
def test_a_target_means_a_file(target: str, document: str, found: tuple[str, str]) -> None:
    assert NAMES.find(target, document) == found


@pytest.mark.parametrize(
    "target",
    ["https://example.org/a.png", "//example.org/a.png", "data:image/png;base64,AA", "#top", "", "mailto:a@b.c"],
)
def test_what_is_elsewhere_means_no_file(target: str) -> None:
    assert NAMES.find(target, "x.md") is None


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("gone.png", "no such file"),
        ("../../etc/passwd", "outside"),
        ("..%2f..%2fetc/passwd", "outside"),
        ("/../../etc/passwd", "outside"),
        ("..\\..\\secret.png", "outside"),
        ("TWIN.png", "differ only in case or normal form: Twin.png, twin.png"),
        ("part1/", "no such file"),
    ],
)
def test_what_means_no_file_says_why(target: str, said: str) -> None:
    with pytest.raises(NotFound, match=said):
        NAMES.find(target, "x.md")


def test_a_note_finds_a_file_wherever_it_lies() -> None:
    assert NAMES.find_anywhere("only.png", "x.md") == ("deep/er/only.png", "")
    assert NAMES.find_anywhere("er/Only.png", "part1/01.md") == ("deep/er/only.png", "")
    assert NAMES.find_anywhere("01.md#Two words", "x.md") == ("part1/01.md", "#Two words")
    with pytest.raises(NotFound, match=r"several files are called so: one/same.png, two/same.png"):
        NAMES.find_anywhere("same.png", "x.md")
    with pytest.raises(NotFound, match="no such file"):
        NAMES.find_anywhere("gone.png", "x.md")


def test_twins_are_found() -> None:
    assert NAMES.twins() == [["Twin.png", "twin.png"]]
