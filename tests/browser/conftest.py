"""A real Chromium at a real service, driven through the names that people and their tools go by."""

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from sqlalchemy import Engine

from api.desk import BUILT, PAGE
from infra.settings import Settings
from tests.browser.serving import Serving
from tests.browser.writer import PATIENCE_MS, Api, Writer

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_numbers = itertools.count(1)


def chromium() -> str:
    """Where it is. Skips the test where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("there is no Chromium; as root `make test` installs Debian's")
    if not (BUILT / PAGE).is_file():
        pytest.skip("the desk has not been built; see log/setup.log")
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = chromium()
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def serving(browser: Browser, settings: Settings, engine: Engine) -> Iterator[Serving]:
    """The service with its desk; asked for after the browser, without which it need not start."""
    with Serving(settings, engine) as service:
        yield service


@pytest.fixture
def context(browser: Browser, serving: Serving) -> Iterator[BrowserContext]:
    """A browser of its own: no cookies, no storage."""
    made = browser.new_context(base_url=serving.url, locale="en-GB", viewport={"width": 1280, "height": 800})
    made.set_default_timeout(PATIENCE_MS)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def someone(context: BrowserContext, page: Page, serving: Serving) -> Writer:
    """Someone who is signed in; nothing is open yet."""
    api = Api(serving.url, f"writer{next(_numbers)}-{os.getpid()}")
    made = Writer(context, page, api)
    made.sign_in_unseen()
    return made


@pytest.fixture
def writer(someone: Writer) -> Writer:
    """The same with a notebook and an empty page, which is open."""
    someone.begin_page()
    return someone


@pytest.fixture
def shots() -> Path | None:
    """Where screenshots for the README go, when someone asks for new ones."""
    asked = os.environ.get("DESK_SHOTS")
    return Path(asked) if asked else None
