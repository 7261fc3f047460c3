"""A server that keeps the contract in a few dozen lines and in memory, for testing a client of it.

It lets the client die at every single request, which would take minutes against the real service. That one is tried in
tests/e2e.
"""

import hashlib
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

Json = dict[str, Any]


class ClientKilled(BaseException):
    """The client's process ended here; nothing in it may catch this."""


class ContractServer:
    """Accounts, notebooks, pages and pictures of contract section 3, with idempotency receipts."""

    def __init__(self) -> None:
        self.accounts: dict[str, Json] = {}
        self.notebooks: dict[str, Json] = {}
        self.pages: dict[str, Json] = {}
        self.images: dict[str, Json] = {}
        self.published: list[str] = []
        self.receipts: dict[str, tuple[str, bytes, Json]] = {}
        self.log: list[tuple[str, str]] = []
        self.faults: list[httpx.Response | Exception] = []
        self.takes_pictures, self.takes_orders = True, True
        self.tokens_last = 10**9  # requests
        self._token_used = 0
        self._kill_at: int | None = None
        self._served_before_kill = False

    # What a test asks for

    def kill_client_at(self, request: int, *, served: bool) -> None:
        """End the client at its n-th request from now, after or before the server has done what it asks."""
        self._kill_at, self._served_before_kill = len(self.log) + request, served

    def titles(self, notebook: Json | None = None) -> list[str]:
        """List the page titles, in order, of the only notebook or of this one."""
        (chosen,) = [notebook] if notebook else self.notebooks.values()
        return [self.pages[page_id]["title"] for page_id in chosen["page_ids"]]

    def contents(self) -> list[str]:
        """List the texts of the only notebook's pages, in order."""
        (notebook,) = self.notebooks.values()
        return [self.pages[page_id]["content"] for page_id in notebook["page_ids"]]

    # The server

    def __call__(self, request: httpx.Request) -> httpx.Response:
        kill = self._kill_at == len(self.log)
        self.log.append((request.method, request.url.path))
        if kill and not self._served_before_kill:
            raise ClientKilled
        if self.faults:
            fault = self.faults.pop(0)
            if isinstance(fault, Exception):
                raise fault
            return fault
        answer = self._once(request)
        if kill:
            raise ClientKilled
        return answer

    def _once(self, request: httpx.Request) -> httpx.Response:
        """Answer, or replay the answer to a key that was used before."""
        key = request.headers.get("Idempotency-Key")
        fingerprint = _fingerprint(request)
        if key in self.receipts:
            path, body, answer = self.receipts[key]
            if (path, body) != (request.url.path, fingerprint):
                return _problem(422, "the key was used with another body", {"Idempotency-Key": ["another body"]})
            return httpx.Response(201, json=answer, headers={"Idempotency-Replayed": "true"})
        response = self._answer(request)
        if key and response.is_success:
            self.receipts[key] = (request.url.path, fingerprint, response.json())
        return response

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v1")
        if path == "/healthz":
            return httpx.Response(200, json={"status": "ok"})
        if path.startswith("/auth/"):
            return self._auth(path, _body(request))
        self._token_used += 1
        if self._token_used > self.tokens_last:
            return _problem(401, "the token has run out")
        if path.startswith("/uploads/images"):
            return self._images(request, path)
        if path.startswith("/users/"):
            return httpx.Response(200, json={})
        return self._notebooks(request, path)

    def _auth(self, path: str, body: Json) -> httpx.Response:
        if path == "/auth/register":
            if body["email"] in self.accounts:
                return _problem(409, "taken", {"email": ["is taken"]})
            self.accounts[body["email"]] = {"id": f"u{len(self.accounts)}", "password": body["password"]}
            return httpx.Response(201, json={"id": self.accounts[body["email"]]["id"]})
        account = self.accounts.get(body.get("email", ""))
        if path != "/auth/login" or not account or account["password"] != body["password"]:
            return _problem(401, "no")
        self._token_used = 0
        user = {"id": account["id"]}
        return httpx.Response(200, json={"access_token": "a", "refresh_token": "r", "user": user})

    def _images(self, request: httpx.Request, path: str) -> httpx.Response:
        if not self.takes_pictures:
            return _problem(404, "no such route")
        if request.method == "GET":
            return _found(self.images.get(path.rsplit("/", 1)[1]))
        if b"not a picture" in request.content:
            return _problem(415, "only JPEG, PNG, WebP and GIF")
        image_id = f"i{len(self.images)}"
        self.images[image_id] = {"id": image_id, "url": f"/media/{image_id}/original"}
        return httpx.Response(201, json=self.images[image_id])

    def _notebooks(self, request: httpx.Request, path: str) -> httpx.Response:
        parts, body = path.strip("/").split("/"), _body(request)
        if len(parts) == 1:
            return self._make_notebook(body) if request.method == "POST" else self._list(request)
        notebook = self.notebooks.get(parts[1])
        if notebook is None:
            return _found(None)
        if parts[2:] == ["publish"]:
            self.published.append(parts[1])
        elif parts[2:] == ["pages"]:
            return self._make_page(notebook, body)
        elif parts[2:] == ["pages", "order"]:
            return self._reorder(notebook, body)
        elif len(parts) == 4:
            page = self.pages.get(parts[3]) if parts[3] in notebook["page_ids"] else None
            return self._change(page, body)
        return self._change(notebook | {"pages": self._page_list(notebook)}, body, notebook)

    def _make_notebook(self, body: Json) -> httpx.Response:
        notebook_id = f"n{len(self.log)}"
        self.notebooks[notebook_id] = {"id": notebook_id, "status": "draft", "page_ids": [], "version": 1, **body}
        return httpx.Response(201, json=self.notebooks[notebook_id])

    def _list(self, request: httpx.Request) -> httpx.Response:
        number = int(parse_qs(urlsplit(str(request.url)).query)["page"][0])
        every = list(self.notebooks.values())
        # One a page, so that a client that reads the first page only is found out.
        return httpx.Response(200, json={"items": every[number - 1 : number], "pages": len(every)})

    def _page_list(self, notebook: Json) -> list[Json]:
        return [{"id": page_id, "title": self.pages[page_id]["title"]} for page_id in notebook["page_ids"]]

    def _make_page(self, notebook: Json, body: Json) -> httpx.Response:
        if len(body["title"]) > 200:
            return _problem(422, "invalid", {"title": ["too long"]})
        page_id = f"p{len(self.log)}"
        page = {"id": page_id, "version": 1, "title": body["title"], "content": body["content"]}
        self.pages[page_id] = page
        notebook["page_ids"].insert(body.get("order", 10**9) - 1, page_id)
        return httpx.Response(201, json=page)

    def _reorder(self, notebook: Json, body: Json) -> httpx.Response:
        if not self.takes_orders or sorted(body["page_ids"]) != sorted(notebook["page_ids"]):
            return _problem(422, "too many")
        notebook["page_ids"] = body["page_ids"]
        return httpx.Response(200, json=notebook)

    def _change(self, thing: Json | None, body: Json, stored: Json | None = None) -> httpx.Response:
        if thing is not None and body:
            changed = {**body, "version": thing["version"] + 1}
            thing.update(changed)
            (stored or thing).update(changed)
        return _found(thing)


def _body(request: httpx.Request) -> Json:
    is_json = request.headers.get("Content-Type") == "application/json"
    return json.loads(request.content) if is_json else {}


def _fingerprint(request: httpx.Request) -> bytes:
    """Hash a body without the boundary of its parts, which is another one with every request."""
    boundary = re.search(r"boundary=(\S+)", request.headers.get("Content-Type", ""))
    content = request.read()
    return hashlib.sha256(content.replace(boundary[1].encode(), b"") if boundary else content).digest()


def _found(thing: Json | None) -> httpx.Response:
    return httpx.Response(200, json=thing) if thing is not None else _problem(404, "not found")


def _problem(status: int, detail: str, errors: dict[str, list[str]] | None = None) -> httpx.Response:
    return httpx.Response(status, json={"status": status, "detail": detail} | ({"errors": errors} if errors else {}))
