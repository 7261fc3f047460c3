"""What a value must look like. Each check answers None, or what is wrong with the value in words that follow the
setting's name and, for a URL, repeat nothing of it that may belong to a password."""

import inspect
import ipaddress
import os
import re
from collections.abc import Callable, Iterable
from urllib.parse import SplitResult, parse_qsl, urlsplit

ESCAPES = "write @ as %40, # as %23, / as %2F, ? as %3F and % as %25"
# Options of PyMySQL that a URL says elsewhere, or cannot say.
NOT_IN_A_URL = frozenset(
    {"auth_plugin_map", "compress", "conv", "cursorclass", "database", "db", "defer_connect", "host", "named_pipe"}
    | {"passwd", "password", "port", "server_public_key", "ssl", "user"}
)
FILES_OF_DATABASE = ("ssl_ca", "ssl_cert", "ssl_key")
FILES_OF_REDIS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")

# Of a Redis server's databases, behind the host.
NUMBER = re.compile("/?[0-9]*")


def _has_port(url: SplitResult) -> bool:
    try:
        return url.port is None or url.port > 0
    except ValueError:
        return False


def _is_cut_short(url: SplitResult) -> bool:
    """A # / or ? in the password ended the part of the URL that names user and host: the @ came too late."""
    return "@" in url.path or "@" in url.query or "@" in url.fragment


def database(url: SplitResult) -> str | None:
    # SQLAlchemy takes what follows the first @ for the host, and so would show the rest of the password in its errors.
    if _is_cut_short(url) or url.netloc.count("@") > 1:
        return f"has a password (or user) with a character that means something in a URL: {ESCAPES}"
    if url.fragment or url.scheme != "mysql+pymysql" or not (url.hostname and _has_port(url) and url.path.strip("/")):
        return "must look like mysql+pymysql://USER:PASSWORD@HOST:PORT/DATABASE"
    return _database_options(url)


def _database_options(url: SplitResult) -> str | None:
    if not url.query:
        return None
    from pymysql.connections import Connection

    known = inspect.signature(Connection).parameters.keys() - NOT_IN_A_URL
    return _option_problem(url, known, FILES_OF_DATABASE) or _refused_by(_database_driver, url)


def _database_driver(url: str) -> None:
    from pymysql.connections import Connection
    from sqlalchemy import make_url

    parts = make_url(url)
    positional, options = parts.get_dialect()().create_connect_args(parts)
    Connection(*positional, **options, defer_connect=True)


def redis(url: SplitResult) -> str | None:
    if _is_cut_short(url):
        return f"has a password (or user) with a character that means something in a URL: {ESCAPES}"
    # A Sentinel URL lists several hosts, which urlsplit cannot tell apart.
    if url.scheme == "redis+sentinel" and url.netloc and url.path.strip("/"):
        return None
    if url.scheme in ("redis", "rediss") and url.hostname and _has_port(url) and NUMBER.fullmatch(url.path):
        return _redis_options(url)
    return "must look like redis://, rediss://:PASSWORD@HOST:PORT/0 or redis+sentinel://HOST:PORT,HOST:PORT/SERVICE"


def _redis_options(url: SplitResult) -> str | None:
    if not url.query:
        return None
    from redis.connection import AbstractConnection, Connection, ConnectionPool, SSLConnection

    kinds = [AbstractConnection, Connection, ConnectionPool, *([SSLConnection] if url.scheme == "rediss" else [])]
    known = {name for kind in kinds for name in inspect.signature(kind).parameters}
    return _option_problem(url, known, FILES_OF_REDIS) or _refused_by(ConnectionPool.from_url, url)


def _option_problem(url: SplitResult, known: Iterable[str], files: Iterable[str]) -> str | None:
    options = parse_qsl(url.query, keep_blank_values=True)
    if unknown := [name for name, _ in options if name not in known]:
        return f"has an option that its driver does not know: {unknown[0][:40]!r}"
    for name, path in options:
        if name in files and not os.access(path, os.R_OK):
            return f"names a file that is not there or cannot be read: {name}={path}"
    return None


def _refused_by(driver: Callable[[str], object], url: SplitResult) -> str | None:
    """What is wrong with the values of its options, which the driver looks at without connecting."""
    try:
        driver(url.geturl())
    except Exception as error:  # of any kind: an SSL error, a look-up in a table of theirs that finds nothing
        names = ", ".join(name for name, _ in parse_qsl(url.query, keep_blank_values=True))
        # Not in its own words, which may repeat a password.
        return f"has an option with a value that its driver refuses ({type(error).__name__}); look at {names}"
    return None


def web(url: SplitResult) -> str | None:
    right = url.scheme in ("http", "https") and url.hostname and _has_port(url)
    return None if right else "must look like http://HOST:PORT or https://HOST"


def store(url: SplitResult) -> str | None:
    """An S3 endpoint is a host; the bucket is a setting of its own."""
    if problem := web(url):
        return problem
    if url.username or url.password:
        return "must not hold a user or password; those are S3_ACCESS_KEY and S3_SECRET_KEY"
    if url.path.strip("/") or url.query or url.fragment:
        return "must end after the host and port: http://HOST:PORT or https://HOST; the bucket is S3_BUCKET"
    return None


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


def supervisor_password(value: str) -> str | None:
    return "must not begin with {SHA}: supervisor would take it for a digest" if value.startswith("{SHA}") else None


def access_log(value: str) -> str | None:
    return None if value in ("all", "changes", "none") else "is none of all, changes, none"


def registration(value: str) -> str | None:
    return None if value in ("open", "closed") else "is neither open nor closed"
