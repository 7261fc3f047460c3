"""Links to files of the folder, found and given other targets."""

import pytest

from seeding.links import local_links, relinked
from seeding.names import Names

NAMES = Names(
    [
        "a.png",
        "b.md",
        "my boat.png",
        "shot(1).png",
        "e_f.png",
        "cafe\u0301.png",
        "notes.pdf",
        "part/c.md",
        "part/d.png",
        "x.txt",
        "part/_index.md",
        "shot (2).png",
        "第 2 章.md",
        "图 片.png",
    ]
)


def relink(text: str, document: str = "a.md") -> str:
    links, _ = local_links(text, document, NAMES)
    return relinked(text, links, lambda link: f"/to/{link.name.replace(' ', '_')}")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("![a](a.png)", "![a](/to/a.png)"),
        ('![a](a.png "A title")', '![a](/to/a.png "A title")'),
        ("x ![](a.png) y ![](a.png) z", "x ![](/to/a.png) y ![](/to/a.png) z"),
        ("![a [nested] alt](a.png)", "![a [nested] alt](/to/a.png)"),
        ("![a](shot(1).png)", "![a](/to/shot(1).png)"),
        ("![a](<my boat.png>)", "![a](</to/my_boat.png>)"),
        ("![a](my%20boat.png)", "![a](/to/my_boat.png)"),
        (r"![a](e\_f.png)", "![a](/to/e_f.png)"),
        ("![caf\u00e9](caf\u00e9.png)", "![caf\u00e9](/to/cafe\u0301.png)"),
        ("![caf&eacute;](caf&eacute;.png)", "![caf&eacute;](/to/cafe\u0301.png)"),
        ("[![a](a.png)](https://example.org)", "[![a](/to/a.png)](https://example.org)"),
        ("[![a](a.png)](a.png)", "[![a](/to/a.png)](/to/a.png)"),
        ("a lone ` and ![a](a.png)", "a lone ` and ![a](/to/a.png)"),
        ("![one][r1]\n\n[r1]: a.png", "![one][r1]\n\n[r1]: /to/a.png"),
        ("![Two][]\n\n[two]: <my boat.png> 'T'", "![Two][]\n\n[two]: </to/my_boat.png> 'T'"),
        ("![学而] ![学而]\n\n> [学而]: a.png", "![学而] ![学而]\n\n> [学而]: /to/a.png"),
        ('<p><img alt="x" src="a.png" width=3></p>', '<p><img alt="x" src="/to/a.png" width=3></p>'),
        ("text <IMG src='my boat.png'/> text", "text <IMG src='/to/my_boat.png'/> text"),
        ("<img src=a.png>", "<img src=/to/a.png>"),
        ("![x](a.png =300x200)", "![x](/to/a.png)"),
        ('![ü *b*](a.png =x200 "T") ![](a.png "T" =50%)', '![ü *b*](/to/a.png "T") ![](/to/a.png "T")'),
        ("![un barco](my boat.png) ![](shot (2).png)", "![un barco](/to/my_boat.png) ![](/to/shot_(2).png)"),
        (
            "[第二章](第 2 章.md#甲 乙 '题') ![学](图 片.png)",
            "[第二章](/to/第_2_章.md#甲%20乙 '题') ![学](/to/图_片.png)",
        ),
        ("![]({{ site.baseurl }}/a.png) ![x]({{site.url}}/a.png)", "![](/to/a.png) ![x](/to/a.png)"),
        ('![]({{ "/a.png" | absolute_url }} "T")', '![](/to/a.png "T")'),
        ("[x]({{ site.baseurl }}{% link part/c.md %})", "[x](/to/part/c.md)"),
        ("{{% figure src=a.png title='El {}' alt=\"a_b\" %}}", r"![a\_b](/to/a.png) El {}"),
        (
            "{%- include figure.liquid path='a.png' -%} {% include a/img.html src='a.png' %}",
            "![](/to/a.png) ![](/to/a.png)",
        ),
        ("[[b|{}]] ![[a.png|{} x]]", "[{}](/to/b.md) ![{} x](/to/a.png)"),
        (
            "[part](/part/) [Teil](part) [up](./part/index)",
            "[part](/to/part/_index.md) [Teil](/to/part/_index.md) [up](./part/index)",
        ),
        ("<img srcset='a.png 1x,my boat.png 2x, e_f.png'>", "<img srcset='/to/a.png 1x,my boat.png 2x, /to/e_f.png'>"),
        ("![[a.png]] ![[d.png|El barco]] ![[a.png|300]]", "![](/to/a.png) ![El barco](/to/part/d.png) ![](/to/a.png)"),
        ("> ![a](a.png)\n> - ![b](a.png)", "> ![a](/to/a.png)\n> - ![b](/to/a.png)"),
        ("| a |\n|---|\n| ![a](a.png) |", "| a |\n|---|\n| ![a](/to/a.png) |"),
        ("[next](b.md)", "[next](/to/b.md)"),
        ('[next](b.md#part "T")', '[next](/to/b.md#part "T")'),
        ("[next][n]\n\n[n]: part/c.md#teil-über", "[next][n]\n\n[n]: /to/part/c.md#teil-über"),
        ("[next](<b.md#two words>)", "[next](</to/b.md#two%20words>)"),
        ('<a href="b.md">next</a>', '<a href="/to/b.md">next</a>'),
        ("[next](b) [text](x)", "[next](/to/b.md) [text](/to/x.txt)"),
        (
            "[[b]] [[part/c|mañana]] [[c#Part 2]]",
            "[b](/to/b.md) [mañana](/to/part/c.md) [c#Part 2](/to/part/c.md#Part%202)",
        ),
        ("![[b]]", "[b](/to/b.md)"),
        ('[x]({{< ref "b.md" >}}) [y]({{% relref "part/c.md#p" %}})', "[x](/to/b.md) [y](/to/part/c.md#p)"),
        ("[x]({% link part/c.md %})", "[x](/to/part/c.md)"),
        (
            "![a](a.png)\n\n```\n![a](a.png)\n```\n\n![a](a.png)",
            "![a](/to/a.png)\n\n```\n![a](a.png)\n```\n\n![a](/to/a.png)",
        ),
    ],
)
def test_links_to_files_are_given_new_targets_in_place(before: str, after: str) -> None:
    assert relink(before) == after


