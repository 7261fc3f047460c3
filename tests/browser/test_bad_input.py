"""What is hostile, too large or broken: it does nothing, is told in the writer's language, and takes no word away."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.browser.conftest import FLAGS, chromium
from tests.browser.serving import Serving
from tests.browser.writer import PASSWORD, PATIENCE_MS, Api, Writer

HURT = "<img src=x onerror=window.hurt=1>"
HOSTILE = f"""[press](javascript:alert(1)) [or](data:text/html,x) [or](vbscript:x) <img src=x onerror="window.hurt=1">
<script>window.hurt=1</script>
<svg onload="window.hurt=1"></svg> <a href="JaVaScRiPt:window.hurt=1">here</a> ![alt" onerror="window.hurt=1](x)
<style>body {{ display: none }}</style> <iframe src="//evil.example"></iframe> <form action="/x"><input></form>

![{HURT}](/api/v1/media/{"0" * 32}/large)
"""
FORBIDDEN = "script, style, iframe, form, input, svg, [onerror], [onload], [style], [src='x'][onerror]"


def test_hostile_text_does_nothing_on_any_screen(writer: Writer, serving: Serving) -> None:
    page, book = writer.page, writer.notebook_id
    writer.api.ask("PUT", f"/notebooks/{book}", json={"title": HURT, "description": HOSTILE})
    writer.api.ask("PUT", writer.path, json={"title": HURT, "content": HOSTILE})
    writer.api.ask("PUT", f"/users/{writer.api.ask('GET', '/users/me')['id']}", json={"display_name": HURT})
    writer.api.ask("POST", f"/notebooks/{book}/publish")
    serving.drain()
    screens = [
        "/notebooks",
        f"/notebooks/{book}",
        f"{writer.path}/history",
        "/published",
        "/search?q=press",
        "/profile",
    ]
    for address in (*screens, f"/read/{book}", f"/read/{book}/{writer.page_id}", writer.path):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert page.locator("[onerror], [onload], img[src='x']:not(.prose *)").count() == 0, address
        assert page.evaluate("window.hurt") is None, address
    writer.button("Preview").click()
    see_no_harm(page)
    page.goto(f"/read/{book}/{writer.page_id}")
    expect(page.get_by_role("heading", name=HURT)).to_be_visible()
    see_no_harm(page)


def see_no_harm(page: Page) -> None:
    prose = page.locator(".prose")
    expect(prose.get_by_role("link", name="here").or_(prose.get_by_text("here")).first).to_be_visible()
    assert prose.locator(FORBIDDEN).count() == 0
    links = prose.locator("a").evaluate_all("(all) => all.map((each) => each.getAttribute('href'))")
    assert [link for link in links if link and not re.match(r"https?:|/|#", link)] == []
    assert page.evaluate("window.hurt") is None


def test_a_paste_of_five_megabytes_is_told_and_can_be_taken_back(writer: Writer) -> None:
    writer.type("Before. ")
    writer.wait_until_saved()
    writer.context.grant_permissions(["clipboard-read", "clipboard-write"])
    writer.page.evaluate("navigator.clipboard.writeText('five megabytes\\n'.repeat(350_000) + '\\0')")
    writer.page.keyboard.press("Control+v")
    expect(writer.status()).to_have_text(re.compile("^Kept on this device: a page holds at most 1 MiB"))
    assert writer.stored() == "Before. "
    writer.page.keyboard.press("Control+z")
    writer.type("After.")
    writer.wait_until_saved()
    assert writer.stored() == "Before. After."


def answered(status: int, kind: str, body: str) -> Callable[[Route], None]:
    return lambda route: route.fulfill(status=status, content_type=kind, body=body)


NONSENSE: list[Callable[[Route], None]] = [
    answered(500, "text/html", "<h1>oh no</h1>"),
    answered(404, "text/html", "<h1>a proxy that finds no service</h1>"),
    answered(200, "text/html", "<h1>log in</h1>"),
    answered(200, "application/json", ""),
    answered(200, "application/json", "{}"),
    answered(412, "application/problem+json", "{}"),
    lambda route: route.abort("connectionreset"),
]


def test_a_server_that_answers_nonsense_saves_nothing_and_loses_nothing(writer: Writer) -> None:
    for number, answer in enumerate(NONSENSE):
        writer.page.route("**/pages/*", answer)
        writer.type(f"kept {number} ")
        why = re.compile("^Kept on this device: the service (has a problem|can’t be reached)")
        expect(writer.status(), f"nonsense {number}").to_have_text(why)
        writer.page.unroute("**/pages/*")
        writer.wait_until_saved()
    assert writer.stored() == "".join(f"kept {number} " for number in range(len(NONSENSE)))


def test_a_full_disk_of_the_browser_is_told_and_the_text_is_saved_all_the_same(someone: Writer) -> None:
    writer = someone
    # Chromium remembers for a while how much room there was, so it has to be full from the beginning.
    quota = {"origin": writer.api.url, "quotaSize": 1}
    writer.context.new_cdp_session(writer.page).send("Storage.overrideQuotaForOrigin", quota)
    writer.begin_page()
    writer.type("Kept by the service alone, ")
    writer.wait_until_saved()
    assert writer.stored() == "Kept by the service alone, "
    writer.context.set_offline(True)
    writer.type("and this by nobody yet")
    expect(writer.status()).to_have_text(re.compile("^Only in this window: .*storage is full"))
    with writer.page.expect_event("dialog") as asked:
        writer.page.close(run_before_unload=True)
    assert asked.value.type == "beforeunload"
    asked.value.dismiss()
    writer.context.set_offline(False)
    writer.wait_until_saved()
    assert writer.stored() == "Kept by the service alone, and this by nobody yet"


AHEAD = """(() => {
  const Right = Date
  const wrong = () => Right.now() + HOURS * 3_600_000
  window.Date = class extends Right {
    constructor(...given) { given.length ? super(...given) : super(wrong()) }
    static now() { return wrong() }
  }
})()"""


@pytest.mark.parametrize("hours", [-24, 24])
def test_a_clock_that_is_wrong_by_a_day_changes_nothing(writer: Writer, serving: Serving, hours: int) -> None:
    writer.context.add_init_script(AHEAD.replace("HOURS", str(hours)))
    writer.open()
    writer.type("On time.")
    writer.wait_until_saved()
    writer.context.set_offline(True)
    writer.type(" Kept.")
    expect(writer.status()).to_have_text(re.compile("^Kept on this device"))
    writer.context.set_offline(False)
    writer.wait_until_saved()
    assert writer.stored() == "On time. Kept."
    serving.drain()
    writer.button("History").click()
    expect(writer.page.get_by_role("button", name="Restore this version")).to_be_visible()


@pytest.fixture
def without_cookies(browser: Browser, serving: Serving, tmp_path: Path) -> Iterator[BrowserContext]:
    """A Spanish browser of someone who has switched cookies off, and with them all storage."""
    settings = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (tmp_path / "Default").mkdir()
    (tmp_path / "Default" / "Preferences").write_text(json.dumps(settings))
    start = browser.browser_type.launch_persistent_context
    made = start(str(tmp_path), executable_path=chromium(), args=FLAGS, base_url=serving.url, locale="es-ES")
    made.set_default_timeout(PATIENCE_MS)
    yield made
    made.close()


def expire(route: Route, spent: list[str]) -> None:
    """The first token that comes is not accepted any more."""
    token = route.request.headers["authorization"]
    spent[:] = spent or [token]
    if token in spent:
        route.fulfill(status=401, content_type="application/problem+json", body="{}")
    else:
        route.continue_()


def test_without_cookies_one_is_told_and_can_write_all_the_same(
    without_cookies: BrowserContext, serving: Serving
) -> None:
    page, api = without_cookies.pages[0], Api(serving.url, "no-cookies")
    page.goto("/")
    expect(page.get_by_text("Este navegador rechaza las cookies")).to_be_visible()
    page.get_by_label("Correo electrónico").fill(api.email)
    page.get_by_label("Contraseña").fill(PASSWORD)
    page.get_by_role("button", name="Entrar").click()
    page.get_by_role("button", name="Cuaderno nuevo").click()
    page.get_by_role("button", name="Añadir página").click()
    page.get_by_role("textbox", name="Texto", exact=True).click()
    page.keyboard.type("Sin galletas.")
    status = page.get_by_role("status")
    expect(status).to_have_text(re.compile("^Guardado · versión"))
    # The access token has run out: the next one comes by the refresh token in this window's memory.
    spent: list[str] = []
    page.route("**/pages/*", lambda route: expire(route, spent))
    page.keyboard.type(" Tampoco hace falta.")
    expect(status).to_have_text("Guardado · versión 3")
    without_cookies.set_offline(True)
    page.keyboard.type(" ¿Y esto?")
    expect(status).to_have_text(re.compile("^Solo en esta ventana: .*almacenamiento"))
    without_cookies.set_offline(False)
    expect(status).to_have_text("Guardado · versión 4")
    page.get_by_role("link", name="Perfil").click()
    page.get_by_role("button", name="Salir").click()
    expect(page.get_by_role("button", name="Entrar")).to_be_visible()
