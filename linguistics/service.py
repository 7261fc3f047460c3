"""``GET /sentiment?sent=…`` as a WSGI application on loopback, and ``GET /healthz``.

Only our own API speaks to it, with a short cache in front: the server of the standard library is enough.
"""

import logging
import signal
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any, NoReturn
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import msgspec

from infra.settings import Settings, SettingsError
from linguistics.sentiment import judge

logger = logging.getLogger(__name__)

LONGEST_SENTENCE = 5000
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    status, value = _answer(environ)
    body = msgspec.json.encode(value)
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _answer(environ: dict[str, Any]) -> tuple[str, object]:
    if environ["REQUEST_METHOD"] != "GET":
        return "405 Method Not Allowed", {"error": "There is only GET."}
    if environ["PATH_INFO"] == "/healthz":
        return "200 OK", {"status": "ok"}
    if environ["PATH_INFO"] != "/sentiment":
        return "404 Not Found", {"error": "There is only /sentiment."}
    return _sentiment(environ.get("QUERY_STRING", ""))


def _sentiment(query: str) -> tuple[str, object]:
    sentence = parse_qs(query, keep_blank_values=True).get("sent", [""])[0]
    if not 1 <= len(sentence) <= LONGEST_SENTENCE:
        return "422 Unprocessable Content", {"error": f"sent must have 1 to {LONGEST_SENTENCE} characters."}
    return "200 OK", judge(sentence)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class _Quiet(WSGIRequestHandler):
    # Whoever connects and says nothing must not hold a thread for ever.
    timeout = 10

    def log_message(self, format: str, *args: Any) -> None:
        # The line holds the sentence, which is nobody's business.
        pass


def serve(port: int) -> WSGIServer:
    """A server that listens on loopback; 0 for any free port."""
    return make_server("127.0.0.1", port, application, _Server, _Quiet)


def _end(*_: object) -> NoReturn:
    # Nothing that takes a lock: the main thread, which this interrupts, might hold it.
    raise SystemExit(0)


def main(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    if settings.linguistics_port is None:
        raise SettingsError({"LINGUISTICS_URL": "names a service of your own; the embedded one has nothing to do"})
    server = serve(settings.linguistics_port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    logger.info("listening", extra={"port": settings.linguistics_port})
    server.serve_forever()
