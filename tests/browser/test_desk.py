"""The desk as people use it: a book's whole life, by keyboard alone, on small and large screens, for all eyes."""

import io
import re
from pathlib import Path

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.looking import look_at
from tests.browser.pictures import picture
from tests.browser.serving import MOST_NOTEBOOKS, Serving
from tests.browser.writer import PASSWORD, Api, Writer
from tests.e2e.running import wait_for


def shoot(page: Page, shots: Path | None, name: str) -> None:
    if shots:
        seen = Image.open(io.BytesIO(page.screenshot())).convert("RGB").resize((960, 600), Image.Resampling.LANCZOS)
        seen.quantize(64).save(shots / f"{name}.png", optimize=True)


def test_the_life_of_a_book(page: Page, serving: Serving, browser: Browser, tmp_path: Path, shots: Path | None) -> None:
    page.goto("/")
    page.get_by_role("button", name="Make account").click()
    page.get_by_role("textbox", name="Username").fill("Ada-of-the-river")
    page.get_by_role("textbox", name="E-mail").fill("ada@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make account").click()
    page.get_by_role("button", name="New notebook").click()
    page.get_by_role("textbox", name="Title").fill("Walks by the river")
    page.get_by_role("button", name="Add page").click()
    page.get_by_role("textbox", name="Title").fill("The heron")
    writer = Writer(page.context, page, Api(serving.url, "nobody"))
    writer.type(
        "The heron stood still in the *rain*, as it had done the day before, and nobody saw it.\n\n## At noon\n\n"
    )
    with page.expect_file_chooser() as chosen:
        page.get_by_role("button", name="Picture", exact=True).click()
    chosen.value.set_files(picture(tmp_path))
    page.get_by_label("What does it show?").fill("A river")
    page.get_by_role("button", name="Insert").click()
    writer.wait_until_saved()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("region", name="Preview").get_by_role("img", name="A river")).to_be_visible()
    shoot(page, shots, "writing")
    page.get_by_role("link", name="Back").click()
    expect(page.get_by_role("link", name="The heron")).to_be_visible()
    page.get_by_role("button", name="Publish", exact=True).click()
    address = page.get_by_role("link", name=re.compile("http.*read")).inner_text()
    shoot(page, shots, "notebook")
    read_signed_out(browser, address, shots)
    page.get_by_role("button", name="Unpublish").click()
    expect(page.get_by_role("status").filter(has_text="Readers see nothing")).to_be_visible()
    assert httpx.get(address.replace("/read/", "/api/v1/notebooks/")).status_code == 404


def read_signed_out(browser: Browser, address: str, shots: Path | None) -> None:
    reader = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="dark")
    page = reader.new_page()
    page.goto(address)
    page.get_by_role("link", name="Read", exact=True).click()
    expect(page.get_by_role("heading", name="The heron")).to_be_visible()
    expect(page.get_by_role("img", name="A river")).to_be_visible()
    shoot(page, shots, "reading")
    reader.close()


def test_looking_back_restoring_and_naming(writer: Writer, serving: Serving, shots: Path | None) -> None:
    page = writer.page
    writer.type("The first version of this.")
    page.keyboard.press("Control+s")
    writer.wait_until_saved()
    writer.edit_elsewhere("The second version of all that.")
    serving.drain()
    writer.button("History").click()
    page.get_by_role("button", name=re.compile("Saved")).nth(1).click()
    expect(page.locator("ins").first).to_be_visible()
    page.get_by_role("textbox", name="Name of this version").fill("To be kept")
    writer.button("Save").click()
    expect(page.get_by_role("button", name=re.compile("To be kept"))).to_be_visible()
    shoot(page, shots, "history")
    writer.button("Remove the name").click()
    expect(page.get_by_role("button", name=re.compile("To be kept"))).to_have_count(0)
    expect(page.get_by_role("textbox", name="Name of this version")).to_have_value("")
    writer.button("Restore this version").click()
    expect(writer.text()).to_have_text("The first version of this.")
    assert writer.stored() == "The first version of this."


