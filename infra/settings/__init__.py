"""What the operator may choose, read once at the start of a process and never changed after.

Values come from the environment, then from `.env` in the checkout. What neither
says about the embedded services (their secrets and ports) is read from the two
files that `make run` writes under SINPLUMA_VAR. All problems are reported
together: an operator with three typos should not have to start four times.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from infra.settings import checks, names
from infra.settings.embedded import (
    embedded_database_url,
    embedded_linguistics_url,
    embedded_redis_url,
    embedded_s3_endpoint,
)
from infra.settings.reader import Reader, SettingsError
from infra.settings.sources import (
    CHECKOUT,
    PORTS_FILE,
    SECRETS_FILE,
    explicit_environment,
    read_private,
    var_folder,
    written_settings,
)

__all__ = [
    "CHECKOUT",
    "PORTS_FILE",
    "SECRETS_FILE",
    "Settings",
    "SettingsError",
    "embedded_database_url",
    "embedded_redis_url",
    "embedded_s3_endpoint",
    "explicit_environment",
    "load_settings",
    "read_private",
    "var_folder",
]


@dataclass(frozen=True)
class Settings:
    """Whatever may hold a password stays out of repr(), so out of logs and tracebacks."""

    host: str
    port: int
    var: Path
    # Whether `run.py up` puts nginx before the API.
    nginx: bool
    # Where the API listens instead of host and port, for the nginx of deploy/nginx.conf.
    api_socket: Path | None
    # Where that nginx finds the objects of the embedded store; None when there is none of the two.
    objects_folder: Path | None
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
    # Whether strangers may make accounts.
    registration_open: bool
    ratelimit_enabled: bool
    # Whether the desk, the client for the browser, is served at `/`.
    web: bool
    trusted_proxies: tuple[str, ...]

    # What one user may have; 0: as much as there is room for.
    quota_notebooks: int
    quota_text_bytes: int
    quota_picture_bytes: int

    trash_days: int
    orphan_grace_seconds: int
    autosave_revision_seconds: int
    delivery_max_attempts: int
    # How long an API process may trust a session or a publication that it has
    # checked, before it asks again. A revocation waits this long before it answers.
    lease_seconds: float
    # The most that one API process keeps of finished answers and of what it believes for a lease.
    cache_bytes: int
    # The work factor of bcrypt, as a power of two.
    bcrypt_rounds: int
    api_workers: int
    api_threads: int
    # Which requests get a line in the log: all, changes, none.
    access_log: str
    # What the environment holds that looks like a misspelt setting, for the person who starts the service.
    remarks: tuple[str, ...] = ()


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check all settings.

    With `environ` given, nothing else is read: not os.environ, not `.env`, and
    the files of the embedded services only when it names SINPLUMA_VAR. So a test
    can never reach a running instance by leaving something out.
    """
    given = explicit_environment() if environ is None else dict(environ)
    reader = Reader({name: value.strip() for name, value in given.items() if value.strip()})
    var = var_folder(reader.values)
    private = read_private(var) if reader.has("SINPLUMA_VAR") or environ is None else {}
    settings = _read(reader, var, private)
    for name, problem in names.unknown(reader.values, reader.known).items():
        reader.refuse(name, problem)
    misspelt = names.misspelt(given, reader.known)
    for name in written_settings() if environ is None else ():
        # That file is for our settings; what the environment holds may be somebody else's.
        if name in misspelt:
            reader.refuse(name, misspelt[name])
    if reader.problems:
        raise SettingsError(reader.problems)
    return replace(settings, remarks=tuple(f"{name} {problem}" for name, problem in misspelt.items()))


