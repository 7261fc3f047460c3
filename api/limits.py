"""Which requests are limited, how, and what the answers say of it (docs/limits.md)."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any

from flask import Request, request
from werkzeug.exceptions import TooManyRequests

from api.permits import Limit, Standing
from api.services import services
from domain.user import fold


@dataclass(frozen=True)
class Rule:
    """The limit of a signed-in user, and of an address that nobody has signed in from."""

    user: Limit
    address: Limit


READ = Rule(Limit("read", 3000), Limit("read", 3000))
SEARCH = Rule(Limit("search", 600), Limit("search", 600))
CHANGE = Rule(Limit("change", 1200), Limit("change", 120))
PASSWORD = Rule(Limit("password", 10), Limit("change", 120))
# By the address alone, signed in or not: nobody buys more attempts by having an account.
ATTEMPT = Limit("login", 30)
# Per account and address, and per account from all addresses. Guessing from one address cannot use up the second, so it
# locks nobody out elsewhere.
ACCOUNT = Limit("account", 10)
ACCOUNT_ANYWHERE = Limit("account-anywhere", 100)

# What a user's changes write in a day, in units: each answer twice, as the event that it tells of and as its receipt.
# Quotas count what is kept; this bounds what is kept for a while (docs/limits.md).
UNIT_BYTES = 4096
WRITTEN = Limit("written", 2 * 2**20, seconds=24 * 3600)

RULES = {"search.search": SEARCH, "accounts.change_password": PASSWORD}
LOGIN = "accounts.login"
# What is outside is for machines that watch, and documents that never change.
LIMITED = "/api/"
STANDING = "sinpluma.standing"


def count(asked: Request, user_id: str | None) -> None:
    """Count a request, once it is known who asks.

    Raises:
        TooManyRequests: the limit is reached.
    """
    if not asked.path.startswith(LIMITED):
        return
    if asked.endpoint == LOGIN:
        _count(asked.environ, ATTEMPT, _address(asked))
        return
    rule = _rule(asked.endpoint or "", asked.method)
    if user_id is None:
        _count(asked.environ, rule.address, _address(asked))
    else:
        _count(asked.environ, rule.user, user_id)


def count_login(email: str) -> None:
    """Count an attempt to sign in to this account, whether there is one or not.

    Raises:
        TooManyRequests: the limit is reached.
    """
    # Hashed, since the dashboard shows what lies in Redis. Normalised first: spellings that the database treats as one
    # account count as one.
    account = hashlib.blake2b(fold(email.strip()).encode(), digest_size=16).hexdigest()
    _count(request.environ, ACCOUNT, f"{account}:{_address(request)}")
    _count(request.environ, ACCOUNT_ANYWHERE, account)


def count_attempt() -> None:
    """Count an attempt to sign in from this address, outside the API."""
    _count(request.environ, ATTEMPT, _address(request))


def require_leave_to_write(user_id: str) -> None:
    """
    Raises:
        TooManyRequests: this user's changes have written as much as they may in a day.
    """
    limiter = services().limiter
    standing = limiter.looked_at(WRITTEN, user_id) if limiter else None
    if standing and standing.is_over:
        seconds = standing.window.seconds_left
        raise TooManyRequests(f"That was too much text in one day; try again in {seconds} s.", retry_after=seconds)


def count_written(user_id: str, size: int) -> None:
    """Count an answer of this size to a change, which is done."""
    if limiter := services().limiter:
        limiter.count(WRITTEN, user_id, -(-2 * size // UNIT_BYTES))


def _count(environ: dict[str, Any], limit: Limit, holder: str) -> None:
    limiter = services().limiter
    if limiter is None:
        return
    standing = limiter.count(limit, holder)
    known: Standing | None = environ.get(STANDING)
    # Of several limits the answer tells the one that is nearest.
    if known is None or standing.remaining < known.remaining:
        environ[STANDING] = standing
    if standing.is_over:
        seconds = standing.window.seconds_left
        raise TooManyRequests(f"That was too much in one minute; try again in {seconds} s.", retry_after=seconds)


def telling(wsgi_app: Callable[..., Any]) -> Callable[..., Any]:
    """WSGI middleware: adds the rate-limit headers to each answer."""

    # Here and not in Flask, whose headers cost ten times as much to set.
    def told(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            standing = environ.get(STANDING)
            return start_response(status, headers + _headers(standing) if standing else headers, *rest)

        return wsgi_app(environ, start)

    return told


def _headers(standing: Standing) -> list[tuple[str, str]]:
    window, remaining, _ = standing
    return [
        ("X-RateLimit-Limit", str(window.limit.most)),
        ("X-RateLimit-Remaining", str(remaining)),
        ("X-RateLimit-Reset", window.resets_at),
    ]


@lru_cache(maxsize=1024)
def _rule(endpoint: str, method: str) -> Rule:
    return RULES.get(endpoint) or (READ if method in ("GET", "HEAD", "OPTIONS") else CHANGE)


def _address(asked: Request) -> str:
    address = asked.remote_addr or ""
    return _network(address) if ":" in address else address


@lru_cache(maxsize=1024)
def _network(address: str) -> str:
    """An IPv6 subscriber has 2**64 addresses, so the whole /64 counts as one."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
