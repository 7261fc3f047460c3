"""What a reader sees of Markdown, and where in the source it stands."""

import re
import time
from html import unescape

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from infra.markdown import Link, read, seen, split_front_matter

MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("caf&eacute; don&rsquo;t R&amp;D &#20320;&#x597d;", "café don’t R&D 你好"),
        ("&nbsp;&iquest;Ma&ntilde;ana&#63;", "\xa0¿Mañana?"),
        ("un**believ**able, in_cre_dible", "unbelievable, in_cre_dible"),
        ("我爱**北京**天安门 · ich~~lich~~e", "我爱北京天安门 · ichliche"),
        ("a[^1].\n\n[^1]: Foot *note*", "a.\n\nFoot note"),
        ("[link](http://www.google.com/ 'Title') ![the *old* heron](/media/1/large)", "link  the old heron "),
        ("[one][r] and ![two]\n\n[r]: a.png 'Never shown'\n[two]: b.png", "one and  two "),
        ("<http://a.b/c> [[x]] [x]", "http://a.b/c [[x]] [x]"),
        ("a<!-- TODO\nask -->b <b class='x'>c</b>d<br>e", "ab cd\ne"),
        ("<!-- TODO -->\n\n# T <?php x ?>\n\n<p>one &amp;</p><p>two<script>no</script></p>", "T \n\n\none &\n\ntwo\n"),
        ("x <script>alert(1)</script> y <style>p{}</style>z", "x  y z"),
        ('<img src="a.png" alt="un &quot;perro&quot;"> <wbr>ex<wbr>tra', ' un "perro"  extra'),
        ("```python title=x\nprint('&amp;')\n```", "print('&amp;')\n"),
        ("- [x] water\n- [ ] feed\n  1. cat", "water\n\nfeed\n\ncat"),
        ("| a | b |\n|---|:-:|\n| 1 | `x|y` |", "a\n\nb\n\n1\n\n`x"),
        ("---\ntitle: Hidden\n---\nText", "Text"),
        ("+++\ntitle = 'Hidden'\n+++\nText", "Text"),
        ("Line\\\nbreak  \nsoft\nbreak", "Line\nbreak\nsoft\nbreak"),
        ("\\*no\\* 5 < 6 & 7 > 3", "*no* 5 < 6 & 7 > 3"),
    ],
)
def test_a_reader_sees_words_and_no_marks(text: str, shown: str) -> None:
    assert seen(text) == shown


@pytest.mark.parametrize(
    ("head", "kind", "inside"),
    [
        ("---\n# layout of this post\ntitle: Real Title\n---\n", "yaml", "# layout of this post\ntitle: Real Title\n"),
        ("\ufeff---\r\ntítulo: Señal\r\n...\r\n", "yaml", "título: Señal\r\n"),
        ("---\rtitle: Mac\r---\r", "yaml", "title: Mac\r"),
        ("--- \ntags:\n  - 论语\n---\t\n", "yaml", "tags:\n  - 论语\n"),
        ("---\ntitle: [never closed\n---\n", "yaml", "title: [never closed\n"),
        ("+++\ntitle = 'T'\n+++\n", "toml", "title = 'T'\n"),
        ("---\n---\n", "yaml", ""),
    ],
)
def test_front_matter_is_parted_from_the_text(head: str, kind: str, inside: str) -> None:
    found, begin = split_front_matter(f"{head}Text.\n---\n")
    assert found is not None
    assert (found.kind, found.text, begin) == (kind, inside, len(head))
    assert split_front_matter(head.rstrip())[0] is not None, "with nothing behind it"


@pytest.mark.parametrize(
    "text",
    [
        "---\n\nAfter a rule\n\n---\nmore",
        "---\nIt was night, and raining.\n---\nmore",
        "---\n# The Heron\n---\nmore",
        "---\n- Reiher: grau\n- Storch\n---\nmore",
        "---\n[论语]: x\n---\nmore",
        "---\ntitle: never closed\n",
        "Text\n---\ntitle: too late\n---",
        "----\ntitle: x\n----",
        "+++ b\n",
        "",
    ],
)
def test_rules_are_not_taken_for_front_matter(text: str) -> None:
    assert split_front_matter(text) == (None, 0)


