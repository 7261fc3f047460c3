"""Tokens: how they are signed, and what is checked before one is believed.

A token names its key by ``kid``, which is unverified input: it only chooses from a fixed table of our own keys, the
current one and, during a rotation, the previous one. The algorithm is ours to say, never the token's.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token, decode_token

from domain.errors import WrongCredentials
from domain.session import LIFETIME, Session
from infra.settings import Settings

ACCESS_LIFETIME = timedelta(minutes=10)
ALGORITHM = "HS256"
# Between the clocks of two hosts. It only lets a token begin early: when it ends is checked to the second.
CLOCK_SKEW = timedelta(seconds=10)
NOT_VALID = "This token is not valid or has expired; refresh it or sign in again."


def configure(app: Flask, settings: Settings) -> None:
    """Teach an application to read and write our tokens."""
    app.config.update(
        JWT_ALGORITHM=ALGORITHM,
        JWT_DECODE_ALGORITHMS=[ALGORITHM],
        JWT_DECODE_LEEWAY=CLOCK_SKEW,
        # A moment and a random number that the library would add: a token made again for a repeated request must be
        # the same. Without cookies there is nothing to protect by the second.
        JWT_ENCODE_NBF=False,
        JWT_COOKIE_CSRF_PROTECT=False,
    )
    keys = {key_id(key): key for key in (settings.jwt_secret_key_previous, settings.jwt_secret_key) if key}
    manager = JWTManager(app)
    manager.encode_key_loader(lambda _: settings.jwt_secret_key)
    manager.additional_headers_loader(lambda _: {"kid": key_id(settings.jwt_secret_key)})
    manager.decode_key_loader(lambda header, _: keys[header["kid"]])


def key_id(key: str) -> str:
    """The ``kid`` of a token, for choosing a key; proves nothing."""
    return hashlib.sha256(b"sinpluma token key: " + key.encode()).hexdigest()[:16]


def pair(session: Session) -> dict[str, Any]:
    """Both tokens of the session; the same session always gives the same tokens."""
    return {
        "access_token": create_access_token(session.user_id, additional_claims=_claims(session, ACCESS_LIFETIME, "-a")),
        "refresh_token": create_refresh_token(session.user_id, additional_claims=_claims(session, LIFETIME)),
        "token_type": "Bearer",
        "expires_in": int(ACCESS_LIFETIME.total_seconds()),
    }


def _claims(session: Session, lifetime: timedelta, suffix: str = "") -> dict[str, Any]:
    begin: datetime = session.issued_at
    return {"sid": session.id, "jti": session.refresh_jti + suffix, "iat": begin, "exp": begin + lifetime}


@dataclass(frozen=True)
class Claims:
    """What a token says, once it is believed."""

    user_id: str
    session_id: str
    token_id: str
    expires_at: datetime


def read(token: str, kind: str) -> Claims:
    """What one of our tokens of this kind, ``access`` or ``refresh``, says.

    Raises:
        WrongCredentials: it is not one.
    """
    try:
        told = decode_token(token)
        expires_at = datetime.fromtimestamp(told["exp"], UTC)
        claims = Claims(told["sub"], told["sid"], told["jti"], expires_at)
    except Exception:
        # Untrusted input: whatever the decoder raises on it (deep nesting, a date out of range) means the same.
        raise WrongCredentials(NOT_VALID) from None
    if told["type"] != kind or not all(isinstance(told[name], str) for name in ("sub", "sid", "jti")):
        raise WrongCredentials(f"This is not {'an access' if kind == 'access' else 'a refresh'} token.")
    return claims
