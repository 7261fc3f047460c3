"""The public API as a client sees it: signs in and stays so, answers JSON or raises what can be shown as it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from seeding.errors import Refused, SeedError, Unreachable
from seeding.transport import Json, Transport, json_object, problem_of

API = "/api/v1"
FIRST_CONTACT = 5.0  # the very first request waits less: a service that nobody started will not come


@dataclass
class Session:
    """Who we are, and the tokens that prove it for now."""

    email: str
    password: str
    user: Json
    access: str
    refresh: str


class Client:
    """One server, one account."""

    def __init__(self, transport: Transport) -> None:
        """Begin signed out."""
        self._transport = transport
        self._session: Session | None = None

    @property
    def server(self) -> str:
        """A name to remember things of this server under. All loopback ports share one, as they share SINPLUMA_VAR."""
        return "this machine" if self._transport.is_local else self._transport.url

    def address(self, path: str) -> str:
        """Where a person or curl finds this path of the API."""
        return self._transport.url + API + path

    @property
    def user(self) -> Json:
        """The profile of the account that we are signed in as."""
        return self._signed_in().user

    def _signed_in(self) -> Session:
        if self._session is None:
            raise RuntimeError("sign_in comes first")
        return self._session

    def check(self) -> None:
        """Make sure that a SinPluma answers there, before anything else is begun."""
        url = self._transport.url
        try:
            answer = self._transport.send("GET", "/healthz", patience=FIRST_CONTACT)
        except Unreachable as error:
            raise Unreachable(f"{error}\nStart the service with `make run`, or name another one with --url.") from error
        if (json_object(answer) or {}).get("status") != "ok":
            raise Unreachable(f"what answers at {url} is not SinPluma (/healthz: {answer.status_code}); see --url.")

    # The account

    def sign_in(self, email: str, password: str) -> bool:
        """Sign in; False when the server does not know this e-mail with this password."""
        answer = self._transport.send("POST", f"{API}/auth/login", json={"email": email, "password": password})
        if answer.status_code == 401:
            return False
        tokens = _parsed(_accepted(answer))
        self._session = Session(email, password, tokens["user"], tokens["access_token"], tokens["refresh_token"])
        return True

    def register(self, username: str, email: str, password: str, key: str) -> bool:
        """Make an account; False when its name or e-mail is taken."""
        body = {"username": username, "email": email, "password": password}
        answer = self._transport.send("POST", f"{API}/auth/register", key=key, json=body)
        if answer.status_code == 409:
            return False
        _accepted(answer)
        return True

    def _renew(self, session: Session) -> bool:
        """Get new tokens: with the refresh token, else, when that is spent or revoked too, by signing in again."""
        answer = self._transport.send("POST", f"{API}/auth/refresh", token=session.refresh)
        if not answer.is_success:
            return self.sign_in(session.email, session.password)
        tokens = _parsed(answer)
        session.access, session.refresh = tokens["access_token"], tokens["refresh_token"]
        return True

    # Requests in its name

    def get(self, path: str, **params: str | int) -> Json:
        """Read one thing, or one page of a list."""
        return _parsed(self._send("GET", path, params=params))

    def find(self, path: str) -> Json | None:
        """Read one thing; None when it is not there, or no longer."""
        try:
            return self.get(path)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def items(self, path: str) -> Iterator[Json]:
        """Read a list from its first item to its last."""
        number, pages = 1, 1
        while number <= pages:
            listed = self.get(path, page=number, per_page=100)
            yield from listed["items"]
            number, pages = number + 1, listed["pages"]

    def put(self, path: str, body: Json) -> Json:
        """Change one thing. Needs no key: sent twice, it changes nothing the second time."""
        return _parsed(self._send("PUT", path, json=body))

    def post(self, path: str, *, key: str | None = None, **content: Any) -> tuple[Json, bool]:
        """Make or do something; also tells whether this was the replay of an earlier answer to the same key."""
        answer = self._send("POST", path, key=key, **content)
        return _parsed(answer), answer.headers.get("Idempotency-Replayed") == "true"

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Send as the account; an access token lives ten minutes, so a refused one is renewed, once."""
        session = self._signed_in()
        answer = self._transport.send(method, API + path, token=session.access, **request)
        if answer.status_code == 401 and self._renew(session):
            answer = self._transport.send(method, API + path, token=self._signed_in().access, **request)
        return _accepted(answer)


def _accepted(answer: httpx.Response) -> httpx.Response:
    """Pass a success on; anything else is final here."""
    if answer.is_success:
        return answer
    reason, fields = problem_of(answer)
    if answer.status_code >= 500:
        reason += f" (request {answer.headers.get('X-Request-ID', 'without an id')}: the service's log says more)"
    raise Refused(answer.status_code, reason, fields)


def _parsed(answer: httpx.Response) -> Json:
    """Parse the body of a success."""
    value = json_object(answer)
    if value is None:
        raise SeedError(f"{answer.request.url} answered something that is no JSON object.")
    return value
