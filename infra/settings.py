"""What the operator may choose, read once at the start of a process and never changed after.

Values come from the environment, then from `.env` in the checkout. What neither
says about the embedded services (their secrets and ports) is read from the two
files that `make run` writes under SINPLUMA_VAR. All problems are reported
together: an operator with three typos should not have to start four times.
"""

import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, quote, urlsplit

from dotenv import dotenv_values

CHECKOUT = Path(__file__).resolve().parent.parent

# Written by deploy/private.py, mode 600.
SECRETS_FILE = "secrets.env"
PORTS_FILE = "ports.env"

# Under 32 bytes an HMAC-SHA256 key is weaker than the hash (RFC 7518, 3.2).
SHORTEST_KEY = 32


class SettingsError(Exception):
    """Every wrong or missing setting at once, by the name of its variable."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        lines = (f"  {name}: {problem}" for name, problem in self.problems.items())
        super().__init__("these settings are wrong:\n" + "\n".join(lines))


@dataclass(frozen=True)
class Settings:
    """Whatever may hold a password stays out of repr(), so out of logs and tracebacks."""

    host: str
    port: int
    var: Path
    supervisor_port: int
    supervisor_password: str = field(repr=False)

    database_url: str = field(repr=False)
    database_read_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    s3_endpoint: str
    s3_access_key: str = field(repr=False)
    s3_secret_key: str = field(repr=False)
    s3_bucket: str
    s3_region: str
    s3_public_endpoint: str | None

    jwt_secret_key: str = field(repr=False)
    jwt_secret_key_previous: str | None = field(repr=False)
    # With it /metrics can be read from another machine, or through a proxy.
    metrics_token: str | None = field(repr=False)

    linguistics_url: str | None
    # Of the embedded service; None when the operator brings another one.
    linguistics_port: int | None
    honeybadger_api_key: str | None = field(repr=False)
    honeybadger_endpoint: str | None
    cors_origins: tuple[str, ...]
    ratelimit_enabled: bool
    trusted_proxies: tuple[str, ...]

    trash_days: int
    orphan_grace_seconds: int
    autosave_revision_seconds: int
    delivery_max_attempts: int
    # How long an API process may trust a session or a publication that it has
    # checked, before it asks again. A revocation waits this long before it answers.
    lease_seconds: float
    # The work factor of bcrypt, as a power of two.
    bcrypt_rounds: int
    api_workers: int
    api_threads: int


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check all settings.

    With `environ` given, nothing else is read: not os.environ, not `.env`, and
    the files of the embedded services only when it names SINPLUMA_VAR. So a test
    can never reach a running instance by leaving something out.
    """
    given = explicit_environment() if environ is None else dict(environ)
    reader = _Reader({name: value.strip() for name, value in given.items() if value.strip()})
    var = var_folder(reader.values)
    private = read_private(var) if environ is None or reader.has("SINPLUMA_VAR") else {}
    return _read(reader, var, private)


def explicit_environment() -> dict[str, str]:
    """What the operator said: `.env`, overridden by the environment."""
    # Not interpolated: a password may contain `${`.
    written = dotenv_values(CHECKOUT / ".env", interpolate=False)
    # An empty variable says nothing, as in a compose file that passes on what is not set.
    set_now = {name: value for name, value in os.environ.items() if value.strip()}
    return {name: value for name, value in written.items() if value is not None} | set_now


def var_folder(values: Mapping[str, str]) -> Path:
    """SINPLUMA_VAR; a relative one belongs to the checkout, whatever the working directory."""
    return (CHECKOUT / Path(values.get("SINPLUMA_VAR", "").strip() or "var").expanduser()).resolve()


def read_private(var: Path) -> dict[str, str]:
    """The secrets and ports that `make run` generated for this SINPLUMA_VAR; empty before the first run."""
    found: dict[str, str] = {}
    for name in (SECRETS_FILE, PORTS_FILE):
        if (var / name).is_file():
            found |= {k: v for k, v in dotenv_values(var / name, interpolate=False).items() if v}
    return found


def embedded_database_url(private: Mapping[str, str]) -> str:
    return (
        f"mysql+pymysql://sinpluma:{quote(private['DATABASE_PASSWORD'], safe='')}"
        f"@127.0.0.1:{private['DATABASE_PORT']}/sinpluma?charset=utf8mb4"
    )


def embedded_redis_url(private: Mapping[str, str]) -> str:
    return f"redis://:{quote(private['REDIS_PASSWORD'], safe='')}@127.0.0.1:{private['REDIS_PORT']}/0"


