"""HTTP with patience: what passes by itself is waited out, with the same request and the same key."""

import json as json_module
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from seeding.errors import SeedError, Unreachable

Json = dict[str, Any]

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
PATIENCE = 120.0  # seconds; supervisor restarts a killed part in a few, and a rate limit's window is a minute
IN_PROGRESS_PATIENCE = 10.0  # a 409 may also be a conflict that stays, which only waiting tells from a key in progress
LONGEST_PAUSE = 5.0
SHOWN_PAUSE = 1.0  # shorter ones are not worth a line on the screen
PASSING = {429, 502, 503, 504}


@dataclass(frozen=True)
class Trouble:
    """Why an attempt was no answer, for how long such a thing may pass, and what pause the server asked for."""

    reason: str
    patience: float
    pause: float | None = None
    answer: httpx.Response | None = None


class Transport:
    """Sends requests to one server."""

    def __init__(
        self,
        url: str,
        say: Callable[[str], None],
        *,
        network: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`say` takes remarks for the person waiting; the rest is for tests: their own network and clock."""
        self.url = checked_url(url)
        host = httpx.URL(self.url).host
        self.is_local = host in LOOPBACK
        self._say, self._sleep, self._now = say, sleep, now
        # A proxy from the environment knows no way to this machine's own loopback.
        timeout = httpx.Timeout(30, connect=5)
        self._http = httpx.Client(base_url=self.url, timeout=timeout, transport=network, trust_env=not self.is_local)

    def send(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        key: str | None = None,
        json: Json | None = None,
        patience: float = PATIENCE,
        **content: Any,
    ) -> httpx.Response:
        """Send, and send the same again while the trouble is of the passing kind.

        That is safe for every request that we make: reading and PUT by nature, creating by its key.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"Idempotency-Key": key} if key else {}
        if json is not None:
            headers["Content-Type"] = "application/json"
            content["content"] = canonical(json)
        began, pause, said = self._now(), 0.1, False
        while True:
            answer = self._attempt(method, path, headers=headers, **content)
            if isinstance(answer, httpx.Response):
                return answer
            pause = min(pause * 2, LONGEST_PAUSE)
            wait = pause if answer.pause is None else answer.pause
            if self._now() - began + wait > min(patience, answer.patience):
                return self._given_up(answer)
            if wait >= SHOWN_PAUSE and not said:
                self._say(f"waiting for {self.url}: {answer.reason}")
                said = True
            self._sleep(wait)

    def _attempt(self, method: str, path: str, **request: Any) -> httpx.Response | Trouble:
        """Send once."""
        try:
            answer = self._http.request(method, path, **request)
        except httpx.TransportError as error:
            return Trouble(str(error) or type(error).__name__, PATIENCE)
        if answer.status_code in PASSING:
            reason = f"{answer.status_code} {problem_of(answer)[0]}"
            return Trouble(reason, PATIENCE, _retry_after(answer))
        if answer.status_code == 409 and "Idempotency-Key" in request["headers"] and not problem_of(answer)[1]:
            return Trouble(problem_of(answer)[0], IN_PROGRESS_PATIENCE, _retry_after(answer), answer)
        return answer

    def _given_up(self, trouble: Trouble) -> httpx.Response:
        """Hand on what may be an answer after all; a service that only kept us waiting is an error."""
        if trouble.answer is not None:
            return trouble.answer
        raise Unreachable(f"no usable answer from {self.url}: {trouble.reason}")

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()


def checked_url(url: str) -> str:
    """Return the server's URL without a slash at its end, or say what is wrong with it."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise SeedError(f"the URL {url!r} cannot be read ({error}); it looks like http://127.0.0.1:5000.") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise SeedError(f"the URL {url!r} must begin with http:// or https:// and name a host.")
    return url.rstrip("/")


def canonical(body: Json) -> bytes:
    """Write JSON so that the same body is always the same bytes: what an idempotency key is held against."""
    return json_module.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def json_object(answer: httpx.Response) -> Json | None:
    """Parse a body that should be a JSON object; None when it is something else."""
    try:
        value = answer.json()
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def problem_of(answer: httpx.Response) -> tuple[str, dict[str, list[str]]]:
    """Read why a request failed, and what is wrong with which field, from problem+json when it is that."""
    problem = json_object(answer) or {}
    fields = problem.get("errors")
    reason = problem.get("detail") or problem.get("title") or answer.reason_phrase or "without a reason"
    return str(reason), fields if isinstance(fields, dict) else {}


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds that the server asks us to wait; its other form, a date, is not worth parsing here."""
    asked = answer.headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else None
