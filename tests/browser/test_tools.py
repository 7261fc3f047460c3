"""What a writer has beside the text: tools in the editor, the order of pages, search, and the operators' links."""

import re

from playwright.sync_api import Page, expect

from infra.settings import Settings
from operate.admins import create_admin
from tests.browser.looking import look
from tests.browser.serving import Serving
from tests.browser.writer import Writer
from tests.chaos.system import until
from tests.conftest import PATIENCE
from tests.e2e.running import wait_for

TEXT = "# Morning\n\nThe heron stood.\n\n" + "It rained and rained.\n\n" * 60 + "## Noon\n\nThe heron sat."


def test_outline_find_goal_preview_and_focus(writer: Writer) -> None:
    page = writer.page
    writer.edit_elsewhere(TEXT)
    writer.open()
    for tool in ("Outline", "Preview", "Find and replace"):
        writer.button(tool).click()
    page.get_by_role("textbox", name="Find").fill("heron")
    page.get_by_role("textbox", name="Replace").fill("stork")
    look(page, "the editor with all its tools")
    page.set_viewport_size({"width": 1280, "height": 800})
    writer.button("replace all").click()
    page.keyboard.press("Escape")
    writer.wait_until_saved()
    assert writer.stored() == TEXT.replace("heron", "stork")
    page.get_by_role("navigation", name="Outline").get_by_role("button", name="Noon").click()
    noon = page.locator(".cm-line", has_text="## Noon")
    expect(noon).to_be_in_viewport()
    expect(writer.text()).to_be_focused()
    page.get_by_label("Goal").last.fill("100")
    expect(page.get_by_text("Goal reached")).to_be_visible()
    writer.button("Preview").click()
    expect(writer.text()).to_be_hidden()
    writer.button("Preview").click()
    writer.button("Focus").click()
    expect(writer.button("History")).to_be_hidden()
    look(page, "the focus mode")
    writer.button("Focus").click()
    expect(writer.button("History")).to_be_visible()


def test_the_line_with_the_cursor_never_hides_under_a_bar(writer: Writer) -> None:
    writer.edit_elsewhere(TEXT)
    writer.open()
    writer.page.set_viewport_size({"width": 360, "height": 500})
    writer.text().press("Control+Home")
    for key, times in (("ArrowDown", 40), ("ArrowUp", 25)):
        for _ in range(times):
            writer.page.keyboard.press(key)
        # The editor scrolls when it has drawn.
        until(lambda: is_between_bars(writer.page), PATIENCE, f"the line to be seen after {key}")
        bar = writer.page.locator(".above").bounding_box()
        assert bar
        assert bar["y"] == 0, "what became of the words stays in sight"


def is_between_bars(page: Page) -> bool:
    line, bar, count = (page.locator(each).bounding_box() for each in (".cm-activeLine", ".above", ".count"))
    assert line
    assert bar
    assert count
    return bar["y"] + bar["height"] <= line["y"] and line["y"] + line["height"] <= count["y"]


def test_a_link_to_another_page_and_a_save_that_was_asked_for(writer: Writer, serving: Serving) -> None:
    other = writer.api.ask("POST", f"/notebooks/{writer.notebook_id}/pages", json={"title": "The [other] one"})["id"]
    writer.open()
    writer.page.get_by_role("combobox", name="Link to a page").select_option(label="The [other] one")
    writer.page.keyboard.press("Control+s")
    writer.wait_until_saved()
    assert writer.stored() == f"[The \\[other\\] one](/notebooks/{writer.notebook_id}/pages/{other})"
    serving.drain()
    kinds = writer.api.ask("GET", f"/pages/{writer.page_id}/revisions")["items"]
    assert [each["kind"] for each in kinds] == ["save", "save"]
    writer.button("Preview").click()
    writer.page.get_by_role("region", name="Preview").get_by_role("link", name="The [other] one").click()
    expect(writer.page.get_by_role("textbox", name="Title")).to_have_value("The [other] one")


def test_pages_are_ordered_by_drag(writer: Writer) -> None:
    page, book = writer.page, f"/notebooks/{writer.notebook_id}"
    for title in ("Second", "Third"):
        writer.api.ask("POST", f"{book}/pages", json={"title": title})
    page.goto(book)
    rows = page.get_by_role("listitem")
    rows.filter(has_text="Third").drag_to(rows.filter(has_text="First light"))
    wait_for(
        lambda: [each["title"] for each in writer.api.ask("GET", book)["pages"]] == ["Third", "First light", "Second"],
        20,
        "the order",
    )


def test_search_finds_as_one_types_and_shows_where(writer: Writer, serving: Serving) -> None:
    writer.edit_elsewhere("The *quetzal* has a long tail.")
    serving.drain()
    page = writer.page
    page.get_by_role("link", name="Search").click()
    page.get_by_role("textbox", name="Search").fill("quetz*")
    expect(page.get_by_role("status")).to_have_text("1 found")
    expect(page.locator("mark")).to_have_text("quetz")
    page.get_by_role("textbox", name="Search").fill("quetzal -tail")
    expect(page.get_by_role("status")).to_have_text("Nothing found.")
    page.get_by_role("textbox", name="Search").fill("quetzal")
    page.get_by_role("link", name="First light").click()
    expect(writer.text()).to_have_text("The *quetzal* has a long tail.")


def test_operators_see_their_links_and_others_none(writer: Writer, settings: Settings) -> None:
    page = writer.page
    page.goto("/operators")
    expect(page.get_by_text("There is nothing at this address")).to_be_visible()
    create_admin(settings, writer.api.email, agreed=True, keep_password=True)
    writer.sign_in_unseen()
    page.goto("/notebooks")
    page.get_by_role("link", name="Operators").click()
    expect(page.get_by_role("link", name="Queues")).to_have_attribute("href", re.compile("^/internal/rq"))
    look(page, "the operators' links")