@pytest.mark.parametrize(
    ("text", "title", "rest"),
    [
        ("# The *Heron* &amp; I #\nText", "The Heron & I", "Text"),
        ("The\nHeron\n=====\nText", "The Heron", "Text"),
        ("   # [Señor](x) **B**\r\nText", "Señor B", "Text"),
        ("# Old Mac\rFirst\r", "Old Mac", "First\r"),
        ("<!--\n# TODO\n-->\n# 论语\n\nText", "论语", "<!--\n# TODO\n-->\n\nText"),
        ("    # code\n\n> # quoted\n\n```\n# code\n```\n\n# ![Лого](l.png) Цапля\n", "Лого Цапля", None),
    ],
)
def test_a_heading_tells_its_text_and_can_be_cut_out(text: str, title: str, rest: str | None) -> None:
    heading = next(each for each in read(text).headings() if each.level == 1 and not each.inside)
    assert heading.plain() == title
    if rest is not None:
        assert text[: heading.start] + text[heading.end :] == rest


def relinked(text: str, link: Link, target: str) -> str:
    assert link.place
    return text[: link.place[0]] + target + text[link.place[1] :]


@pytest.mark.parametrize(
    ("text", "form", "target", "words", "again"),
    [
        ('![ä *b*](e\\_f.png "t")', "inline", "e_f.png", "ä b", '![ä *b*](NEW "t")'),
        ("![a](</b c.png>)", "inline", "/b c.png", "a", "![a](<NEW>)"),
        ("![a](\n  ñ.png 't'\n)", "inline", "ñ.png", "a", "![a](\n  NEW 't'\n)"),
        ("> ![a](\n> b(1).png)", "inline", "b(1).png", "a", "> ![a](\n> NEW)"),
        ("![a\\]](x&amp;y.png)", "inline", "x&y.png", "a]", "![a\\]](NEW)"),
        ("![](g.png)", "inline", "g.png", "", "![](NEW)"),
        ("鸟 ![one][r 1]\n\n[R\n1]: a%20b.png", "reference", "a%20b.png", "one", "鸟 ![one][r 1]\n\n[R\n1]: NEW"),
        ("![two]\n\n> [two]: <b.png> 'T'", "reference", "b.png", "two", "![two]\n\n> [two]: <NEW> 'T'"),
        ("é <img alt='q' SRC=c.png>", "html", "c.png", "q", "é <img alt='q' SRC=NEW>"),
        ('<p>\n<a href="b.md#part">b</a></p>', "html", "b.md#part", "", '<p>\n<a href="NEW">b</a></p>'),
        ("> <img\n> src='é&amp;.png'>", "html", "é&.png", "", "> <img\n> src='NEW'>"),
        ("[*b*](b.md#part)", "inline", "b.md#part", "b", "[*b*](NEW)"),
    ],
)
def test_a_link_tells_where_its_target_stands(text: str, form: str, target: str, words: str, again: str) -> None:
    (link,) = read(text).links
    assert (link.form, link.target, link.text.strip()) == (form, target, words)
    assert relinked(text, link, "NEW") == again


@pytest.mark.parametrize(
    ("html", "targets"),
    [
        ('<img srcset="a.png 1x, b.png 2x" src=c.png>', ["a.png", "b.png", "c.png"]),
        (
            "<picture><source srcset='é.webp,\n ñ.webp 2x,学.webp 3x'><img src='d.png'></picture>",
            ["é.webp", "ñ.webp", "学.webp", "d.png"],
        ),
        ("> <img srcset='a.png 300w,\n> b&amp;.png 600w'>", ["a.png", "b&.png"]),
        ("<source src='a.mp4'><video srcset='b.png'>", []),
        ("<img srcset=' , , '><img srcset=''><img srcset=,a.png,>", ["a.png"]),
        ("<img srcset='data:image/png;base64,AA 1x, b.png'>", ["data:image/png;base64,AA", "b.png"]),
    ],
)
def test_each_picture_of_a_set_is_a_link(html: str, targets: list[str]) -> None:
    links = read(html).links
    assert [link.target for link in links] == targets
    places = [link.place or (0, 0) for link in links]
    assert [unescape(html[start:end]) for start, end in places] == [link.target for link in links]


