"""Devices that sign in and stay signed in, for the tests of accounts, limits and administration."""

import itertools
from typing import Any

from flask import Flask
from sqlalchemy import Engine, update
from werkzeug.test import TestResponse

from domain.commands.accounts import ChangeUser, change_user
from domain.unit_of_work import Cause, perform
from domain.user import ADMIN
from tests.service import PASSWORD, Author, Service

_numbers = itertools.count(1)


class Device:
    """One login of a user: its pair of tokens and what they open."""

    def __init__(self, app: Flask, email: str, pair: dict[str, Any]) -> None:
        self.app = app
        self.email = email
        self.user: dict[str, Any] = pair["user"]
        self.access: str = pair["access_token"]
        self.refresh: str = pair["refresh_token"]

    def ask(
        self, method: str, path: str, token: str | None = None, key: str | None = None, **more: Any
    ) -> TestResponse:
        headers = {"Authorization": f"Bearer {token or self.access}"} | ({"Idempotency-Key": key} if key else {})
        return self.app.test_client().open(f"/api/v1{path}", method=method, headers=headers, **more)

    def status(self, token: str | None = None) -> int:
        """What a read that needs a token answers."""
        return self.ask("GET", "/users/me", token).status_code

    def renew(self, token: str | None = None, key: str | None = None) -> TestResponse:
        return self.ask("POST", "/auth/refresh", token or self.refresh, key)

    def take(self, answer: TestResponse) -> None:
        """Go on with the pair of this answer."""
        assert answer.status_code == 200, answer.get_data(as_text=True)
        pair = answer.get_json()
        self.access, self.refresh = pair["access_token"], pair["refresh_token"]

    def author(self) -> Author:
        return Author(self.app.test_client(), self.user["username"], self.access, self.user["id"])


def registered(service: Service, name: str | None = None) -> str:
    """The e-mail of a new user."""
    name = name or f"someone{next(_numbers)}"
    email = f"{name}@example.org"
    service.anyone().post("/auth/register", {"username": name, "email": email, "password": PASSWORD})
    return email


def sign_in(app: Flask, email: str, password: str = PASSWORD, **more: Any) -> TestResponse:
    return app.test_client().post("/api/v1/auth/login", json={"email": email, "password": password}, **more)


def device(service: Service, email: str | None = None, password: str = PASSWORD) -> Device:
    """A new login; of a new user unless ``email`` says whose."""
    email = email or registered(service)
    answer = sign_in(service.app, email, password)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return Device(service.app, email, answer.get_json())


def administrator(service: Service) -> Device:
    who = device(service)
    command = ChangeUser(who.user["id"], ADMIN)
    perform(service.engine, Cause(None, "test"), lambda uow: change_user(command, uow))
    return device(service, who.email)


def shift(engine: Engine, column: Any, seconds: float) -> None:
    """Let time pass for what the database remembers."""
    from datetime import timedelta

    with engine.begin() as connection:
        for moment in set(connection.scalars(column.table.select().with_only_columns(column))):
            change = (
                update(column.table).where(column == moment).values({column.name: moment - timedelta(seconds=seconds)})
            )
            connection.execute(change)
