"""Pages that were deleted, and had back."""

import re

from playwright.sync_api import expect

from tests.browser.looking import look
from tests.browser.writer import Writer


def test_deleted_pages_are_listed_in_their_notebook_and_come_back_by_keyboard_alone(writer: Writer) -> None:
    page, book = writer.page, f"/notebooks/{writer.notebook_id}"
    for title in ("The heron", "The rain"):
        writer.api.ask("POST", f"{book}/pages", json={"title": title, "content": "Some words."})
    page.goto(book)
    for title in ("The heron", "The rain"):
        page.get_by_role("button", name=f"Delete “{title}”").press("Enter")
        expect(page.get_by_text(f"“{title}” was deleted.")).to_be_visible()
        # Where the row was, there is the way back.
        expect(writer.button("Undo")).to_be_focused()
    page.get_by_text("Deleted pages (2)").focus()
    page.keyboard.press("Enter")
    look(page, "the trash of a notebook")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Restore: The rain")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("“The heron” is back, as the last page.")).to_be_visible()
    expect(page.get_by_role("link", name="The heron")).to_be_visible()
    expect(page.get_by_text("Deleted pages (1)")).to_be_visible()
    assert [each["title"] for each in writer.api.ask("GET", book)["pages"]] == ["First light", "The heron"]


def test_a_page_that_is_deleted_while_one_writes_takes_no_word_along(writer: Writer) -> None:
    writer.type("Before. ")
    writer.wait_until_saved()
    writer.api.ask("DELETE", writer.path)
    writer.type("After.")
    expect(writer.status()).to_have_text(re.compile("^Kept on this device: this page was deleted elsewhere"))
    writer.page.get_by_role("link", name="Back").click()
    writer.page.get_by_text("Deleted pages (1)").click()
    writer.page.get_by_role("button", name="Restore: First light").click()
    writer.page.get_by_role("link", name="First light").click()
    writer.wait_until_saved()
    expect(writer.text()).to_have_text("Before. After.")
    assert writer.stored() == "Before. After."
