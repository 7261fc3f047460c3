"""Words as a writer counts them, and the name of a text."""

import hashlib
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.text import _alike, count_words, keeps_half, sha256, words_in


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
        ("3.14", 1),
        ("2026", 1),
        ("one\ntwo\r\nthree", 3),
        ("**bold** [link](https://example.org)", 2),
        ("La señora Frasquita", 3),
        ("¡Qué! ¿Cómo? «niño»", 3),
        ("sen\u0303ora", 1),
        ("हिन्दी में लिखा", 3),
        ("学而时习之，不亦说乎？", 9),
        ("子曰：", 2),
        ("東京タワーへ行った", 9),
        ("ジョン・スミス", 6),
        ("한국어를 배운다", 2),
        ("他说 hello world 了", 5),
        ("abc学def", 3),
        ("𠮷野家", 3),
        ("Война и мир", 3),
        ("🙂 🙂", 0),
    ],
)
def test_words_are_counted_as_a_writer_would(text: str, words: int) -> None:
    assert count_words(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("[link](http://www.google.com/)", 1, id="a link is its words"),
        pytest.param('[la liaison](http://www.google.fr/ "Un titre")', 2, id="its title is not read"),
        pytest.param("[链接](<https://例子.测试/路径>)", 2, id="Chinese by the character"),
        pytest.param(
            "![the old heron](https://example.org/one-two/three.png)", 3, id="a picture is its alternative text"
        ),
        pytest.param("![цапля][r]\n\n[r]: /media/0f/large 'Старая цапля'", 1, id="a definition is not read"),
        pytest.param('<img src="el-bosque.png" alt="El bosque de noche">', 4, id="an img too"),
        pytest.param("http://www.google.com/", 1, id="a bare URL"),
        pytest.param("看https://a.b/c-d，好 www.example.com/x-y", 4, id="a URL without spaces around it"),
        pytest.param("Véase <https://es.wikipedia.org/wiki/Garza_(ave)>.", 2, id="in brackets"),
        pytest.param("Pišite na ana.novak+knjige@primer.si!", 3, id="an e-mail"),
        pytest.param("3.14", 1, id="a number"),
        pytest.param("1.234,56 € y 10:30", 3, id="a Spanish number"),
        pytest.param("٣٫١٤ و ١٬٠٠٠", 3, id="Arabic numbers"),
        pytest.param("don't", 1, id="an apostrophe"),
        pytest.param("aujourd’hui, col·lecció, צה״ל", 3, id="what holds a word together elsewhere"),
        pytest.param("don&rsquo;t R&amp;D caf&eacute;", 4, id="the letters of an entity are not read"),
        pytest.param("Espa&ntilde;a &#8212; Stra&szlig;e &#x5B57;", 3, id="nor in other languages"),
        pytest.param("well-known", 1, id="a hyphen"),
        pytest.param("franco-español, бело‑синий, בית־ספר", 3, id="other hyphens"),
        pytest.param("un**believ**able", 1, id="marks inside a word"),
        pytest.param("пре*красно*, in<b>cre</b>íble, 我爱**北京**", 6, id="marks inside other words"),
        pytest.param("one<br>two<!-- three --> <span class='four'>5</span>", 3, id="tags and comments are not read"),
        pytest.param("<!-- не читать -->\n\n<p>Да&nbsp;и нет</p>", 3, id="in a block of HTML"),
        pytest.param("```python title=words.py\nx = 1\n```", 2, id="an info string is not read"),
        pytest.param("~~~ruby línea=1\nuno\n~~~\n\n    dos tres", 3, id="code is"),
        pytest.param("---\n# layout of this post\ntitle: Real Title\n---\n\nText.", 1, id="front matter is not read"),
        pytest.param("+++\ntítulo = 'Uno dos'\n+++\nУра", 1, id="nor TOML"),
        pytest.param("나는 한국인입니다", 2, id="Korean by spaces"),
        pytest.param("한국어 **위키백과**는 iPhone을", 3, id="Korean with marks"),
        pytest.param("ｶﾞｷﾞ ﾊﾟｿｺﾝ", 6, id="half-width kana"),
        pytest.param("ガギ パソコン 人々", 8, id="full-width kana"),
        pytest.param("soft\u00adhyphen می\u200cخواهم क्\u200dष", 3, id="what is not seen ends no word"),
        pytest.param("- [x] wash[^1]\n- [ ] dry\n\n[^1]: by hand", 4, id="boxes and footnote numbers are not read"),
        pytest.param("| uno | dos |\n|:--|--:|\n| tres | - |", 3, id="a table"),
    ],
)
def test_words_are_those_that_a_reader_reads(text: str, words: int) -> None:
    assert count_words(text) == words
    assert count_words(unicodedata.normalize("NFD", text)) == words
    assert count_words(unicodedata.normalize("NFC", text)) == words


@given(st.text(st.characters(max_codepoint=127)))
def test_the_short_way_for_plain_ascii_counts_the_same(text: str) -> None:
    # One letter that belongs to no word takes the long way.
    assert words_in(text) == words_in(text + " \u2026")


@given(st.text(), st.text())
def test_the_words_of_two_paragraphs_are_the_words_of_each(one: str, two: str) -> None:
    assert words_in(f"{one}\n\n{two}") == words_in(one) + words_in(two)


@given(st.text() | st.text("가각ᄀ한ﾊﾟﾞカﾞがé\u0301ñ學·’-ⅷ½ǅ\u200d "))
def test_both_normal_forms_have_the_same_words(text: str) -> None:
    assert words_in(unicodedata.normalize("NFC", text)) == words_in(unicodedata.normalize("NFD", text))


@pytest.mark.parametrize(
    "scrap", ["a@", "a.", "www.", "a+b://", "é.", "\u0301", "1,", "The *heron* 学 don’t. ", "<p>é</p>"]
)
def test_a_mebibyte_is_counted_within_a_second(scrap: str) -> None:
    text = scrap * (1024 * 1024 // len(scrap.encode()))
    began = time.process_time()
    count_words(text)
    assert time.process_time() - began < 1


@given(st.text("ab", max_size=8), st.text("ab", max_size=8))
def test_texts_begin_alike_as_far_as_they_do(one: str, other: str) -> None:
    expected = next((n for n in range(min(len(one), len(other)), 0, -1) if one[:n] == other[:n]), 0)
    assert _alike(one, other) == expected


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_what_is_kept_at_both_ends_counts(begin: str, middle: str, end: str) -> None:
    old = begin + middle + end
    assert keeps_half(old, begin + end) or len(begin + end) * 2 < len(old)
    assert keeps_half(old, begin + "…" * 40 + end) or len(begin + end) * 2 < len(old)


def test_a_text_is_named_by_the_hash_of_its_utf_8() -> None:
    assert sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert sha256("学而") == hashlib.sha256("学而".encode()).hexdigest()
