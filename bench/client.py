"""Prepares what is measured, through the public API."""

import itertools
import json
from http.client import HTTPConnection, HTTPResponse
from typing import Any

HOST = "127.0.0.1"
PASSWORD = "no one guesses this one"
_numbers = itertools.count(1)


class Author:
    """A user, registered and signed in."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._headers: dict[str, str] = {}
        name = f"author{next(_numbers)}"
        email = f"{name}@example.org"
        self.id: str = self.post("/auth/register", username=name, email=email, password=PASSWORD)["id"]
        self.token: str = self.post("/auth/login", email=email, password=PASSWORD)["access_token"]
        self._headers = {"Authorization": f"Bearer {self.token}"}

    def post(self, path: str, **body: Any) -> Any:
        answer = self._ask("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        return json.loads(answer.read())

    def get(self, path: str) -> Any:
        return json.loads(self._ask("GET", path).read())

    def etag(self, path: str) -> str:
        return str(self._ask("GET", path).headers["ETag"])

    def _ask(self, method: str, path: str, body: str | None = None, more: dict[str, str] | None = None) -> HTTPResponse:
        # Minutes may lie between two of these, and the server closes a connection that is silent for long.
        connection = HTTPConnection(HOST, self._port, timeout=30)
        connection.request(method, f"/api/v1{path}", body, self._headers | (more or {}))
        answer = connection.getresponse()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.read()!r}")
        return answer

    def notebook(self) -> str:
        return str(self.post("/notebooks", title="A notebook")["id"])

    def page(self, notebook_id: str, content: str) -> str:
        """A new page; answers its path."""
        made = self.post(f"/notebooks/{notebook_id}/pages", title="A page", content=content)
        return f"/notebooks/{notebook_id}/pages/{made['id']}"
