"""Who the client is when proxies stand between.

``X-Forwarded-For`` grows to the right, one address by each proxy; what stands left of the first proxy that is ours was
written by a stranger. So it is read from the right, as long as the address that reported the next one is trusted. (A
fixed number of hops, as werkzeug's ProxyFix takes it, believes whoever reaches the service by a shorter way.)"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

READ_AT_ONCE = 64 * 1024
HSTS = ("Strict-Transport-Security", "max-age=31536000")


def behind_nginx(wsgi_app: Callable[..., Any]) -> Callable[..., Any]:
    """WSGI middleware for an API on a socket that only its own nginx opens (API_SOCKET): such a connection has no
    address, so nginx says who has connected. It writes this header anew, whatever a client has sent."""

    def passed_on(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        environ["REMOTE_ADDR"] = environ.pop("HTTP_X_SINPLUMA_PEER", "")
        try:
            return wsgi_app(environ, start_response)
        finally:
            # nginx already holds the whole body and is sending it. If we closed the connection meanwhile, it might
            # report our refusal as a 502.
            if environ.get("CONTENT_LENGTH", "0") != "0":
                while environ["wsgi.input"].read(READ_AT_ONCE):
                    pass

    return passed_on


class BehindProxies:
    """WSGI middleware: puts the client's address and scheme where everything looks for them."""

    def __init__(self, wsgi_app: Callable[..., Any], trusted: Iterable[str]) -> None:
        self._wsgi_app = wsgi_app
        networks = [ip_network(each, strict=False) for each in trusted]
        self._trusts = lru_cache(maxsize=1024)(lambda address: any(ip_address(address) in each for each in networks))

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        peer = _address(environ.get("REMOTE_ADDR", ""))
        if peer is None or not self._trusts(peer):
            return self._wsgi_app(environ, start_response)
        environ["REMOTE_ADDR"] = self._client(peer, environ.get("HTTP_X_FORWARDED_FOR", ""))
        if environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower() != "https":
            return self._wsgi_app(environ, start_response)
        environ["wsgi.url_scheme"] = "https"

        def start_securely(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start_response(status, [*headers, HSTS], *rest)

        return self._wsgi_app(environ, start_securely)

    def _client(self, peer: str, forwarded: str) -> str:
        """The first address from the right that none of ours is; the last one that makes sense when all are."""
        for hop in reversed(forwarded.split(",")):
            address = _address(hop.strip())
            if address is None or not self._trusts(peer):
                return peer
            peer = address
        return peer


@lru_cache(maxsize=1024)
def _address(text: str) -> str | None:
    """The plain form of ``192.0.2.1``, ``192.0.2.1:80``, ``2001:db8::1`` or ``[2001:db8::1]:80``, None of all else."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)
