"""The door to the linguistics service, which may be slow or away without holding anything else up."""

import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import httpx
import msgspec

from infra.memory import Memory
from infra.proxies import proxy_for
from infra.settings import Settings
from infra.watch import Watch

# 504 or 502 is promised within 3 seconds, with the way there and back.
MOST_SECONDS = 2.5
CONNECT_SECONDS = 1.0
MOST_BYTES = 64 * 1024
MOST_AT_ONCE = 8
PROBE = "Does it answer?"
KEPT_BYTES = 4 * 1024 * 1024


class Unanswered(Exception):
    """The service is away, failed, or answered with something that is no answer."""


class Linguistics:
    """A client with a limit on the whole, a memory of what it was told, and a watch."""

    def __init__(self, settings: Settings) -> None:
        self._url = f"{(settings.linguistics_url or '').rstrip('/')}/sentiment"
        self._client = httpx.Client(
            timeout=httpx.Timeout(MOST_SECONDS, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=MOST_AT_ONCE, max_keepalive_connections=MOST_AT_ONCE),
            trust_env=False,
            verify=_trusted(),
            proxy=proxy_for(self._url),
        )
        # httpx limits each step of a request. Who sends a byte a second keeps within all of them, so the waiting is
        # done here and the request goes on in a thread until one of its steps ends it.
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="linguistics")
        self._known = Memory(KEPT_BYTES)
        self._watch = Watch("the linguistics service", self._probe)

    def sentiment(self, sentence: str) -> bytes:
        """What the service says, as JSON.

        Raises:
            TimeoutError: it takes too long.
            Unanswered: it is away or fails, or was a moment ago.
        """
        known: bytes | None = self._known.get(sentence)
        if known is None:
            known = self._ask_unless_down(sentence)
            self._known.put(sentence, known, len(sentence) + len(known))
        return known

    def _ask_unless_down(self, sentence: str) -> bytes:
        if self._watch.is_down:
            raise Unanswered("it failed a moment ago")
        asking = self._threads.submit(self._ask, sentence)
        try:
            answer = asking.result(MOST_SECONDS)
        except TimeoutError:
            asking.cancel()
            self._watch.suspect()
            raise
        return answer

    def _probe(self) -> None:
        self._ask(PROBE)

    def _ask(self, sentence: str) -> bytes:
        try:
            with self._client.stream("GET", self._url, params={"sent": sentence}) as answer:
                return _read(answer)
        except httpx.TimeoutException as error:
            raise TimeoutError from error
        except httpx.ConnectError as error:
            self._watch.suspect()
            raise Unanswered(type(error).__name__) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unanswered(type(error).__name__) from error


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that are trusted; to read them takes 15 ms of each application that is built."""
    return httpx.create_ssl_context(trust_env=False)


def _read(answer: httpx.Response) -> bytes:
    if answer.status_code != 200:
        raise Unanswered(f"it answered {answer.status_code}")
    body = b""
    until = time.monotonic() + MOST_SECONDS
    for chunk in answer.iter_bytes():
        body += chunk
        if len(body) > MOST_BYTES or time.monotonic() > until:
            raise Unanswered("its answer has no end")
    return _json(body)


def _json(body: bytes) -> bytes:
    """The body again, as sure JSON."""
    try:
        return msgspec.json.encode(msgspec.json.decode(body))
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Unanswered("its answer is not JSON") from error
