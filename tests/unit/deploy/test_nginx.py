"""The configuration that nginx gets."""

import dataclasses
import socket
from pathlib import Path

import pytest

from deploy import nginx
from deploy.embedded import ServiceError
from deploy.nginx import Nginx
from deploy.serve import fresh
from infra.settings import Settings, load_settings
from tests.service import NOWHERE


def settings(var: Path, **more: object) -> Settings:
    chosen: Settings = dataclasses.replace(load_settings(NOWHERE), var=var, port=23_456)
    return dataclasses.replace(chosen, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"host": "0.0.0.0"},
        {"host": "::1"},
        {"trusted_proxies": ("10.0.0.0/8", "2001:db8::1")},
        {"s3_bucket": "a.bucket-of-ours"},
    ],
)
def test_nginx_takes_it(tmp_path: Path, more: dict[str, object]) -> None:
    # A folder whose path is longer than that of a socket may be, with a blank in it.
    var = tmp_path / ("deep " * 20) / "var"
    var.mkdir(parents=True)
    Nginx(settings(var, **more)).prepare()
    written = (var / "nginx" / "nginx.conf").read_text()
    assert "@" not in written.replace("@names@", "")


def test_what_nginx_does_not_take_is_told_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="host not found"):
        Nginx(settings(tmp_path, host="no host at all")).prepare()


def test_the_socket_may_lie_deep(tmp_path: Path) -> None:
    where = tmp_path / ("deep " * 30) / "api.sock"
    for _ in range(2):  # the second time over what the first has left
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(fresh(where)))
            assert where.is_socket()


def test_slow_clients_have_thirty_seconds_in_which_nothing_comes_or_goes() -> None:
    written = nginx.TEMPLATE.read_text()
    assert "client_body_timeout 30s;" in written
    assert "send_timeout 30s;" in written


def test_without_nginx_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nginx, "find", lambda *_: None)
    with pytest.raises(ServiceError, match="NGINX=0"):
        Nginx(settings(tmp_path))
