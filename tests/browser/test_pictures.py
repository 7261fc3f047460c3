"""Pictures in a text: by button, paste and drop; placed, described, and seen while their sizes are still made."""

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.pictures import copy, drop, picture
from tests.browser.serving import Serving
from tests.browser.writer import Writer


def describe(writer: Writer, words: str) -> None:
    """In the dialog, which shows the picture while it is uploaded."""
    dialog = writer.page.get_by_role("dialog")
    expect(dialog.locator("img")).to_be_visible()
    expect(dialog.get_by_role("textbox")).to_be_focused()
    dialog.get_by_label("What does it show?").fill(words)
    dialog.get_by_role("button", name="Insert").click()
    # The next key goes into the text.
    expect(writer.text()).to_be_focused()


def placed(writer: Writer) -> str:
    """The picture's address in the text that the service has."""
    writer.wait_until_saved()
    found = re.search(r"\]\((/api/v1/media/[0-9a-f]{32}/)large\)", writer.stored())
    assert found, writer.stored()
    return found[1]


def image_of(writer: Writer, media: str) -> dict[str, str]:
    found: dict[str, str] = writer.api.ask("GET", f"/uploads/images/{media.split('/')[-2]}")
    return found


def test_a_pasted_picture_is_asked_about_placed_and_seen_before_its_sizes_are_made(
    writer: Writer, serving: Serving
) -> None:
    writer.type("Before.\n\n")
    copy(writer.page, html='<img src="https://elsewhere.example/a.png">')
    writer.page.keyboard.press("Control+v")
    describe(writer, "A [blue] sheet, *nothing* else")
    media = placed(writer)
    assert writer.stored().startswith("Before.\n\n![A \\[blue\\] sheet, \\*nothing\\* else](")
    assert image_of(writer, media)["status"] == "processing"
    inline = writer.page.locator(".inline-picture")
    expect(inline).to_have_js_property("naturalWidth", 200)
    serving.drain()
    writer.button("Preview").click()
    shown = writer.page.get_by_role("region", name="Preview").get_by_role("img", name="A [blue] sheet, *nothing* else")
    expect(shown).to_be_visible()
    expect(shown).to_have_js_property("naturalWidth", 200)


def test_words_that_come_with_a_picture_of_themselves_are_pasted_as_words(writer: Writer) -> None:
    writer.text().click()
    copy(writer.page, plain="from a word processor", html="<p>from a word processor</p>")
    writer.page.keyboard.press("Control+v")
    writer.wait_until_saved()
    assert writer.stored() == "from a word processor"


def test_a_picture_is_placed_where_it_is_dropped(writer: Writer, tmp_path: Path) -> None:
    writer.type("First.\n\nLast.")
    first = writer.page.locator(".cm-line").first.bounding_box()
    assert first
    drop(writer.page, picture(tmp_path), first["x"] + first["width"] - 4, first["y"] + first["height"] / 2)
    describe(writer, "A river")
    media = placed(writer)
    assert writer.stored() == f"First.![A river]({media}large)\n\nLast."


def test_a_picture_that_misses_the_text_does_not_take_the_page_away(writer: Writer, tmp_path: Path) -> None:
    drop(writer.page, picture(tmp_path), 20, 400)
    describe(writer, "A river")
    placed(writer)


def test_a_file_of_another_kind_is_refused_in_words_and_the_text_stays(writer: Writer, tmp_path: Path) -> None:
    writer.type("Here it goes: ")
    (tmp_path / "no.png").write_text("this is no picture")
    box = writer.text().bounding_box()
    assert box
    drop(writer.page, tmp_path / "no.png", box["x"] + 200, box["y"] + 20)
    expect(writer.page.get_by_role("alert")).to_contain_text("no picture that can be used")
    expect(writer.button("Insert")).to_be_disabled()
    writer.page.keyboard.press("Escape")
    writer.type("nothing")
    writer.wait_until_saved()
    assert writer.stored() == "Here it goes: nothing"
