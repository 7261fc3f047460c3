"""No typed word is lost: offline, through crashes, beside other windows and devices, and after the session's end."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.looking import look
from tests.browser.serving import Serving
from tests.browser.writer import PASSWORD, Writer
from tests.chaos.system import until
from tests.conftest import PATIENCE
from tests.e2e.running import wait_for

KEPT = re.compile("^Kept on this device")


def wait_for_worker(page: Page) -> None:
    """Until the desk opens without a network."""
    # Chromium's own waiting takes a promise for an answer, whatever it holds.
    kept = """async () => {
      const all = ['/', ...(await (await fetch('/assets.json')).json())]
      const shelf = await caches.open('desk-1')
      const missing = await Promise.all(all.map(async (url) => !(await shelf.match(url))))
      return navigator.serviceWorker.controller?.state === 'activated' && !missing.includes(true)
    }"""
    until(lambda: page.evaluate(kept), PATIENCE, "the worker to keep the desk")


def test_typing_offline_goes_on_through_a_reload_and_is_saved_afterwards(writer: Writer, serving: Serving) -> None:
    page = writer.page
    writer.type("Before the storm.")
    writer.wait_until_saved()
    wait_for_worker(page)
    writer.context.set_offline(True)
    writer.type(" No network here.")
    expect(writer.status()).to_have_text(KEPT)
    page.reload()
    expect(writer.text()).to_contain_text("Before the storm. No network here.")
    writer.type(" Still none.")
    expect(writer.status()).to_have_text(KEPT)
    writer.context.set_offline(False)
    writer.wait_until_saved()
    assert writer.stored() == "Before the storm. No network here. Still none."
    serving.drain()
    assert writer.stored() in writer.revisions()


def test_five_minutes_of_typing_without_a_network_arrive_key_by_key(someone: Writer, serving: Serving) -> None:
    """The page's clock is put forward; what it does by it (keeping, trying again ever more rarely) it does."""
    writer, clock = someone, someone.page.clock
    clock.install()
    writer.begin_page()
    writer.type("Before. ")
    writer.wait_until_saved()
    writer.context.set_offline(True)
    words = [f"word{number} " for number in range(30)]
    for word in words:
        writer.type(word)
        clock.run_for(10_000)
    expect(writer.status()).to_have_text(KEPT)
    writer.context.set_offline(False)
    writer.wait_until_saved()
    assert writer.stored() == "Before. " + "".join(words)
    serving.drain()
    assert writer.stored() in writer.revisions()


def test_a_server_that_dies_while_one_types_gets_every_key_afterwards(writer: Writer, serving: Serving) -> None:
    words = [f"word{number} " for number in range(12)]
    for number, word in enumerate(words):
        writer.type(word)
        if number == 3:
            serving.stop()
        if number == 8:
            serving.start()
    writer.wait_until_saved()
    assert writer.stored() == "".join(words)


def test_a_window_that_is_closed_in_the_middle_of_a_sentence_loses_nothing(writer: Writer) -> None:
    writer.type("The sentence that")
    writer.page.wait_for_timeout(900)
    writer.page.close()
    again = writer.context.new_page()
    writer.open(again)
    expect(writer.text(again)).to_contain_text("The sentence that")
    writer.wait_until_saved(again)
    assert writer.stored() == "The sentence that"


def test_the_title_of_a_notebook_is_kept_until_it_is_saved(writer: Writer) -> None:
    page, book = writer.page, f"/notebooks/{writer.notebook_id}"
    page.goto(book)
    page.route(f"**/api/v1{book}", lambda route: route.abort() if route.request.method == "PUT" else route.continue_())
    title = page.get_by_role("textbox", name="Title")
    title.fill("Rivers,\nand herons")
    expect(page.get_by_role("alert")).to_contain_text("can’t be reached")
    page.reload()
    expect(title).to_have_value("Rivers, and herons")
    page.unroute(f"**/api/v1{book}")
    wait_for(lambda: writer.api.ask("GET", book)["title"] == "Rivers, and herons", 30, "the title")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_two_windows_write_one_page_and_neither_wipes_the_other(writer: Writer) -> None:
    writer.edit_elsewhere("first\n\nmiddle\n\nlast")
    writer.open()
    other = writer.context.new_page()
    writer.open(other)
    writer.text(other).press("Control+Home")
    other.keyboard.type("One: ")
    writer.type(" and two")
    writer.wait_until_saved()
    writer.wait_until_saved(other)
    for each in (writer.page, other):
        expect(writer.text(each)).to_contain_text("One: first")
        expect(writer.text(each)).to_contain_text("last and two")
    assert writer.stored() == "One: first\n\nmiddle\n\nlast and two"