def _read(reader: Reader, var: Path, private: Mapping[str, str]) -> Settings:
    database_url = reader.url("DATABASE_URL", checks.database, embedded=_embedded(embedded_database_url, private))
    endpoint, access_key, secret_key = _object_store(reader, private)
    port = private.get("LINGUISTICS_PORT")
    linguistics_port = int(port) if port and not reader.has("LINGUISTICS_URL") else None
    settings = Settings(
        host=reader.text("SINPLUMA_HOST", default="127.0.0.1"),
        port=reader.whole("SINPLUMA_PORT", 5000, 1, 65535),
        var=var,
        nginx=reader.switch("NGINX", True),
        api_socket=Path(reader.text("API_SOCKET")) if reader.has("API_SOCKET") else None,
        objects_folder=_objects_folder(reader, var),
        supervisor_port=reader.whole("SINPLUMA_SUPERVISOR_PORT", 9001, 1, 65535),
        supervisor_password=reader.secret(
            "SUPERVISOR_PASSWORD", private.get("SUPERVISOR_PASSWORD", ""), checks.supervisor_password
        ),
        database_url=database_url,
        database_read_url=reader.url("DATABASE_READ_URL", checks.database, "")
        if reader.has("DATABASE_READ_URL")
        else database_url,
        redis_url=reader.url("REDIS_URL", checks.redis, embedded=_embedded(embedded_redis_url, private)),
        s3_endpoint=endpoint,
        s3_access_key=access_key,
        s3_secret_key=secret_key,
        s3_bucket=reader.text("S3_BUCKET", default="sinpluma", allowed=checks.bucket),
        s3_region=reader.text("S3_REGION", default="us-east-1"),
        s3_public_endpoint=reader.optional_url("S3_PUBLIC_ENDPOINT", checks.store),
        jwt_secret_key=reader.key("JWT_SECRET_KEY", private.get("JWT_SECRET_KEY")),
        jwt_secret_key_previous=reader.optional_key("JWT_SECRET_KEY_PREVIOUS"),
        metrics_token=reader.optional_key("METRICS_TOKEN"),
        linguistics_url=reader.optional_url("LINGUISTICS_URL") or embedded_linguistics_url(linguistics_port),
        linguistics_port=linguistics_port,
        **_choices(reader),
    )
    if settings.port == settings.supervisor_port:
        reader.refuse("SINPLUMA_SUPERVISOR_PORT", f"is {settings.port}, like SINPLUMA_PORT; give each its own port")
    if settings.honeybadger_endpoint and not settings.honeybadger_api_key:
        reader.refuse("HONEYBADGER_ENDPOINT", "does nothing without HONEYBADGER_API_KEY; set that too, or take it out")
    return settings


def _choices(reader: Reader) -> dict[str, Any]:
    """What has a default that most keep."""
    return {
        "honeybadger_api_key": reader.text("HONEYBADGER_API_KEY") or None,
        "honeybadger_endpoint": reader.optional_url("HONEYBADGER_ENDPOINT"),
        "cors_origins": reader.several("CORS_ORIGINS", checks.origin),
        "registration_open": reader.text("REGISTRATION", default="open", allowed=checks.registration) == "open",
        "ratelimit_enabled": reader.switch("RATELIMIT_ENABLED", True),
        "web": reader.switch("WEB", True),
        "trusted_proxies": reader.several("TRUSTED_PROXIES", checks.network),
        "quota_notebooks": reader.whole("QUOTA_NOTEBOOKS", 1000, 0, 10**9),
        "quota_text_bytes": reader.whole("QUOTA_TEXT_BYTES", 2**30, 0, 2**60),
        "quota_picture_bytes": reader.whole("QUOTA_PICTURE_BYTES", 5 * 2**30, 0, 2**60),
        "trash_days": reader.whole("TRASH_DAYS", 30, 0, 36500),
        "orphan_grace_seconds": reader.whole("ORPHAN_GRACE_SECONDS", 86400, 0, 31_536_000),
        "autosave_revision_seconds": reader.whole("AUTOSAVE_REVISION_SECONDS", 300, 0, 86400),
        "delivery_max_attempts": reader.whole("DELIVERY_MAX_ATTEMPTS", 8, 1, 100),
        "lease_seconds": reader.fraction("LEASE_SECONDS", 0.2, 0.0, 5.0),
        "cache_bytes": reader.whole("CACHE_BYTES", 64 * 1024 * 1024, 1024 * 1024, 1024**4),
        "bcrypt_rounds": reader.whole("PASSWORD_ROUNDS", 12, 4, 20),
        "api_workers": reader.whole("API_WORKERS", 2, 1, 256),
        "api_threads": reader.whole("API_THREADS", 8, 1, 256),
        "access_log": reader.text("ACCESS_LOG", "changes", checks.access_log),
    }


def _embedded(make: Callable[[Mapping[str, str]], str], private: Mapping[str, str]) -> str:
    try:
        return make(private)
    except KeyError:
        return ""


def _objects_folder(reader: Reader, var: Path) -> Path | None:
    if not reader.has("API_SOCKET") or reader.has("S3_ENDPOINT"):
        return None
    return var / "objects" / "data" / reader.values.get("S3_BUCKET", "sinpluma")


def _object_store(reader: Reader, private: Mapping[str, str]) -> tuple[str, str, str]:
    """Endpoint and keys. The keys belong to the endpoint: an outside store must never be shown the embedded one's."""
    embedded = {} if reader.has("S3_ENDPOINT") else private
    return (
        reader.url("S3_ENDPOINT", checks.store, embedded=_embedded(embedded_s3_endpoint, embedded)),
        reader.required("S3_ACCESS_KEY", embedded.get("S3_ACCESS_KEY", "")),
        reader.required("S3_SECRET_KEY", embedded.get("S3_SECRET_KEY", "")),
    )
