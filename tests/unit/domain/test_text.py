"""Words as a writer counts them, and the name of a text."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.text import count_words, sha256


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        (" \n\t ", 0),
        ("...", 0),
        ("# *", 0),
        ("one", 1),
        ("It is a truth universally acknowledged,", 6),
        ("don't", 1),
        ("don’t", 1),
        ("well-known", 1),
        ("one - two -- three — four", 4),
        ("'quoted' words-", 2),
        ("snake_case", 2),
        ("3.14", 2),
        ("2026", 1),
        ("one\ntwo\r\nthree", 3),
        ("**bold** [link](https://example.org)", 5),
        ("La señora Frasquita", 3),
        ("¡Qué! ¿Cómo? «niño»", 3),
        ("sen\u0303ora", 1),
        ("हिन्दी में लिखा", 3),
        ("学而时习之，不亦说乎？", 9),
        ("子曰：", 2),
        ("東京タワーへ行った", 9),
        ("ジョン・スミス", 6),
        ("한국어를 배운다", 7),
        ("他说 hello world 了", 5),
        ("abc学def", 3),
        ("𠮷野家", 3),
        ("Война и мир", 3),
        ("🙂 🙂", 0),
    ],
)
def test_words_are_counted_as_a_writer_would(text: str, words: int) -> None:
    assert count_words(text) == words


@given(st.text(st.characters(max_codepoint=127)))
def test_the_short_way_for_plain_ascii_counts_the_same(text: str) -> None:
    # One letter that belongs to no word takes the long way.
    assert count_words(text) == count_words(text + " \u2026")


@given(st.text(), st.text())
def test_the_words_of_two_paragraphs_are_the_words_of_each(one: str, two: str) -> None:
    assert count_words(f"{one}\n\n{two}") == count_words(one) + count_words(two)


def test_a_text_is_named_by_the_hash_of_its_utf_8() -> None:
    assert sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert sha256("学而") == hashlib.sha256("学而".encode()).hexdigest()
