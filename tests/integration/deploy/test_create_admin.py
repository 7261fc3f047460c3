from functools import partial

import pytest
from sqlalchemy import Engine, select

from domain.commands.accounts import Register, find_by_email, register
from domain.commands.sessions import OpenSession, open_session
from domain.errors import WrongCredentials
from domain.passwords import hash_password, verify_password
from domain.session import sessions
from domain.unit_of_work import Cause, perform
from domain.user import User
from infra.settings import Settings
from operate import admins
from operate.admins import NotAdmitted, create_admin, create_user
from tests.integration.signing_in import device, sign_in
from tests.service import PASSWORD, Service


def account(engine: Engine, email: str) -> User:
    with engine.connect() as connection:
        found = find_by_email(connection, email)
    assert found
    return found


def stranger(db: Engine) -> User:
    """Who has registered the operator's address before him, and is signed in."""
    command = Register("reader", "Reader@example.org", hash_password("a long enough one", 4))
    made = perform(db, Cause(None, "test"), lambda uow: register(command, uow))
    opened = OpenSession(made.id, made.password_hash)
    perform(db, Cause(made.id, "test"), lambda uow: open_session(opened, uow))
    return made


def live_sessions(db: Engine) -> int:
    with db.connect() as connection:
        return len(connection.execute(select(sessions).where(sessions.c.revoked_at.is_(None))).all())


def test_an_account_that_exists_is_not_touched_until_the_operator_agrees(db: Engine, settings: Settings) -> None:
    made = stranger(db)
    with pytest.raises(NotAdmitted, match=rf"exists since {made.created_at:%Y-%m-%d}.*--yes"):
        create_admin(settings, "reader@example.org")
    assert vars(account(db, "reader@example.org")) == vars(made) | {"facts": []}
    assert live_sessions(db) == 1


def test_a_stranger_who_took_the_address_before_has_nothing_of_it(
    db: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger(db)
    monkeypatch.setenv("SINPLUMA_ADMIN_PASSWORD", "quite unlikely to be guessed")
    said = create_admin(settings, "reader@example.org", agreed=True)
    found = account(db, "reader@example.org")
    assert found.administers
    assert not verify_password("a long enough one", found.password_hash)
    assert verify_password("quite unlikely to be guessed", found.password_hash)
    assert live_sessions(db) == 0
    assert "quite unlikely" not in said


def test_without_a_given_password_an_account_that_exists_gets_a_random_one(
    db: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger(db)
    monkeypatch.delenv("SINPLUMA_ADMIN_PASSWORD", raising=False)
    said = create_admin(settings, "reader@example.org", agreed=True)
    assert verify_password(said.rpartition("password: ")[2], account(db, "reader@example.org").password_hash)


def test_its_password_is_kept_where_the_operator_says_so(db: Engine, settings: Settings) -> None:
    stranger(db)
    said = create_admin(settings, "reader@example.org", agreed=True, keep_password=True)
    assert verify_password("a long enough one", account(db, "reader@example.org").password_hash)
    assert live_sessions(db) == 0, "its sessions end all the same"
    assert "unchanged" in said


def test_a_bad_password_leaves_an_account_that_exists_as_it_is(
    db: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = stranger(db)
    monkeypatch.setenv("SINPLUMA_ADMIN_PASSWORD", "short")
    with pytest.raises(NotAdmitted, match="password"):
        create_admin(settings, "reader@example.org", agreed=True)
    assert account(db, "reader@example.org").password_hash == made.password_hash
    assert live_sessions(db) == 1


def test_an_address_with_a_blank_behind_it_is_not_the_account(db: Engine, settings: Settings) -> None:
    stranger(db)
    with pytest.raises(NotAdmitted, match="email"):
        create_admin(settings, "reader@example.org ", agreed=True)
    assert not account(db, "reader@example.org").administers


def test_a_user_is_made_once(db: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SINPLUMA_USER_PASSWORD", "quite unlikely to be guessed")
    create_user(settings, "someone@example.org")
    found = account(db, "someone@example.org")
    assert not found.administers
    assert verify_password("quite unlikely to be guessed", found.password_hash)
    with pytest.raises(NotAdmitted, match="exists since"):
        create_user(settings, "someone@example.org")


def test_a_new_one_takes_the_password_of_the_environment(
    db: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SINPLUMA_ADMIN_PASSWORD", "quite unlikely to be guessed")
    said = create_admin(settings, "first.admin+x@example.org")
    found = account(db, "first.admin+x@example.org")
    assert found.administers
    assert verify_password("quite unlikely to be guessed", found.password_hash)
    assert "quite unlikely" not in said


def test_without_a_terminal_the_password_is_random_and_printed(
    db: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SINPLUMA_ADMIN_PASSWORD", raising=False)
    said = create_admin(settings, "first@example.org")
    printed = said.rpartition("password: ")[2]
    assert verify_password(printed, account(db, "first@example.org").password_hash)


@pytest.mark.parametrize(
    ("email", "password", "named"),
    [("nobody", "quite unlikely to be guessed", "email"), ("first@example.org", "short", "password")],
)
def test_what_a_registration_would_refuse_is_refused(
    db: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, email: str, password: str, named: str
) -> None:
    monkeypatch.setenv("SINPLUMA_ADMIN_PASSWORD", password)
    with pytest.raises(NotAdmitted, match=named):
        create_admin(settings, email)


# --- a stranger who is quick ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelt", ["Chief@Example.org", "chief@example.ORG"])
@pytest.mark.parametrize("keeps", [False, True])
def test_no_token_of_the_stranger_opens_anything_any_more(
    service: Service, monkeypatch: pytest.MonkeyPatch, spelt: str, keeps: bool
) -> None:
    """Over HTTP, however the address was spelt, and whether the operator keeps the password or not."""
    monkeypatch.setenv("SINPLUMA_ADMIN_PASSWORD", "quite unlikely to be guessed")
    sent = {"username": "reader", "email": spelt, "password": PASSWORD}
    service.anyone().post("/auth/register", sent)
    two = [device(service, spelt) for _ in range(2)]
    create_admin(service.settings, "chief@example.org", agreed=True, keep_password=keeps)
    for each in two:
        assert each.status() == 401
        assert each.renew().status_code == 401
        assert each.ask("GET", "/admin/users").status_code == 401
    assert sign_in(service.app, spelt).status_code == (200 if keeps else 401)
    assert sign_in(service.app, spelt, "quite unlikely to be guessed").status_code == (401 if keeps else 200)


def test_a_stranger_who_is_just_signing_in_comes_too_late(
    db: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password was checked before the operator's command, and the session is opened after it."""
    monkeypatch.delenv("SINPLUMA_ADMIN_PASSWORD", raising=False)
    made = stranger(db)
    late = OpenSession(made.id, made.password_hash)
    create_admin(settings, "reader@example.org", agreed=True)
    with pytest.raises(WrongCredentials):
        perform(db, Cause(made.id, "test"), partial(open_session, late))
    assert live_sessions(db) == 0


def test_a_stranger_who_registers_meanwhile_becomes_nothing_and_the_operator_is_told(
    db: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(engine: Engine, email: str) -> User | None:
        found = find(engine, email)
        stranger(db)
        return found

    find = admins._find
    monkeypatch.setattr(admins, "_find", meanwhile)
    with pytest.raises(NotAdmitted, match=r"a moment ago.*again"):
        create_admin(settings, "reader@example.org")
    assert not account(db, "reader@example.org").administers
    assert live_sessions(db) == 1
