"""Signing in: as the demo author, who is made when missing, or as somebody who has an account already."""

import secrets
from pathlib import Path

from seeding.client import Client
from seeding.errors import Refused, SeedError
from seeding.memory import demo_password

USERNAME = "sinpluma-demo"
EMAIL = "demo@example.org"
PROFILE = {"display_name": "Ana Sinpluma", "bio": "Writes without a pen, in three languages. A demo author."}


def sign_in_as_demo(client: Client, passwords: Path) -> str:
    """Sign in as the demo author, made if need be; answers the password."""
    password = demo_password(passwords, client.server)
    if client.sign_in(EMAIL, password):
        return password
    # A random key serves here: it only has to be the same while one lost answer is asked for again.
    registered = client.register(USERNAME, EMAIL, password, key=f"seed-{secrets.token_hex(16)}")
    # Not registered and yet known by this password: another seed.py was quicker.
    if not client.sign_in(EMAIL, password):
        raise SeedError("the demo account was made, but cannot sign in." if registered else _locked_out(passwords))
    if registered:
        _introduce(client)
    return password


def _introduce(client: Client) -> None:
    """Give the new account its profile; a demo without one is still a demo."""
    try:
        client.put(f"/users/{client.user['id']}", PROFILE)
    except Refused as refused:
        if refused.status not in {404, 405}:
            raise


def _locked_out(passwords: Path) -> str:
    return (
        f"the account {EMAIL} (or the name {USERNAME}) exists on this server, but its password is not the one in "
        f"{passwords}.\nBring that file back if you still have it, set SINPLUMA_VAR to where it lies, or import into "
        "another account: --email YOU@EXAMPLE.ORG, with its password in SINPLUMA_SEED_PASSWORD."
    )


def sign_in_as(client: Client, email: str, password: str) -> None:
    """Sign in to an account that exists."""
    if not client.sign_in(email, password):
        raise SeedError(f"the server does not know {email} with this password; the account must exist already.")