def test_what_another_device_wrote_elsewhere_in_the_page_is_merged_and_told(writer: Writer) -> None:
    writer.edit_elsewhere("first\n\nmiddle\n\nlast")
    writer.open()
    writer.edit_elsewhere("FIRST\n\nmiddle\n\nlast")
    writer.type(" of all")
    expect(writer.page.get_by_text("Changes from elsewhere were merged")).to_be_visible()
    writer.wait_until_saved()
    assert writer.stored() == "FIRST\n\nmiddle\n\nlast of all"


def clash(writer: Writer) -> None:
    writer.edit_elsewhere("the same line")
    writer.open()
    writer.edit_elsewhere("the same line, theirs")
    writer.type(", mine")
    expect(writer.status()).to_have_text("Changed elsewhere")
    expect(writer.page.get_by_text("the same line, theirs")).to_be_visible()


def test_a_conflict_shows_both_texts_and_keeping_mine_leaves_theirs_in_the_history(
    writer: Writer, serving: Serving
) -> None:
    clash(writer)
    look(writer.page, "a conflict")
    writer.button("Keep mine").click()
    expect(writer.text()).to_be_focused()
    writer.wait_until_saved()
    assert writer.stored() == "the same line, mine"
    serving.drain()
    assert "the same line, theirs" in writer.revisions()


def test_a_conflict_in_which_theirs_is_taken_leaves_mine_in_the_history(writer: Writer) -> None:
    clash(writer)
    writer.button("Take theirs").click()
    writer.wait_until_saved()
    expect(writer.text()).to_have_text("the same line, theirs")
    assert "the same line, mine" in writer.revisions()


def test_a_session_that_ends_while_one_types_is_signed_in_again_over_the_text(writer: Writer) -> None:
    page = writer.page
    writer.type("Before. ")
    writer.wait_until_saved()
    change = {"current_password": PASSWORD, "new_password": PASSWORD}
    writer.api.ask("POST", "/auth/password", json=change)
    writer.type("After.")
    expect(writer.status()).to_have_text(KEPT)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_label("E-mail").fill(writer.api.email)
    dialog.get_by_role("button", name="Sign in").click()
    expect(writer.text()).to_be_focused()
    writer.wait_until_saved()
    assert writer.stored() == "Before. After."


def test_a_session_that_was_lost_is_signed_in_again_at_a_page_that_was_never_open_here(writer: Writer) -> None:
    page, pages = writer.page, f"/notebooks/{writer.notebook_id}/pages"
    made = writer.api.ask("POST", pages, json={"title": "Elsewhere", "content": "Written elsewhere."})
    writer.page_id = made["id"]
    writer.context.clear_cookies()
    page.goto(writer.path)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("E-mail").fill(writer.api.email)
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog).to_be_hidden()
    expect(writer.text()).to_have_text("Written elsewhere.")
    writer.type(" And here.")
    writer.wait_until_saved()
    assert writer.stored() == "Written elsewhere. And here."


def test_composing_is_not_disturbed_by_what_comes_from_elsewhere(writer: Writer) -> None:
    writer.edit_elsewhere("first\n\n")
    writer.open()
    writer.text().press("Control+End")
    ime = writer.context.new_cdp_session(writer.page)

    def compose(text: str) -> None:
        ime.send("Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)})

    compose("ni")
    writer.edit_elsewhere("FIRST\n\n")
    writer.page.wait_for_timeout(1600)
    compose("nihao")
    expect(writer.text()).to_contain_text("nihao")
    expect(writer.text()).to_contain_text("first")
    ime.send("Input.insertText", {"text": "你好"})
    writer.wait_until_saved()
    assert writer.stored() == "FIRST\n\n你好"
    assert writer.text().inner_text().count("你好") == 1


# The best of many: what else the machine does is not the page's doing.
TYPING = """async () => {
  const taken = []
  for (let i = 0; i < 15; i++) {
    const began = performance.now()
    document.execCommand('insertText', false, 'x')
    await new Promise((go) => requestAnimationFrame(() => setTimeout(go)))
    taken.push(performance.now() - began)
    await new Promise((go) => setTimeout(go, 60))
  }
  return Math.min(...taken)
}"""


@pytest.mark.alone
def test_a_page_of_a_mebibyte_takes_keys_at_once(writer: Writer) -> None:
    writer.text().press("Control+End")
    small = writer.page.evaluate(TYPING)
    writer.wait_until_saved()
    line = "All that is written here is written again, and again, and once more.\n"
    writer.edit_elsewhere(line * (1_000_000 // len(line)))
    writer.open()
    writer.text().press("Control+End")
    large = writer.page.evaluate(TYPING)
    print(f"a key takes {small:.0f} ms on an empty page, {large:.0f} ms on one of a mebibyte")
    assert large < 50 or large < small + 50
    writer.wait_until_saved()
    assert writer.stored().endswith("x" * 15)


def test_signing_out_in_one_window_shows_in_the_other(writer: Writer, context: BrowserContext) -> None:
    other = context.new_page()
    other.goto("/profile")
    writer.button("Sign out", other).click()
    expect(writer.page.get_by_role("link", name="Sign in")).to_be_visible()
