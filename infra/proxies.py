"""Through which proxy of the environment a request of ours goes: through none to what is on this machine."""

import ipaddress
import os
import socket
import urllib.request
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3

# For what is on this machine. A company's proxy would look for it on its own.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def proxy_for(url: str) -> str | None:
    """The URL of the proxy, user and password included, or None."""
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy or not parts.hostname:
        return None
    if urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]) or is_on_this_machine(parts.hostname):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    # What a SOCKS proxy would need is not installed.
    return proxy if proxy.startswith(("http://", "https://")) else None


def pool_for(url: str, **options: Any) -> urllib3.PoolManager:
    """Connections to the server of that URL, through its proxy if it has one."""
    proxy = proxy_for(url)
    if not proxy:
        return urllib3.PoolManager(**options)
    parts = urlsplit(proxy)
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else None
    return urllib3.ProxyManager(
        parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(),
        proxy_headers=urllib3.make_headers(proxy_basic_auth=user),
        **options,
    )


def is_on_this_machine(host: str) -> bool:
    """A loopback address or one of this machine's own; a name that cannot be looked up is elsewhere."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return any(_is_own(family, str(address[0])) for family, _, _, _, address in found)


def _is_own(family: socket.AddressFamily, address: str) -> bool:
    if ipaddress.ip_address(address).is_loopback:
        return True
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            # Only an own address can be bound.
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def forget_proxies() -> None:
    """For a process that speaks to this machine alone, and the processes that it starts."""
    for name in list(os.environ):
        if name.lower() in ("http_proxy", "https_proxy", "all_proxy"):
            del os.environ[name]
