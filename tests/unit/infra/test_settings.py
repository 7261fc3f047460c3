import dataclasses
import re
from pathlib import Path

import certifi
import pytest

from infra.settings import CHECKOUT, SettingsError, load_settings, sources

COMPLETE = {
    "DATABASE_URL": "mysql+pymysql://u:database-pw@db.example:3306/notes",
    "REDIS_URL": "redis://:redis-pw@cache.example:6379/0",
    "S3_ENDPOINT": "https://s3.example",
    "S3_ACCESS_KEY": "access",
    "S3_SECRET_KEY": "s3-secret-key",
    "JWT_SECRET_KEY": "k" * 32,
    "SUPERVISOR_PASSWORD": "supervisor-pw",
}

ROOMS = (
    "api",
    "deploy",
    "domain",
    "events",
    "infra",
    "linguistics",
    "operate",
    "queries",
    "read_models",
    "seeding",
    "workers",
)


def problems(**changes: str) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(COMPLETE | changes)
    return caught.value.problems


def test_defaults_are_those_of_the_contract() -> None:
    settings = load_settings(COMPLETE)
    assert (settings.host, settings.port, settings.supervisor_port) == ("127.0.0.1", 5000, 9001)
    assert settings.database_read_url == settings.database_url
    assert (settings.trash_days, settings.orphan_grace_seconds, settings.autosave_revision_seconds) == (30, 86400, 300)
    assert (settings.ratelimit_enabled, settings.trusted_proxies, settings.cors_origins) == (True, (), ())
    assert (settings.delivery_max_attempts, settings.lease_seconds, settings.cache_bytes) == (8, 0.2, 64 * 1024 * 1024)
    assert settings.jwt_secret_key_previous is None


def test_settings_cannot_change_after_the_start() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_settings(COMPLETE).port = 1  # type: ignore[misc]


