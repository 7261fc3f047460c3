"""Who asks: tokens, the session behind them, and the short list of routes that anyone may use."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import cast

from apiflask import APIFlask
from flask import Flask, g, request
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt import PyJWTError

from api.services import Actor, services
from domain.commands.accounts import SESSION_LIFETIME, Session, live_session
from domain.errors import Forbidden, WrongCredentials
from domain.user import ADMIN, hash_password
from infra.clock import now
from infra.database import retrying_reads
from infra.settings import Settings

ACCESS_LIFETIME = timedelta(minutes=10)

# Everything else needs a token; a test holds this list against the routes.
PUBLIC = frozenset(
    {
        "accounts.register",
        "accounts.login",
        "accounts.get_user",
        "notebooks.list_notebooks",
        "notebooks.get_notebook",
        "pages.get_page",
        "search.search",
        "health.healthz",
        "health.readyz",
        "openapi.spec",
        "openapi.docs",
    }
)


def register(app: APIFlask) -> None:
    configure_tokens(app, app.extensions["sinpluma"].settings)
    app.before_request(_identify)


def configure_tokens(app: Flask, settings: Settings) -> None:
    """Teach an application to read and write our tokens."""
    app.config.update(
        JWT_SECRET_KEY=settings.jwt_secret_key,
        JWT_ALGORITHM="HS256",
        JWT_ACCESS_TOKEN_EXPIRES=ACCESS_LIFETIME,
        JWT_REFRESH_TOKEN_EXPIRES=SESSION_LIFETIME,
    )
    JWTManager(app)


def _identify() -> None:
    """Find out who asks; refuse a bad token everywhere, and a missing one on routes that are not public."""
    g.actor = None
    header = request.environ.get("HTTP_AUTHORIZATION")
    if header is not None:
        g.actor = actor_of(header)
    elif request.endpoint is not None and request.endpoint not in PUBLIC:
        raise WrongCredentials("Sign in, and send the access token as 'Authorization: Bearer …'.")


def actor_of(header: str) -> Actor:
    """The user whose access token the Authorization header carries.

    Raises:
        WrongCredentials: the token is malformed, forged, expired, or its session is over.
    """
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise WrongCredentials("The Authorization header must read 'Bearer' and an access token.")
    actor = services().sessions.get(token, lambda _: _checked(token))
    if actor.expires_at <= now():
        raise WrongCredentials("This token has expired; refresh it or sign in again.")
    return actor


def _checked(token: str) -> Actor:
    try:
        claims = decode_token(token)
    except (PyJWTError, JWTExtendedException, ValueError, KeyError):
        raise WrongCredentials("This token is not valid or has expired; refresh it or sign in again.") from None
    if claims.get("type") != "access" or not isinstance(claims.get("sid"), str):
        raise WrongCredentials("This is not an access token.")
    return _of_live_session(claims["sid"], claims["sub"], claims["exp"])


def _of_live_session(session_id: str, user_id: str, expires: int) -> Actor:
    def read():  # type: ignore[no-untyped-def]
        with services().reading.connect() as connection:
            return live_session(connection, session_id)

    session = retrying_reads(read)
    if session is None or session.user_id != user_id:
        raise WrongCredentials("This session is over; sign in again.")
    return Actor(user_id, session_id, session.role, datetime.fromtimestamp(expires, UTC))


def actor() -> Actor:
    """The signed-in user; only for routes that need one."""
    if g.actor is None:
        raise WrongCredentials("Sign in, and send the access token as 'Authorization: Bearer …'.")
    return cast(Actor, g.actor)


def maybe_actor() -> Actor | None:
    """The signed-in user, None when nobody is."""
    return cast(Actor | None, g.actor)


def require_admin(who: Actor) -> None:
    if who.role != ADMIN:
        raise Forbidden("Only administrators may do this.")


def tokens_for(session: Session) -> dict[str, object]:
    """A pair of tokens that name the session."""
    claims = {"sid": session.id}
    return {
        "access_token": create_access_token(session.user_id, additional_claims=claims),
        "refresh_token": create_refresh_token(session.user_id, additional_claims=claims),
        "token_type": "Bearer",
        "expires_in": int(ACCESS_LIFETIME.total_seconds()),
    }


def decoy_hash() -> str:
    """What a password is held against when there is no such user, so that it takes as long as when there is."""
    return _decoy(services().settings.bcrypt_rounds)


@cache
def _decoy(rounds: int) -> str:
    return hash_password("nobody has this password", rounds)
