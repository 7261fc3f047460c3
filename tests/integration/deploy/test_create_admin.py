import pytest
from sqlalchemy import Engine

from domain.commands.accounts import Register, find_by_email, register
from domain.passwords import hash_password, verify_password
from domain.unit_of_work import Cause, perform
from domain.user import User
from infra.settings import Settings
from operate.admins import NotAdmitted, create_admin


def account(engine: Engine, email: str) -> User:
    with engine.connect() as connection:
        found = find_by_email(connection, email)
    assert found
    return found


def test_an_account_that_exists_is_promoted_and_keeps_its_password(db, settings: Settings):
    command = Register("reader", "Reader@example.org", hash_password("a long enough one", 4))
    perform(db, Cause(None, "test"), lambda uow: register(command, uow))
    said = create_admin(settings, "reader@example.org")
    found = account(db, "reader@example.org")
    assert found.administers
    assert verify_password("a long enough one", found.password_hash)
    assert "reader" in said
    assert "password:" not in said


def test_repeated_it_changes_nothing(db, settings: Settings, monkeypatch):
    monkeypatch.setenv("SINPLUMA_ADMIN_PASSWORD", "quite unlikely to be guessed")
    create_admin(settings, "first@example.org")
    before = account(db, "first@example.org")
    create_admin(settings, "first@example.org")
    assert vars(account(db, "first@example.org")) == vars(before)


def test_a_new_one_takes_the_password_of_the_environment(db, settings: Settings, monkeypatch):
    monkeypatch.setenv("SINPLUMA_ADMIN_PASSWORD", "quite unlikely to be guessed")
    said = create_admin(settings, "first.admin+x@example.org")
    found = account(db, "first.admin+x@example.org")
    assert found.administers
    assert verify_password("quite unlikely to be guessed", found.password_hash)
    assert "quite unlikely" not in said


def test_without_a_terminal_the_password_is_random_and_printed(db, settings: Settings, monkeypatch):
    monkeypatch.delenv("SINPLUMA_ADMIN_PASSWORD", raising=False)
    said = create_admin(settings, "first@example.org")
    printed = said.rpartition("password: ")[2]
    assert verify_password(printed, account(db, "first@example.org").password_hash)


@pytest.mark.parametrize(
    ("email", "password", "named"),
    [("nobody", "quite unlikely to be guessed", "email"), ("first@example.org", "short", "password")],
)
def test_what_a_registration_would_refuse_is_refused(db, settings: Settings, monkeypatch, email, password, named):
    monkeypatch.setenv("SINPLUMA_ADMIN_PASSWORD", password)
    with pytest.raises(NotAdmitted, match=named):
        create_admin(settings, email)
