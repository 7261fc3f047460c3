"""The linguistics service, its proxy, and what the proxy does when the service is slow, away or talks nonsense."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from infra.linguistics import MOST_BYTES, MOST_SECONDS
from linguistics import sentiment
from linguistics.sentiment import judge
from linguistics.service import serve
from tests.conftest import PATIENCE
from tests.service import Author, Service

Respond = Callable[[BaseHTTPRequestHandler], None]


class Stub:
    """A real HTTP server that answers as a test wants it to, and counts."""

    def __init__(self) -> None:
        self.calls = 0
        self.paths: list[str] = []
        self.respond: Respond = said('{"label": "neutral"}')
        self.over = threading.Event()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                stub.calls += 1
                stub.paths.append(self.path)
                stub.respond(self)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    def silent(self, handler: BaseHTTPRequestHandler) -> None:
        """Nothing at all, until the test is over."""
        self.over.wait(PATIENCE)

    def dripping(self, handler: BaseHTTPRequestHandler) -> None:
        """A byte now and then: each comes in good time, and the answer never ends."""
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        while not self.over.wait(0.2):
            try:
                handler.wfile.write(b" ")
            except OSError:
                return


def said(body: str | bytes, status: int = 200) -> Respond:
    def respond(handler: BaseHTTPRequestHandler) -> None:
        sent = body.encode() if isinstance(body, str) else body
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(sent)))
        handler.end_headers()
        handler.wfile.write(sent)

    return respond


def hung_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def stub() -> Iterator[Stub]:
    stub = Stub()
    yield stub
    stub.close()


def asking(service: Service, url: str) -> Author:
    """A user of a service that asks this linguistics service."""
    return Service(replace(service.settings, linguistics_url=url), service.engine).author()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


@pytest.fixture
def embedded() -> Iterator[str]:
    server = serve(0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


# --- the service itself -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "label"),
    [
        ("What a lovely, happy morning!", "positive"),
        ("I hate this terrible, sad rain.", "negative"),
        ("The heron stands by the river.", "neutral"),
        ("学而时习之，不亦说乎", "neutral"),
        ("\x00", "neutral"),
        (":-)", "positive"),
    ],
)
def test_a_sentence_has_a_mood(sentence: str, label: str) -> None:
    judged = judge(sentence)
    assert (judged.sentence, judged.label) == (sentence, label)
    assert -1 <= judged.score <= 1


def test_a_long_text_is_judged_by_its_sentences() -> None:
    good, bad = "What a lovely, happy morning! " * 40, "I hate this terrible, sad rain. " * 40
    assert judge(good).label == "positive"
    assert judge(bad).label == "negative"
    assert abs(judge(good + bad).score) < 0.2


def test_no_text_of_5000_characters_takes_long() -> None:
    for text in (
        "😀" * 5000,
        "😀🏳️‍🌈" * 1000,
        "not good but bad " * 294,
        "!" * 5000,
        "A" * 5000,
        "\n" * 5000,
        "but " * 1250,
    ):
        began = time.process_time()
        judge(text[:5000])
        assert time.process_time() - began < 2


def test_the_pieces_of_a_text_are_the_whole_text() -> None:
    for text in ("a. b! c?" * 200, "." * 700, "x" * 1000 + "。学" * 400, "\n\nA\n" * 300):
        pieces = list(sentiment._pieces(text))
        assert "".join(pieces) == text
        assert max(map(len, pieces)) <= sentiment.LONGEST_PIECE


def test_the_embedded_service_speaks_http(embedded: str) -> None:
    answer = httpx.get(f"{embedded}/sentiment", params={"sent": "A happy day & more"})
    assert answer.status_code == 200
    assert answer.json() == {"sentence": "A happy day & more", "label": "positive", "score": answer.json()["score"]}
    assert httpx.get(f"{embedded}/healthz").json() == {"status": "ok"}
    for path, status in (
        ("/sentiment", 422),
        ("/sentiment?sent=", 422),
        (f"/sentiment?sent={'x' * 5001}", 422),
        ("/x", 404),
    ):
        assert httpx.get(embedded + path).status_code == status
    assert httpx.post(f"{embedded}/sentiment").status_code == 405


# --- the proxy --------------------------------------------------------------------------------------------------------


def test_a_sentence_goes_all_the_way(service: Service, embedded: str) -> None:
    author = asking(service, embedded)
    answer = author.ask("GET", "/lin/sentiment", expect=200, query_string={"sent": "¡Qué happy día! 学 & ? # %"})
    said = answer.get_json()
    assert said == {"sentence": "¡Qué happy día! 学 & ? # %", "label": "positive", "score": said["score"]}
    assert answer.headers["Cache-Control"] == "private, no-cache"
    again = {"If-None-Match": answer.headers["ETag"]}
    author.ask("GET", "/lin/sentiment", expect=304, query_string={"sent": said["sentence"]}, headers=again)


def test_it_needs_a_token_and_a_sentence(service: Service, stub: Stub) -> None:
    author = asking(service, stub.url)
    service.anyone().get("/lin/sentiment?sent=a", expect=401)
    for query in ("", "?sent=", f"?sent={'x' * 5001}"):
        assert set(author.get(f"/lin/sentiment{query}", expect=422)["errors"]) == {"sent"}
    assert stub.calls == 0
    author.get(f"/lin/sentiment?sent={'学' * 5000}")


def test_what_another_service_answers_is_passed_on_as_it_is(service: Service, stub: Stub) -> None:
    stub.respond = said('{"mood": ["grey", 0.5], "学": null}')
    assert asking(service, f"{stub.url}/").get("/lin/sentiment?sent=a") == {"mood": ["grey", 0.5], "学": None}


def test_a_sentence_is_asked_about_once(service: Service, stub: Stub) -> None:
    author = asking(service, stub.url)
    for _ in range(3):
        author.get("/lin/sentiment?sent=the+same")
    author.get("/lin/sentiment?sent=another")
    assert stub.calls == 2


@pytest.mark.parametrize(
    "respond",
    [
        pytest.param(said("no", 500), id="500"),
        pytest.param(said("{}", 404), id="404"),
        pytest.param(said("", 302), id="a redirect"),
        pytest.param(said("<html>"), id="not JSON"),
        pytest.param(said(""), id="nothing"),
        pytest.param(said(b"\xff\xfe"), id="not UTF-8"),
        pytest.param(said("[" * 50_000), id="deep"),
        pytest.param(said('"' + "x" * MOST_BYTES + '"'), id="too much"),
        pytest.param(hung_up, id="hung up"),
    ],
)
def test_a_failure_is_502_and_not_remembered(service: Service, stub: Stub, respond: Respond) -> None:
    author = asking(service, stub.url)
    stub.respond = respond
    with within(3):
        refused = author.ask("GET", "/lin/sentiment?sent=a", expect=502)
    assert refused.mimetype == "application/problem+json"
    assert stub.url not in refused.get_data(as_text=True)
    stub.respond = said('{"label": "positive"}')
    assert author.get("/lin/sentiment?sent=a") == {"label": "positive"}


def test_nobody_there_is_502(service: Service, stub: Stub) -> None:
    author = asking(service, stub.url)
    stub.close()
    with within(3):
        author.get("/lin/sentiment?sent=a", expect=502)


@pytest.mark.parametrize("way", ["silent", "dripping"])
def test_who_takes_too_long_is_504_within_three_seconds(service: Service, stub: Stub, way: str) -> None:
    author = asking(service, stub.url)
    stub.respond = getattr(stub, way)
    with within(3):
        author.get("/lin/sentiment?sent=a", expect=504)
    author.get("/notebooks")


def test_who_has_hung_once_is_asked_by_no_request_until_it_answers_again(service: Service, stub: Stub) -> None:
    author = asking(service, stub.url)
    stub.respond = stub.silent
    author.get("/lin/sentiment?sent=0", expect=504)
    with within(MOST_SECONDS):
        for number in range(1, 5):
            author.get(f"/lin/sentiment?sent={number}", expect=502)
    assert [each for each in stub.paths if "answer" not in each] == ["/sentiment?sent=0"]
    stub.respond = said('{"label": "positive"}')
    deadline = time.monotonic() + PATIENCE
    while (
        author.client.get(
            "/api/v1/lin/sentiment?sent=again", headers={"Authorization": f"Bearer {author.token}"}
        ).status_code
        != 200
    ):
        assert time.monotonic() < deadline


def test_what_is_known_is_answered_while_the_service_is_away(service: Service, stub: Stub) -> None:
    author = asking(service, stub.url)
    known: Any = author.get("/lin/sentiment?sent=known")
    stub.respond = hung_up
    for number in range(5):
        author.get(f"/lin/sentiment?sent={number}", expect=502)
    assert author.get("/lin/sentiment?sent=known") == known
