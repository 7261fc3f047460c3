"""Front matter: what of it is read, what is no front matter, and what is refused."""

import pytest

from infra.markdown import split_front_matter
from seeding.front_matter import About, Unreadable, read_front_matter


@pytest.mark.parametrize(
    ("text", "about", "rest"),
    [
        ("---\ntitle: Real Title\n---\n\nText.", About("Real Title"), "Text."),
        ("---\n# layout of this post\ntitle: Real Title\n---\n\nText.", About("Real Title"), "Text."),
        ('+++\ntitle = "Der Reiher"\nweight = 3\ndate = 2020-01-02\n+++\nText.', About("Der Reiher", 3.0), "Text."),
        ("---\ntitle: 'Tom &amp; Jerry&#8217;s'\n...\nText.", About("Tom & Jerry’s"), "Text."),
        ("---\ntitle: >-\n  Two\n  lines\ntags: [a, b]\n---\nText.", About("Two lines"), "Text."),
        ("---\ntitle: 1984\norder: '2.5'\n---\n", About("1984", 2.5), ""),
        ("---\ntitle: 2020-01-02\n---\n", About("2020-01-02"), ""),
        ("---\ntitle: yes\n---\n", About("yes"), ""),
        ("---\ntitle:\nweight: 0\n---\n# T\n", About(), "# T\n"),
        ("---\norder: 0\n---\n", About(weight=0.0), ""),
        ("---\ndraft: true\n---\nText.", About(left_out="its front matter says `draft: true`"), "Text."),
        ("---\ndraft: false\n---\nText.", About(), "Text."),
        ("+++\ndraft = true\n+++\nText.", About(left_out="its front matter says `draft: true`"), "Text."),
        ("---\npublished: False\n---\nText.", About(left_out="its front matter says `published: false`"), "Text."),
        ("---\n---\nText.", About(), "Text."),
        ("---\nTitle: Großer Titel\nWEIGHT: 2\nDraft: false\n---\nText.", About("Großer Titel", 2.0), "Text."),
        ('+++\nTitle = "论语"\nDRAFT = true\n+++\n', About("论语", left_out="its front matter says `draft: true`"), ""),
        ("---\n  # indented\n  title: Señal\n---\nText.", About("Señal"), "Text."),
        ('{\n  "title": "L&#8217;été",\n  "weight": 3\n}\n\nText.', About("L’été", 3.0), "Text."),
        ('{"title": null, "weight": null}\nText.', About(), "Text."),
        ('{"title": "Цапля", "draft": true}', About("Цапля", left_out="its front matter says `draft: true`"), ""),
    ],
)
def test_front_matter_is_read_and_leaves_the_text(text: str, about: About, rest: str) -> None:
    assert read_front_matter(text) == (about, rest)


@pytest.mark.parametrize(
    "text",
    [
        "Text.\n---\ntitle: no\n---\n",
        "---\n\nA quiet morning.\n\n---\n",
        "---\ntitle: never closed\n\nText.",
        "---\n- the first\n- the second\n---\nText.",
        "---\n# The Heron\n---\nText.",
        '{"title": never closed\n\nText.',
        '{"title": "T"} goes on',
        '{{< figure src="a.png" >}}',
        "{}\nText.",
        "{" * 5000,
        '["title"]\nText.',
        " ---\ntitle: x\n---\n",
        "----\ntitle: x\n----\n",
    ],
)
def test_rulers_are_no_front_matter(text: str) -> None:
    assert read_front_matter(text) == (About(), text)
    assert split_front_matter(text) == (None, 0), "or it would be hidden from readers and searches"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("---\ntitle: Part two: the river\n---\n", r"no YAML \(line 2: mapping values"),
        ("---\ntitle: x\ntags: [a\n---\n", "no YAML"),
        ("---\ntitle: &a [*b]\n---\n", "no YAML"),
        ("---\ntitle: x\nwhat: " + "[" * 5000 + "\n---\n", "no YAML.*nested too deeply"),
        ("---\n" + "".join(f"{' ' * n}a:\n" for n in range(60)) + "---\n", "no YAML.*nested too deeply"),
        ("+++\ntitle = The river\n+++\n", "no TOML"),
        ("---\ntitle: {a: b}\n---\n", "title in its front matter is no text"),
        ("---\n&a [b: c]\n---\n", "YAML without names"),
        ("---\nweight: ten\n---\n", "weight in its front matter is 'ten', which is no number"),
        ("---\norder: nan\n---\n", "which is no number"),
        ("+++\nweight = true\n+++\n", "which is no number"),
        ("+++\nweight = " + "1" * 400 + "\n+++\n", "which is no number"),
        ("+++\nweight = " + "1" * 5000 + "\n+++\n", "no TOML"),
        ('{"weight": ' + "9" * 400 + "}", "which is no number"),
        ('---\ntitle: "a\\0b"\n---\n', "holds what is no character"),
        ('{"title": "Año \\ud800"}', "holds what is no character"),
        ("---\nx: " + "y" * 70_000 + "\n---\n", "more than 65,536 characters"),
    ],
)
def test_front_matter_that_cannot_be_read_is_named(text: str, said: str) -> None:
    with pytest.raises(Unreadable, match=said):
        read_front_matter(text)


def test_yaml_that_refers_to_itself_costs_nothing() -> None:
    laughs = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 'x'}]\n" for n in range(40))
    assert read_front_matter(f"---\n{laughs}title: T\n---\n")[0] == About("T")
