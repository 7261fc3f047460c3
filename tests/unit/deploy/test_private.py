import socket
import stat
from pathlib import Path

from deploy.private import PORT_RANGE, PORTS, SECRETS, ensure_ports, ensure_secrets, port_is_free
from infra.settings import load_settings


def test_secrets_are_made_once_and_for_this_user_only(tmp_path: Path) -> None:
    var = tmp_path / "var"
    made = ensure_secrets(var)
    assert set(made) == set(SECRETS)
    assert len(set(made.values())) == len(SECRETS)
    assert stat.S_IMODE((var / "secrets.env").stat().st_mode) == 0o600
    assert stat.S_IMODE(var.stat().st_mode) == 0o700
    assert ensure_secrets(var) == made


def test_a_secret_that_a_newer_version_needs_is_added_to_the_old_ones(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text("JWT_SECRET_KEY=kept\nREDIS_PASSWORD=also\n")
    made = ensure_secrets(tmp_path)
    assert (made["JWT_SECRET_KEY"], made["REDIS_PASSWORD"]) == ("kept", "also")
    assert set(made) == set(SECRETS)
    assert ensure_secrets(tmp_path) == made


def test_ports_are_kept_and_differ(tmp_path: Path) -> None:
    chosen = ensure_ports(tmp_path)
    assert len(set(chosen.values())) == len(PORTS)
    assert all(port in PORT_RANGE for port in chosen.values())
    assert ensure_ports(tmp_path) == chosen


def test_a_port_that_a_stranger_has_taken_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    chosen = ensure_ports(tmp_path)
    with socket.create_server(("127.0.0.1", chosen["REDIS_PORT"])):
        assert not port_is_free("127.0.0.1", chosen["REDIS_PORT"])
        again = ensure_ports(tmp_path)
    assert again["REDIS_PORT"] != chosen["REDIS_PORT"]
    assert again["DATABASE_PORT"] == chosen["DATABASE_PORT"]
    assert ensure_ports(tmp_path) == again


def test_secrets_and_ports_are_all_that_the_settings_need(tmp_path: Path) -> None:
    ensure_secrets(tmp_path)
    ensure_ports(tmp_path)
    assert load_settings({"SINPLUMA_VAR": str(tmp_path)}).supervisor_password
