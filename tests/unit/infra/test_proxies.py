"""Proxies of the environment are for what is elsewhere."""

import base64
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from infra.linguistics import Linguistics
from infra.objects import Store
from infra.proxies import DIRECT, is_on_this_machine, proxy_for
from infra.settings import load_settings
from tests.service import NOWHERE


class Proxy(HTTPServer):
    """Takes whatever it is asked, and remembers for what and by whom."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Proxy

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Proxy-Authorization"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with Proxy() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://clerk:a%2Fb@127.0.0.1:{server.server_port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        yield server
        server.shutdown()


def own_address() -> str:
    """One of this machine's that is not loopback, where it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.2"
        return str(probe.getsockname()[0])


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "[::1]", own_address()])
def test_nothing_on_this_machine_is_asked_through_a_proxy(proxy: Proxy, host: str) -> None:
    assert proxy_for(f"http://{host}:9000/x") is None


@pytest.mark.parametrize("url", ["http://192.0.2.7:9000", "https://store.invalid"])
def test_what_is_elsewhere_is_asked_through_the_proxy_unless_no_proxy_says_otherwise(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    assert proxy_for(url) == f"http://clerk:a%2Fb@127.0.0.1:{proxy.server_port}"
    monkeypatch.setenv("no_proxy", "192.0.2.7,.invalid")
    assert proxy_for(url) is None


def test_without_a_proxy_no_name_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("looked up"))
    assert proxy_for("http://store.invalid") is None


def test_a_name_that_nobody_knows_is_elsewhere() -> None:
    assert not is_on_this_machine("store.invalid")


def test_store_and_linguistics_elsewhere_are_reached_through_the_proxy_with_its_password(proxy: Proxy) -> None:
    elsewhere = {"S3_ENDPOINT": "http://store.invalid:9000", "LINGUISTICS_URL": "http://words.invalid"}
    settings = load_settings(NOWHERE | elsewhere)
    assert b"".join(Store(settings).read("key")) == b"{}"
    assert Linguistics(settings).sentiment("Fine.") == b"{}"
    urls = [url for url, _ in proxy.asked]
    assert urls == ["http://store.invalid:9000/sinpluma/key", "http://words.invalid/sentiment?sent=Fine."]
    assert {sent for _, sent in proxy.asked} == {f"Basic {base64.b64encode(b'clerk:a/b').decode()}"}


def test_store_linguistics_and_probes_on_this_machine_are_reached_without_it(proxy: Proxy) -> None:
    with Proxy() as neighbour:
        threading.Thread(target=neighbour.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{neighbour.server_port}"
        settings = load_settings(NOWHERE | {"S3_ENDPOINT": url, "LINGUISTICS_URL": url})
        assert b"".join(Store(settings).read("key")) == b"{}"
        assert Linguistics(settings).sentiment("Fine.") == b"{}"
        DIRECT.open(f"{url}/readyz", timeout=5).close()
        assert [path for path, _ in neighbour.asked] == ["/sinpluma/key", "/sentiment?sent=Fine.", "/readyz"]
        neighbour.shutdown()
    assert proxy.asked == []
