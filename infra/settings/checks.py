"""What a value must look like. Each check answers None, or what is wrong with the value, in words that follow the
setting's name and do not repeat what may be a password."""

import ipaddress
from urllib.parse import SplitResult, urlsplit


def _has_port(url: SplitResult) -> bool:
    try:
        return url.port is None or url.port > 0
    except ValueError:
        return False


def database(url: SplitResult) -> str | None:
    right = url.scheme == "mysql+pymysql" and url.hostname and _has_port(url) and url.path.strip("/")
    return None if right else "must look like mysql+pymysql://USER:PASSWORD@HOST:PORT/DATABASE"


def redis(url: SplitResult) -> str | None:
    # A Sentinel URL lists several hosts, which urlsplit cannot tell apart.
    if url.scheme == "redis+sentinel" and url.netloc and url.path.strip("/"):
        return None
    if url.scheme in ("redis", "rediss") and url.hostname and _has_port(url):
        return None
    return "must look like redis://, rediss://:PASSWORD@HOST:PORT/0 or redis+sentinel://HOST:PORT,HOST:PORT/SERVICE"


def web(url: SplitResult) -> str | None:
    right = url.scheme in ("http", "https") and url.hostname and _has_port(url)
    return None if right else "must look like http://HOST:PORT or https://HOST"


def origin(value: str) -> str | None:
    url = urlsplit(value)
    bare = not (url.path or url.query or url.fragment or url.username)
    return None if web(url) is None and bare else "is not an origin such as https://app.example.org"


def network(value: str) -> str | None:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return "is not an IP address or network such as 10.0.0.0/8"
    return None


def bucket(value: str) -> str | None:
    right = 3 <= len(value) <= 63 and value == value.lower() and value.replace("-", "").replace(".", "").isalnum()
    return None if right else "is not a bucket name: 3 to 63 of a-z, 0-9, '-' and '.'"