@pytest.mark.parametrize(
    "text",
    [
        "    ![a](b.png)\n",
        "`![a](b.png)` and `![[b.png]]`",
        "```\n![a](b.png) ![[b.png]] ![](b.png =3x4)\n```",
        "<!-- ![a](b.png) <img src=b.png> -->",
        "\\![[b.png]] \\![a](b.png =3x4)",
        "![a] [b]",
        "a ![[]] b",
    ],
)
def test_examples_are_no_links(text: str) -> None:
    assert read(text).links == ()


def test_a_block_says_what_it_stands_in() -> None:
    text = "> # q\n\n- a\n\n  > b\n\n| x |\n|---|\n| y |\n\n[^1]: f\n\nz[^1]\n"
    found = [(block.kind, block.level, block.inside, block.text) for block in read(text).blocks]
    assert found == [
        ("heading", 1, ("quote",), "q"),
        ("paragraph", 0, ("list",), "a"),
        ("paragraph", 0, ("list", "quote"), "b"),
        ("cell", 0, ("table",), "x"),
        ("cell", 0, ("table",), "y"),
        ("paragraph", 0, ("footnote",), "f"),
        ("paragraph", 0, (), "z"),
    ]


SCRAPS = r"a é 学 🙂 * ** _ ` ``` ~~ [ ] ( ) ![ ]( ]: [^1] [r] <b> </b> <!-- --> <img &amp; &eacute \ # > - 1. | |- :"
scraps = st.lists(
    st.sampled_from(
        [*re.split(" ", SCRAPS), "\u0301", " ", "\n", "\n\n", "\r\n", "    ", " =3x4)", "[[", "]]", "src='é'>"]
    ),
    max_size=40,
)


@settings(max_examples=500)
@given(scraps.map("".join) | st.text(max_size=80))
@example("[a]: <b>\n![a]")
@example("\ufeff---\né: 1\n---\n![é](é)")
def test_places_are_those_of_the_source(text: str) -> None:
    document = read(text)
    assert seen(text) == "\n\n".join(block.text for block in document.blocks)
    for block in document.blocks:
        assert 0 <= block.start < block.end <= len(text)
        for piece in block.pieces:
            assert 0 <= piece.start <= piece.end <= len(text)
            assert not piece.is_exact or text[piece.start : piece.end] == piece.text
    for link in document.links:
        assert text[link.start] in "![<"
        assert text[link.end - 1] in "])>"
        assert link.place is None or 0 <= link.place[0] <= link.place[1] <= len(text)


HOSTILE = ["[", "![a](b", "](", "> ", ">", "*a ", "`a", "<a ", "<!--", "<a \"'", "<p>\n<a '\"", "&amp;", "|-\n", "[^1]"]
HOSTILE += [
    "- a\n",
    "![[",
    "![a](b =1",
    "<div><script>",
    "é<b>é</b>",
    "我爱**北京**",
    "\r",
    "---\n",
    "<p>é</p>",
    "[a]\n",
]


@pytest.mark.parametrize("scrap", HOSTILE)
def test_no_text_takes_more_than_its_share(scrap: str) -> None:
    text = scrap * (MEBIBYTE // len(scrap.encode()))
    began = time.process_time()
    seen(text)
    assert time.process_time() - began < 2, "a mebibyte, which is what a save may bring"
    began = time.process_time()
    read(text[: MEBIBYTE // 32])
    assert time.process_time() - began < 2, "with places; quadratic work would take minutes"


def test_a_mebibyte_of_prose_is_read_in_no_time() -> None:
    text = (
        "# Уважаемая *señora*\n\nIt **is** a truth &mdash; [universally](a.md)\nacknowledged, 学而时习之。\n\n" * 9500
    )
    assert len(text.encode()) > MEBIBYTE
    began = time.process_time()
    seen(text)
    assert time.process_time() - began < 1