def test_no_password_shows_when_settings_are_printed() -> None:
    shown = repr(load_settings(COMPLETE | {"JWT_SECRET_KEY_PREVIOUS": "p" * 32, "HONEYBADGER_API_KEY": "hb-key"}))
    for secret in ("database-pw", "redis-pw", "s3-secret-key", "k" * 32, "p" * 32, "supervisor-pw", "hb-key"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SINPLUMA_PORT", "http", "1 to 65535"),
        ("SINPLUMA_PORT", "65536", "1 to 65535"),
        ("SINPLUMA_SUPERVISOR_PORT", "5000", "SINPLUMA_PORT"),
        ("DATABASE_URL", "sqlite:///x.db", "mysql+pymysql://"),
        ("DATABASE_URL", "mysql+pymysql://u:p@host", "/DATABASE"),
        ("DATABASE_READ_URL", "postgres://u:p@h/d", "mysql+pymysql://"),
        ("REDIS_URL", "memcached://h", "redis+sentinel://"),
        ("REDIS_URL", "redis+sentinel://a:1,b:2", "SERVICE"),
        ("S3_ENDPOINT", "s3.example", "https://"),
        ("S3_ENDPOINT", "https://s3.example:0x", "https://"),
        ("S3_PUBLIC_ENDPOINT", "ftp://x", "https://"),
        ("S3_ENDPOINT", "https://s3.example/bucket", "S3_BUCKET"),
        ("S3_ENDPOINT", "https://s3.example/?x=1", "end after the host"),
        ("S3_ENDPOINT", "https://key:secret@s3.example", "S3_ACCESS_KEY"),
        ("S3_PUBLIC_ENDPOINT", "https://s3.example/bucket", "S3_BUCKET"),
        ("S3_BUCKET", "Under_Score", "bucket name"),
        ("DATABASE_URL", "mysql+pymysql://u:p@h/d?charset=utf8mb4&colour=red", "'colour'"),
        ("DATABASE_URL", "mysql+pymysql://u:p@h/d?cursorclass=x", "'cursorclass'"),
        ("DATABASE_READ_URL", "mysql+pymysql://u:p@h/d?ssl_ca=/no/ca.pem", "ssl_ca=/no/ca.pem"),
        ("DATABASE_URL", f"mysql+pymysql://u:p@h/d?ssl_ca={__file__}", "look at ssl_ca"),
        ("DATABASE_URL", "mysql+pymysql://u:p@h/d?connect_timeout=soon", "look at connect_timeout"),
        ("DATABASE_URL", "mysql+pymysql://u:p@h/d?charset=latin99", "look at charset"),
        ("REDIS_URL", "redis://h?socket_timeout=soon", "look at socket_timeout"),
        ("REDIS_URL", "redis://h/first", "/0"),
        ("REDIS_URL", "rediss://h?ssl_ca_certs=/no/ca.pem", "ssl_ca_certs=/no/ca.pem"),
        ("REDIS_URL", "redis://h?colour=red", "'colour'"),
        ("SINPLUMA_PROT", "80", "SINPLUMA_PORT"),
        ("SINPLUMA_COLOUR_OF_THE_SKY", "blue", ".env.example"),
        ("JWT_SECRET_KEY", "short", "32"),
        ("JWT_SECRET_KEY_PREVIOUS", "short", "32"),
        ("LINGUISTICS_URL", "localhost:80", "http://"),
        ("HONEYBADGER_ENDPOINT", "nowhere", "https://"),
        ("CORS_ORIGINS", "https://a.example/path", "origin"),
        ("CORS_ORIGINS", "*", "origin"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, proxy", "'proxy'"),
        ("RATELIMIT_ENABLED", "maybe", "1 or 0"),
        ("TRASH_DAYS", "-1", "0 to"),
        ("TRASH_DAYS", "1.5", "whole number"),
        ("CACHE_BYTES", "64M", "1048576 to"),
        ("CACHE_BYTES", "1000", "1048576 to"),
        ("LEASE_SECONDS", "nan", "0.0 to 5.0"),
        ("LEASE_SECONDS", "inf", "0.0 to 5.0"),
        ("API_WORKERS", "0", "1 to"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(name: str, value: str, said: str) -> None:
    found = problems(**{name: value})
    assert list(found) == [name]
    assert said in found[name]


@pytest.mark.parametrize("name", [name for name in COMPLETE if name != "SUPERVISOR_PASSWORD"])
def test_a_missing_or_empty_value_is_named(name: str) -> None:
    assert list(problems(**{name: " "})) == [name]


def test_all_problems_are_told_at_once() -> None:
    assert set(problems(SINPLUMA_PORT="x", REDIS_URL="x", TRASH_DAYS="x")) == {
        "SINPLUMA_PORT",
        "REDIS_URL",
        "TRASH_DAYS",
    }


def test_a_refused_url_is_not_repeated_because_it_may_hold_a_password() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(COMPLETE | {"DATABASE_URL": "mysql://u:topsecret@h/d", "REDIS_URL": "rds://:topsecret@h"})
    assert "topsecret" not in str(caught.value)


@pytest.mark.parametrize("character", "@/#?[")
@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_READ_URL"])
def test_a_password_that_breaks_its_url_is_told_how_to_be_written_and_no_part_of_it_is_shown(
    name: str, character: str
) -> None:
    url = f"mysql+pymysql://user:first{character}second@db.example:3306/notes"
    with pytest.raises(SettingsError) as caught:
        load_settings(COMPLETE | {name: url})
    assert list(caught.value.problems) == [name]
    assert "%23" in str(caught.value)
    assert "first" not in str(caught.value)
    assert "second" not in str(caught.value)


@pytest.mark.parametrize("character", "/#?[")
def test_the_same_of_a_password_for_redis(character: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(COMPLETE | {"REDIS_URL": f"redis://:first{character}second@cache.example:6379/0"})
    assert "%23" in caught.value.problems["REDIS_URL"]
    assert "first" not in str(caught.value)
    assert "second" not in str(caught.value)


def test_options_of_a_url_that_its_driver_knows_are_accepted() -> None:
    urls = {
        "DATABASE_URL": f"mysql+pymysql://u:a%40b%23c@h/d?charset=utf8mb4&ssl_ca={certifi.where()}&local_infile=0",
        "REDIS_URL": f"rediss://:p@h/0?ssl_ca_certs={certifi.where()}&max_connections=20&health_check_interval=9",
    }
    settings = load_settings(COMPLETE | urls)
    assert (settings.database_url, settings.redis_url) == (urls["DATABASE_URL"], urls["REDIS_URL"])


def test_a_supervisor_password_may_hold_anything_but_what_supervisor_takes_for_a_digest() -> None:
    assert load_settings(COMPLETE | {"SUPERVISOR_PASSWORD": "a/b%c#d@e"}).supervisor_password == "a/b%c#d@e"
    found = problems(SUPERVISOR_PASSWORD="{SHA}topsecret")
    assert list(found) == ["SUPERVISOR_PASSWORD"]
    assert "topsecret" not in str(found)


def test_every_name_of_ours_that_the_product_reads_is_known() -> None:
    files = [path for room in ROOMS for path in (CHECKOUT / room).rglob("*.py")]
    named = {name for path in files for name in re.findall(r"\bSINPLUMA_[A-Z_]*[A-Z]\b", path.read_text())}
    assert "SINPLUMA_PORT" in named
    load_settings(COMPLETE | dict.fromkeys(named - {"SINPLUMA_PORT", "SINPLUMA_SUPERVISOR_PORT"}, "x"))


@pytest.mark.parametrize(
    "url", ["redis://h", "rediss://:p@h:6380/2", "redis+sentinel://:p@a:26379,b:26379/main/0", "redis://[::1]:6379"]
)
def test_every_kind_of_redis_url_is_accepted(url: str) -> None:
    assert load_settings(COMPLETE | {"REDIS_URL": url}).redis_url == url


def test_lists_are_parted_by_commas_or_spaces() -> None:
    settings = load_settings(COMPLETE | {"TRUSTED_PROXIES": "10.0.0.0/8, ::1 127.0.0.1"})
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1", "127.0.0.1")


def test_a_relative_var_belongs_to_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(COMPLETE | {"SINPLUMA_VAR": "other"}).var == CHECKOUT / "other"
    assert load_settings(COMPLETE | {"SINPLUMA_VAR": str(tmp_path)}).var == tmp_path


def generated(var: Path) -> None:
    (var / "secrets.env").write_text(
        f"JWT_SECRET_KEY={'j' * 64}\nSUPERVISOR_PASSWORD=s\nDATABASE_PASSWORD=d\nREDIS_PASSWORD=r\n"
        "S3_ACCESS_KEY=a\nS3_SECRET_KEY=b\n"
    )
    (var / "ports.env").write_text("DATABASE_PORT=20001\nREDIS_PORT=20002\nS3_PORT=20003\nLINGUISTICS_PORT=20004\n")


def test_what_is_not_given_is_the_embedded_service(tmp_path: Path) -> None:
    generated(tmp_path)
    settings = load_settings({"SINPLUMA_VAR": str(tmp_path)})
    assert settings.database_url == "mysql+pymysql://sinpluma:d@127.0.0.1:20001/sinpluma?charset=utf8mb4"
    assert settings.redis_url == "redis://:r@127.0.0.1:20002/0"
    assert (settings.s3_endpoint, settings.s3_access_key) == ("http://127.0.0.1:20003", "a")
    assert settings.jwt_secret_key == "j" * 64
    assert (settings.linguistics_url, settings.linguistics_port) == ("http://127.0.0.1:20004", 20004)


def test_an_outside_linguistics_service_leaves_the_embedded_one_without_a_port(tmp_path: Path) -> None:
    generated(tmp_path)
    settings = load_settings({"SINPLUMA_VAR": str(tmp_path), "LINGUISTICS_URL": "http://words.example:8000"})
    assert (settings.linguistics_url, settings.linguistics_port) == ("http://words.example:8000", None)


def test_an_outside_object_store_is_never_shown_the_embedded_keys(tmp_path: Path) -> None:
    generated(tmp_path)
    with pytest.raises(SettingsError) as caught:
        load_settings({"SINPLUMA_VAR": str(tmp_path), "S3_ENDPOINT": "https://s3.example"})
    assert set(caught.value.problems) == {"S3_ACCESS_KEY", "S3_SECRET_KEY"}


def test_settings_given_by_a_test_never_reach_a_running_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generated(tmp_path)
    monkeypatch.setenv("SINPLUMA_VAR", str(tmp_path))
    with pytest.raises(SettingsError) as caught:
        load_settings({})
    assert "DATABASE_URL" in caught.value.problems


def test_the_environment_wins_over_the_env_file_unless_it_is_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "CHECKOUT", tmp_path)
    for name in COMPLETE:
        monkeypatch.delenv(name, raising=False)
    lines = [f"{name}={value}" for name, value in COMPLETE.items()]
    (tmp_path / ".env").write_text("\n".join([*lines, "TRASH_DAYS=7", "SINPLUMA_PORT=5001", "S3_REGION=a${b}"]))
    monkeypatch.setenv("TRASH_DAYS", "9")
    monkeypatch.setenv("SINPLUMA_PORT", "")
    settings = load_settings()
    assert (settings.trash_days, settings.s3_region) == (9, "a${b}")
    assert settings.port == 5001


def test_a_misspelt_name_in_the_env_file_is_refused_and_one_in_the_environment_is_remarked_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "CHECKOUT", tmp_path)
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TRASH_DAY", "7")
    (tmp_path / ".env").write_text("COMPOSE_PROJECT_NAME=notes\n")
    assert load_settings().remarks == ("TRASH_DAY is no setting; do you mean TRASH_DAYS?",)
    (tmp_path / ".env").write_text("CORS_ORIGIN=https://a.example\n")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.problems == {"CORS_ORIGIN": "is no setting; do you mean CORS_ORIGINS?"}