def test_what_one_uses_is_shown_and_a_full_shelf_is_told(writer: Writer) -> None:
    for number in range(MOST_NOTEBOOKS - 1):
        writer.api.ask("POST", "/notebooks", json={"title": f"Notebook {number}"})
    writer.page.goto("/profile")
    expect(writer.page.get_by_role("region", name="What you use")).to_contain_text(f"{MOST_NOTEBOOKS} notebooks")
    writer.page.get_by_role("link", name="Notebooks").click()
    writer.button("New notebook").click()
    expect(writer.page.get_by_role("alert")).to_contain_text("as many notebooks as you may have here")


def test_keyboard_alone_is_enough(page: Page, serving: Serving) -> None:
    api = Api(serving.url, "keys-only")
    page.goto("/sign-in")
    page.get_by_role("textbox", name="E-mail").focus()
    page.keyboard.type(api.email)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    notebook = api.ask("POST", "/notebooks", json={"title": "By hand"})["id"]
    for title in ("One", "Two", "Three"):
        api.ask("POST", f"/notebooks/{notebook}/pages", json={"title": title})
    expect(page.get_by_role("button", name="New notebook")).to_be_visible()
    page.goto(f"/notebooks/{notebook}")
    page.get_by_role("link", name="Three").focus()
    page.keyboard.press("Alt+ArrowUp")
    expect(page.get_by_text("Three: place 2 of 3")).to_be_attached()
    page.get_by_role("button", name="Move “Two” up").focus()
    page.keyboard.press("Enter")

    def order() -> bool:
        found = [each["title"] for each in api.ask("GET", f"/notebooks/{notebook}")["pages"]]
        return found == ["One", "Two", "Three"]

    wait_for(order, 20, "the order")
    page.get_by_role("link", name="One").press("Enter")
    text = page.get_by_role("textbox", name="Text", exact=True)
    expect(text).to_be_visible()
    page.get_by_role("textbox", name="Title").focus()
    page.keyboard.press("Enter")
    expect(text).to_be_focused()
    page.keyboard.press("Tab")
    expect(text).not_to_be_focused()


def test_every_screen_is_for_all_eyes_and_fits(writer: Writer, serving: Serving) -> None:
    writer.edit_elsewhere("# A heading\n\nSome *words*, and a [link](https://example.org).\n\n> said\n\n`code`")
    writer.api.ask("POST", f"/notebooks/{writer.notebook_id}/publish")
    book = f"/notebooks/{writer.notebook_id}"
    inside = ["/notebooks", book, writer.path, f"{writer.path}/history", "/search?q=words", "/profile", "/trash"]
    outside = ["/", "/register", "/published", f"/read/{writer.notebook_id}/{writer.page_id}"]
    look_at(writer.page, inside)
    writer.page.goto("/profile")
    writer.button("Sign out").click()
    expect(writer.button("Sign in")).to_be_visible()
    look_at(writer.page, outside)


def test_the_desk_speaks_spanish(browser: Browser, serving: Serving) -> None:
    context = browser.new_context(base_url=serving.url, locale="es-ES")
    page = context.new_page()
    page.goto("/")
    expect(page.get_by_role("button", name="Entrar")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "es"
    context.close()


def test_without_scripts_it_says_what_it_is_and_where_the_api_is(browser: Browser, serving: Serving) -> None:
    context = browser.new_context(base_url=serving.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    said = page.evaluate("document.querySelector('noscript').textContent")
    assert "API under /api/v1" in " ".join(said.split())
    box = page.locator("noscript").bounding_box()
    assert box
    assert box["height"] > 50
    context.close()


def test_the_first_screen_is_small_and_loads_nothing_from_elsewhere(context: BrowserContext, serving: Serving) -> None:
    page, sizes = context.new_page(), {}
    page.on("requestfinished", lambda request: sizes.update({request.url: request.sizes()["responseBodySize"]}))
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.goto("/")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert sum(size for url, size in sizes.items() if "/sw.js" not in url) < 200_000, sizes
    assert all(url.startswith(serving.url) for url in sizes), sizes