def embedded_s3_endpoint(private: Mapping[str, str]) -> str:
    return f"http://127.0.0.1:{private['S3_PORT']}"


def _read(reader: "_Reader", var: Path, private: Mapping[str, str]) -> Settings:
    database_url = reader.url("DATABASE_URL", _database, embedded=_embedded(embedded_database_url, private))
    s3 = _object_store(reader, private)
    port = private.get("LINGUISTICS_PORT")
    linguistics_port = int(port) if port and not reader.has("LINGUISTICS_URL") else None
    settings = Settings(
        host=reader.text("SINPLUMA_HOST", default="127.0.0.1"),
        port=reader.whole("SINPLUMA_PORT", 5000, 1, 65535),
        var=var,
        supervisor_port=reader.whole("SINPLUMA_SUPERVISOR_PORT", 9001, 1, 65535),
        supervisor_password=reader.text("SUPERVISOR_PASSWORD", default=private.get("SUPERVISOR_PASSWORD", "")),
        database_url=database_url,
        database_read_url=reader.url("DATABASE_READ_URL", _database, "")
        if reader.has("DATABASE_READ_URL")
        else database_url,
        redis_url=reader.url("REDIS_URL", _redis, embedded=_embedded(embedded_redis_url, private)),
        **s3,
        s3_bucket=reader.text("S3_BUCKET", default="sinpluma", allowed=_bucket),
        s3_region=reader.text("S3_REGION", default="us-east-1"),
        s3_public_endpoint=reader.optional_url("S3_PUBLIC_ENDPOINT"),
        jwt_secret_key=reader.key("JWT_SECRET_KEY", private.get("JWT_SECRET_KEY")),
        jwt_secret_key_previous=reader.optional_key("JWT_SECRET_KEY_PREVIOUS"),
        metrics_token=reader.optional_key("METRICS_TOKEN"),
        linguistics_url=reader.optional_url("LINGUISTICS_URL") or _embedded_linguistics_url(linguistics_port),
        linguistics_port=linguistics_port,
        honeybadger_api_key=reader.text("HONEYBADGER_API_KEY") or None,
        honeybadger_endpoint=reader.optional_url("HONEYBADGER_ENDPOINT"),
        cors_origins=reader.several("CORS_ORIGINS", _origin),
        ratelimit_enabled=reader.switch("RATELIMIT_ENABLED", True),
        trusted_proxies=reader.several("TRUSTED_PROXIES", _network),
        trash_days=reader.whole("TRASH_DAYS", 30, 0, 36500),
        orphan_grace_seconds=reader.whole("ORPHAN_GRACE_SECONDS", 86400, 0, 31_536_000),
        autosave_revision_seconds=reader.whole("AUTOSAVE_REVISION_SECONDS", 300, 0, 86400),
        delivery_max_attempts=reader.whole("DELIVERY_MAX_ATTEMPTS", 8, 1, 100),
        lease_seconds=reader.fraction("LEASE_SECONDS", 0.2, 0.0, 5.0),
        bcrypt_rounds=reader.whole("PASSWORD_ROUNDS", 12, 4, 20),
        api_workers=reader.whole("API_WORKERS", 2, 1, 256),
        api_threads=reader.whole("API_THREADS", 8, 1, 256),
    )
    if settings.port == settings.supervisor_port:
        reader.refuse("SINPLUMA_SUPERVISOR_PORT", f"is {settings.port}, like SINPLUMA_PORT; give each its own port")
    if reader.problems:
        raise SettingsError(reader.problems)
    return settings


def _embedded(make: Callable[[Mapping[str, str]], str], private: Mapping[str, str]) -> str:
    try:
        return make(private)
    except KeyError:
        return ""


def _object_store(reader: "_Reader", private: Mapping[str, str]) -> dict[str, str]:
    """The keys belong to the endpoint: an outside store must never be shown the embedded one's."""
    embedded = {} if reader.has("S3_ENDPOINT") else private
    fallback = _embedded(embedded_s3_endpoint, embedded)
    return {
        "s3_endpoint": reader.url("S3_ENDPOINT", _web, embedded=fallback),
        "s3_access_key": reader.required("S3_ACCESS_KEY", embedded.get("S3_ACCESS_KEY", "")),
        "s3_secret_key": reader.required("S3_SECRET_KEY", embedded.get("S3_SECRET_KEY", "")),
    }


def _embedded_linguistics_url(port: int | None) -> str | None:
    return f"http://127.0.0.1:{port}" if port else None