@pytest.mark.parametrize(
    "text",
    [
        "`![a](a.png)` `[[b]]`",
        "``a ` ![a](a.png)``",
        "```\n![a](a.png)\n[[b]]\n![[a.png]]\n```",
        "    ![a](a.png) [b](b.md)\n    [[b]]",
        "<!-- ![a](a.png) <img src=a.png> -->",
        "<pre>\n![a](a.png)\n</pre>",
        r"\![a\](a.png)",
        "![a] (a.png)",
        "![a](https://example.org/a.png) <https://example.org/b.md>",
        "[top](#top) [mail](mailto:a@b.c) [about](/about/) [gone](gone)",
        "![gone](gone.png) [gone](gone.md)",
        "[r1]: a.png",
        r"\[x](my chapter.md) !\[x](my boat.png) \![x](my boat.png",
        "`{{< figure src=a.png >}}` `[x](my boat.png)` <!-- {{< figure src=a.png >}} -->",
        "    {% include figure.html src=a.png %}\n    ![](my boat.png)",
        "[see](what he said, and when) {{< youtube a.png >}} {{ page.title }} {% include nav.html src=a.png %}",
    ],
)
def test_what_is_no_link_to_a_file_is_left_alone(text: str) -> None:
    assert relink(text) == text


def test_paths_begin_at_the_document() -> None:
    assert (
        relink("![](d.png) [](../b.md) ![](/a.png)", "part/c.md") == "![](/to/part/d.png) [](/to/b.md) ![](/to/a.png)"
    )


def test_a_link_without_a_new_target_stays() -> None:
    text = "![](a.png) [x](b.md)"
    links, _ = local_links(text, "a.md", NAMES)
    assert relinked(text, links, lambda link: "/to" if link.is_picture else None) == "![](/to) [x](b.md)"


def test_the_alternative_text_is_handed_on() -> None:
    links, _ = local_links("![un **barco**](a.png) <img alt='a &amp; b' src=a.png> ![[d.png|três]]", "a.md", NAMES)
    assert [link.alt for link in links] == ["un barco", "a & b", "três"]


def test_words_with_marks_in_them_stay_words() -> None:
    assert relink("![[a.png|a * b_c]]") == r"![a \* b\_c](/to/a.png)"


def test_dead_links_say_what_they_mean() -> None:
    _, dead = local_links("![](gone.png) [x](gone.md) [[Gone]] [y](../out.md) [z](gone)", "a.md", NAMES)
    assert [link.target for link in dead] == ["gone.png", "gone.md", "../out.md", "Gone"]
    _, dead = local_links("[x](../../etc/passwd) <a href='..%2fetc/passwd'>y</a> [z](part/../b)", "a.md", NAMES)
    assert [link.target for link in dead] == ["../../etc/passwd", "..%2fetc/passwd"]
    text = "![](no boat.png) [x](no chapter.md) {{< figure src=gone.png >}} ![]({{ page.cover }}) ![[no.png]]"
    _, dead = local_links(text, "a.md", NAMES)
    assert [link.target for link in dead] == ["no.png", "gone.png", "no boat.png", "no chapter.md", "{{ page.cover }}"]


@pytest.mark.parametrize(
    "target", ["file:///home/ana/a.png", r"C:\\Users\\ana\\a.png", "d:/a.png", r"\\\\nas\\a.png", "FILE:a.png"]
)
def test_a_picture_on_the_writers_machine_is_named(target: str) -> None:
    for text in (f"![]({target})", f"<img src='{target}'>"):
        links, dead = local_links(text, "a.md", NAMES)
        assert (links, [link.reason for link in dead]) == ([], ["it lies outside the imported folder"])


def test_a_long_text_of_nearly_links_takes_no_time() -> None:
    scraps = (
        "[[",
        "![[a",
        "{{< ref ",
        "![](a.png =",
        "![x][",
        "{% link ",
        "[](",
        "[](()",
        "[]((a b)",
        "{{ site.url }}",
    )
    for text in (
        *scraps,
        "{{< figure ",
        "{{< img a=b ",
        "{% include img ",
        "[a](b 'c",
        "<img srcset=',a ",
        "![](a b =1",
    ):
        assert relink(text * 10_000) == text * 10_000
