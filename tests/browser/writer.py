"""Someone at the desk, and the same account over the API, to see what the service really has."""

import re
from typing import Any

import httpx
from playwright.sync_api import BrowserContext, Locator, Page, expect

PASSWORD = "herons like grey mornings"
PATIENCE_MS = 30_000
SAVED = re.compile(r"^Saved · version \d+$")


class Api:
    """The same person with another client."""

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.name = name
        self.email = f"{name}@example.org"
        self.client = httpx.Client(base_url=f"{url}/api/v1", timeout=30)
        self.client.post("/auth/register", json={"username": name, "email": self.email, "password": PASSWORD})
        self.sign_in()

    def sign_in(self) -> None:
        answer = self.client.post("/auth/login", json={"email": self.email, "password": PASSWORD})
        self.client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def ask(self, method: str, path: str, **more: Any) -> Any:
        answer = self.client.request(method, path, **more)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


class Writer:
    def __init__(self, context: BrowserContext, page: Page, api: Api) -> None:
        self.context = context
        self.page = page
        self.api = api
        self.notebook_id = ""
        self.page_id = ""

    def sign_in_unseen(self) -> None:
        """The cookie that signing in leaves, without the form."""
        body = {"email": self.api.email, "password": PASSWORD, "cookie": True}
        answer = self.context.request.post("/api/v1/auth/login", data=body, headers={"Origin": self.api.url})
        assert answer.ok, answer.text()

    def begin_page(self, title: str = "First light", content: str = "") -> None:
        self.notebook_id = self.api.ask("POST", "/notebooks", json={"title": "The river"})["id"]
        made = self.api.ask("POST", f"{self._pages}", json={"title": title, "content": content})
        self.page_id = made["id"]
        self.open()

    @property
    def _pages(self) -> str:
        return f"/notebooks/{self.notebook_id}/pages"

    @property
    def path(self) -> str:
        return f"{self._pages}/{self.page_id}"

    def open(self, page: Page | None = None) -> None:
        (page or self.page).goto(self.path)
        expect(self.text(page)).to_be_visible()

    def text(self, page: Page | None = None) -> Locator:
        return (page or self.page).get_by_role("textbox", name="Text", exact=True)

    def status(self, page: Page | None = None) -> Locator:
        return (page or self.page).get_by_role("status")

    def button(self, name: str, page: Page | None = None) -> Locator:
        return (page or self.page).get_by_role("button", name=name, exact=True)

    def type(self, words: str, page: Page | None = None) -> None:
        """At the end of the text."""
        where = page or self.page
        self.text(page).press("Control+End")
        where.keyboard.type(words)

    def wait_until_saved(self, page: Page | None = None) -> None:
        expect(self.status(page)).to_have_text(SAVED)

    def stored(self) -> str:
        """What the service has."""
        content: str = self.api.ask("GET", self.path)["content"]
        return content

    def edit_elsewhere(self, content: str) -> None:
        self.api.ask("PUT", self.path, json={"content": content})

    def revisions(self) -> list[str]:
        """The texts in the history."""
        listed = self.api.ask("GET", f"/pages/{self.page_id}/revisions?per_page=100")["items"]
        return [self.api.ask("GET", f"/pages/{self.page_id}/revisions/{each['id']}")["content"] for each in listed]
