"""The desk as files: what the build made, served beside the API under the same origin.

Around Flask and not in it: these are no routes of the API, and its document, its limits and its list of public routes
need not know them. A path that is none of the desk's goes on to the API.
"""

import hashlib
import mimetypes
import re
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from infra.settings import CHECKOUT, Settings

BUILT = CHECKOUT / "web" / "dist"
PAGE = "index.html"
# The placeholder in the page for the CSP nonce that admits the styles which the editor adds at run time.
NONCE = b"STYLE-NONCE"
_ID = "[0-9a-f]{32}"
# The paths that `web/src/app.tsx` routes. Every other path goes on to the API, and so to its 404.
SCREENS = re.compile(
    "/(?:sign-in|register|published|trash|search|profile|operators"
    f"|notebooks(?:/{_ID}(?:/pages/{_ID}(?:/history)?)?)?|read/{_ID}(?:/{_ID})?)?/?"
).fullmatch
# The service worker fetches on its own, under the policy of its own answer.
WORKER = "sw.js"
WORKER_POLICY = "default-src 'none'; connect-src 'self'"
# Asset names contain the hash of their content, so they can be cached for ever.
FOREVER = "public, max-age=31536000, immutable"
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
WsgiApp = Callable[..., Iterable[bytes]]


def serving(wsgi_app: WsgiApp, settings: Settings, built: Path = BUILT) -> WsgiApp:
    """The application with the desk beside it; as it is where the desk is not wanted or has not been built."""
    if not settings.web or not (built / PAGE).is_file():
        return wsgi_app
    return Desk(wsgi_app, built, settings)


def policy(settings: Settings) -> str:
    """What a page of the desk may load: its own files, and pictures from where they are redirected to."""
    store = urlsplit(settings.s3_public_endpoint or "")
    pictures = f" {store.scheme}://{store.netloc}" if store.netloc else ""
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-%s'; img-src 'self' blob: data:{pictures}; "
        "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


class Desk:
    def __init__(self, wsgi_app: WsgiApp, built: Path, settings: Settings) -> None:
        self._wsgi_app = wsgi_app
        self._page = (built / PAGE).read_bytes()
        self._policy = policy(settings)
        files = (path for path in built.rglob("*") if path.is_file() and path.name != PAGE)
        self._files = {f"/{path.relative_to(built).as_posix()}": path for path in files}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self._wsgi_app(environ, start_response)
        if SCREENS(path):
            return self._answer_page(environ, start_response)
        file = self._files.get(path)
        return self._answer_file(file, environ, start_response) if file else self._wsgi_app(environ, start_response)

    def _answer_page(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        nonce = secrets.token_urlsafe(16)
        headers = [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Security-Policy", self._policy % nonce),
            ("Cache-Control", "no-cache"),
        ]
        return _send(self._page.replace(NONCE, nonce.encode()), headers, environ, start_response)

    def _answer_file(self, file: Path, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        forever = file.parent.name == "assets"
        headers = [
            ("Content-Type", _content_type(file.name)),
            ("Cache-Control", FOREVER if forever else "no-cache"),
            ("Vary", "Accept-Encoding"),
        ]
        if file.name == WORKER:
            headers.append(("Content-Security-Policy", WORKER_POLICY))
        encoding, chosen = self._encoded(file, environ.get("HTTP_ACCEPT_ENCODING", ""))
        if encoding:
            headers.append(("Content-Encoding", encoding))
        try:
            body = chosen.read_bytes()
        except OSError:
            # The desk was rebuilt after this process started; the file has another name now.
            return self._wsgi_app(environ, start_response)
        etag = f'"{hashlib.blake2b(body, digest_size=9).hexdigest()}"'
        headers.append(("ETag", etag))
        if etag in environ.get("HTTP_IF_NONE_MATCH", ""):
            start_response("304 Not Modified", headers[1:])
            return []
        return _send(body, headers, environ, start_response)

    def _encoded(self, file: Path, accepted: str) -> tuple[str, Path]:
        offered = {each.partition(";")[0].strip().lower() for each in accepted.split(",")}
        for encoding, ending in ENCODINGS:
            made = file.with_name(file.name + ending)
            if encoding in offered and made in self._files.values():
                return encoding, made
        return "", file


def _content_type(name: str) -> str:
    if name.endswith(".js"):
        return "text/javascript; charset=utf-8"
    found, _ = mimetypes.guess_type(name)
    return found or "application/octet-stream"


def _send(
    body: bytes, headers: list[tuple[str, str]], environ: dict[str, Any], start_response: Callable[..., Any]
) -> Iterable[bytes]:
    start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
