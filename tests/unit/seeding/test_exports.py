"""Folders as other programs write them: each comes in whole, or says what did not."""

from pathlib import Path

import pytest

from tests.unit.seeding.desk import PICTURE, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    for file in desk.folder.iterdir():
        file.unlink()
    return desk


def write(desk: Desk, files: dict[str, str]) -> None:
    for name, text in files.items():
        (desk.folder / name).parent.mkdir(parents=True, exist_ok=True)
        desk.write(name, text)


def draw(desk: Desk, *names: str) -> None:
    for name in names:
        (desk.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (desk.folder / name).write_bytes(PICTURE + name.encode())


def pages(desk: Desk) -> dict[str, str]:
    """Their texts by their titles, with short addresses of pages."""
    (notebook,) = desk.server.notebooks.values()
    texts = dict(zip(desk.server.titles(), desk.server.contents(), strict=True))
    for page_id in notebook["page_ids"]:
        title = desk.server.pages[page_id]["title"]
        texts = {
            each: text.replace(f"/notebooks/{notebook['id']}/pages/{page_id}", f"page:{title}")
            for each, text in texts.items()
        }
    return texts


def test_hugo(desk: Desk) -> None:
    write(
        desk,
        {
            "content/_index.md": "+++\ntitle = 'The River'\n+++\nWelcome.",
            "content/first/index.md": "+++\ntitle = 'First'\nweight = 9\n+++\n![A](boat.png)\n"
            '{{< figure src="x.png" alt="Un [barco]" caption="At *sea*" >}} {{< youtube abc >}} '
            '`{{< figure src="x.png" >}}`',
            "content/second/index.md": "---\ntitle: Second\nweight: 2\n---\n"
            '[on]({{< ref "first/index.md" >}}) ![](/logo.png) [here](/first/) [json]({{< relref path="json.md" >}})',
            "content/json.md": '{\n  "title": "JSON",\n  "weight": 10\n}\n\n[home](/) {{< img src="gone.png" >}}',
            "content/third.md": "---\ntitle: Third\ndraft: true\n---\nNot yet.",
        },
    )
    draw(desk, "content/first/boat.png", "content/first/x.png", "static/logo.png")
    desk.seed()
    assert pages(desk) == {
        "The River": "Welcome.",
        "Second": "[on](page:First) ![](/media/i0/original) [here](page:First) [json](page:JSON)",
        "First": "![A](/media/i1/original)\n![Un \\[barco\\]](/media/i2/original) At *sea* {{< youtube abc >}} "
        '`{{< figure src="x.png" >}}`',
        "JSON": '[home](page:The River) {{< img src="gone.png" >}}',
    }
    assert desk.left == [
        "content/json.md: the picture gone.png is not uploaded and its link stays as it is: there is no such file in "
        "the folder",
        "content/third.md: its front matter says `draft: true`",
    ]


def test_jekyll(desk: Desk) -> None:
    write(
        desk,
        {
            "_config.yml": "title: Blog",
            "_posts/2020-01-02-lluvia.md": "---\n# layout of this post\nlayout: post\ntitle: Lluvia\n---\n\n"
            "![Gotas](/assets/rain.jpg){: .wide} ![]({{ site.baseurl }}/assets/rain.jpg) "
            "![]({{ '/assets/rain.jpg' | relative_url }} 'Agua') <img src=\"{{ site.url }}/assets/rain.jpg\">\n\n"
            '{% include image.html url="/assets/rain.jpg" description="Llueve" %}',
            "_posts/2020-01-10-sol.md": "---\ntitle: 'Sol'\n---\n[antes]({% link _posts/2020-01-02-lluvia.md %}) "
            "[a]({% post_url 2020-01-02-lluvia %}) [b]({{ site.baseurl }}{% link _posts/2020-01-02-lluvia.md %})",
            "_posts/2020-02-01-no.md": "---\ntitle: No\npublished: false\n---\nNo.",
        },
    )
    draw(desk, "assets/rain.jpg")
    desk.seed()
    assert pages(desk) == {
        "Lluvia": "![Gotas](/media/i0/original){: .wide} ![](/media/i0/original) ![](/media/i0/original 'Agua') "
        '<img src="/media/i0/original">\n\n![](/media/i0/original) Llueve',
        "Sol": "[antes](page:Lluvia) [a](page:Lluvia) [b](page:Lluvia)",
    }
    assert desk.left == [
        "_posts/2020-02-01-no.md: its front matter says `published: false`",
        "_config.yml: neither a text (.md, .markdown, .mdown or .txt) nor a picture",
    ]


def test_obsidian(desk: Desk) -> None:
    write(
        desk,
        {
            ".obsidian/app.json": "{}",
            "Inbox/Garza.md": "---\naliases: [heron]\ntags:\n  - bird\n---\n# La garza\n\n"
            "![[garza.png|300]] ![[Río]] [[Río#La orilla|the bank]]",
            "Inbox/Río.md": "Agua. `[[Garza]]` [[Nadie]]",
        },
    )
    draw(desk, "Attachments/garza.png")
    desk.seed()
    assert pages(desk) == {
        "La garza": "![](/media/i0/original) [Río](page:Río) [the bank](page:Río#La%20orilla)",
        "Río": "Agua. `[[Garza]]` [[Nadie]]",
    }
    assert desk.left == ["Inbox/Río.md: the link to Nadie stays as it is: there is no such file in the folder"]


def test_bear(desk: Desk) -> None:
    write(
        desk,
        {
            "早晨 的信.md": "# 早晨\n#letters\n"
            '![](%E6%97%A9%E6%99%A8%20%E7%9A%84%E4%BF%A1/my%20boat.png)<!-- {"width":300} -->'
        },
    )
    draw(desk, "早晨 的信/my boat.png")
    desk.seed()
    assert pages(desk) == {"早晨": '#letters\n![](/media/i0/original)<!-- {"width":300} -->'}
    assert desk.left == []


def test_wordpress(desk: Desk) -> None:
    post = (
        '---\ntitle: "Tom &amp; Jerry&#8217;s Caf&eacute;"\ncoverImage: "cat.jpg"\n---\n\nDon&rsquo;t.\n\n'
        "<!--more-->\n\n"
        '<figure>\n\n<img src="images/cat.jpg" class="wp-image-12" alt="A cat &amp; a mouse" '
        'srcset="images/cat.jpg 600w, images/cat-300x200.jpg 300w, images/gone.jpg 9w" />\n\n</figure>\n\n'
        "[![](images/cat-300x200.jpg)](images/cat.jpg)\n"
    )
    write(desk, {"posts/tom/index.md": post})
    draw(desk, "posts/tom/images/cat.jpg", "posts/tom/images/cat-300x200.jpg")
    desk.seed()
    ((title, text),) = pages(desk).items()
    assert title == "Tom & Jerry’s Café"
    assert (
        '<img src="/media/i0/original" class="wp-image-12" alt="A cat &amp; a mouse" '
        'srcset="/media/i0/original 600w, /media/i1/original 300w, images/gone.jpg 9w" />' in text
    )
    assert "[![](/media/i1/original)](/media/i0/original)" in text
    assert desk.left == [
        "posts/tom/index.md: the picture images/gone.jpg is not uploaded and its link stays as it is: there is no such "
        "file in the folder"
    ]


def test_scrivener(desk: Desk) -> None:
    names = ["1 Part One.txt", "1.1 Arrival.txt", "1.2 The Ferry.txt", "1.10 Night.txt", "2 Part Two.txt"]
    for name in names:
        (desk.folder / name).write_bytes(b"\xff\xfe" + f"Scene of {name}.\r".encode("utf-16-le"))
    write(desk, {"2/10 Last.txt": "Last.", "2/9 Before.txt": "Before."})
    desk.seed()
    assert list(pages(desk)) == [
        *(name.removesuffix(".txt") for name in names[:4]),
        "9 Before",
        "10 Last",
        "2 Part Two",
    ]
    assert pages(desk)["1.1 Arrival"] == "Scene of 1.1 Arrival.txt.\n"
    assert desk.left == []