class _Reader:
    """Reads one variable at a time and collects what is wrong instead of raising."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values
        self.problems: dict[str, str] = {}

    def has(self, name: str) -> bool:
        return name in self.values

    def refuse(self, name: str, problem: str) -> None:
        self.problems.setdefault(name, problem)

    def text(self, name: str, default: str = "", allowed: Callable[[str], str | None] | None = None) -> str:
        value = self.values.get(name, default)
        problem = allowed(value) if allowed else None
        if problem:
            self.refuse(name, f"{value!r} {problem}")
        return value

    def required(self, name: str, default: str) -> str:
        value = self.values.get(name, default)
        if not value:
            self.refuse(name, "is missing; set it, or let `make run` set up the embedded services")
        return value

    def url(self, name: str, allowed: Callable[[SplitResult], str | None], embedded: str) -> str:
        """The value itself is not repeated in the message: it may hold a password."""
        value = self.required(name, embedded)
        problem = _url_problem(value, allowed) if value else None
        if problem:
            self.refuse(name, problem)
        return value

    def optional_url(self, name: str, allowed: Callable[[SplitResult], str | None] | None = None) -> str | None:
        return self.url(name, allowed or _web, "") if self.has(name) else None

    def key(self, name: str, default: str | None) -> str:
        value = self.required(name, default or "")
        if value and len(value.encode()) < SHORTEST_KEY:
            self.refuse(name, f"is too short; use at least {SHORTEST_KEY} random characters")
        return value

    def optional_key(self, name: str) -> str | None:
        return self.key(name, None) if self.has(name) else None

    def several(self, name: str, allowed: Callable[[str], str | None]) -> tuple[str, ...]:
        values = tuple(self.values.get(name, "").replace(",", " ").split())
        for value in values:
            if problem := allowed(value):
                self.refuse(name, f"{value!r} {problem}")
        return values

    def switch(self, name: str, default: bool) -> bool:
        value = self.values.get(name, "1" if default else "0").lower()
        if value not in ("0", "1", "true", "false", "yes", "no", "on", "off"):
            self.refuse(name, f"{value!r} is not a switch; use 1 or 0")
        return value in ("1", "true", "yes", "on")

    def whole(self, name: str, default: int, lowest: int, highest: int) -> int:
        return int(self._number(name, int, default, lowest, highest, "a whole number"))

    def fraction(self, name: str, default: float, lowest: float, highest: float) -> float:
        return self._number(name, float, default, lowest, highest, "a number")

    def _number(
        self, name: str, convert: Callable[[str], float], default: float, lowest: float, highest: float, kind: str
    ) -> float:
        value = self.values.get(name)
        if value is None:
            return default
        try:
            number = convert(value)
        except ValueError:
            number = float("nan")
        # A NaN fails both comparisons, so "nan" is refused as well.
        if not lowest <= number <= highest:
            self.refuse(name, f"{value!r} is not {kind} from {lowest} to {highest}")
            return default
        return number


def _url_problem(value: str, allowed: Callable[[SplitResult], str | None]) -> str | None:
    try:
        url = urlsplit(value)
    except ValueError:
        return "is not a URL"
    return allowed(url)


def _has_port(url: SplitResult) -> bool:
    try:
        return url.port is None or url.port > 0
    except ValueError:
        return False


def _database(url: SplitResult) -> str | None:
    right = url.scheme == "mysql+pymysql" and url.hostname and _has_port(url) and url.path.strip("/")
    return None if right else "must look like mysql+pymysql://USER:PASSWORD@HOST:PORT/DATABASE"


def _redis(url: SplitResult) -> str | None:
    # A Sentinel URL lists several hosts, which urlsplit cannot tell apart.
    if url.scheme == "redis+sentinel" and url.netloc and url.path.strip("/"):
        return None
    if url.scheme in ("redis", "rediss") and url.hostname and _has_port(url):
        return None
    return "must look like redis://, rediss://:PASSWORD@HOST:PORT/0 or redis+sentinel://HOST:PORT,HOST:PORT/SERVICE"


def _web(url: SplitResult) -> str | None:
    right = url.scheme in ("http", "https") and url.hostname and _has_port(url)
    return None if right else "must look like http://HOST:PORT or https://HOST"


def _origin(value: str) -> str | None:
    url = urlsplit(value)
    bare = not (url.path or url.query or url.fragment or url.username)
    return None if _web(url) is None and bare else "is not an origin such as https://app.example.org"


def _network(value: str) -> str | None:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return "is not an IP address or network such as 10.0.0.0/8"
    return None


def _bucket(value: str) -> str | None:
    right = 3 <= len(value) <= 63 and value == value.lower() and value.replace("-", "").replace(".", "").isalnum()
    return None if right else "is not a bucket name: 3 to 63 of a-z, 0-9, '-' and '.'"
