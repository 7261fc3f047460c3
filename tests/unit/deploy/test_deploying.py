"""The files for a server of one's own are what their readers take, and name what there is."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from events.subscriptions import REACTIONS
from infra.settings import CHECKOUT
from tests.integration.operate.test_doctor import certificate

DEPLOY = CHECKOUT / "deploy"
EXAMPLE = (CHECKOUT / ".env.example").read_text()


def test_nginx_takes_the_example(tmp_path: Path) -> None:
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if program is None:
        pytest.skip("nginx is not here")
    pem = certificate(tmp_path, 5)
    text = (DEPLOY / "nginx-tls.conf").read_text()
    text = re.sub(r"/etc/letsencrypt/live/write\.example\.org/\w+\.pem", str(pem), text)
    # Ports that anyone may check.
    text = text.replace(":80;", ":25080;").replace("listen 80;", "listen 25080;").replace("443", "25443")
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; {text} }}")
    done = subprocess.run([program, "-t", "-p", str(tmp_path), "-c", str(whole)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_containers_are_the_programs_that_there_are() -> None:
    told: dict[str, Any] = yaml.safe_load((DEPLOY / "container" / "compose.yml").read_text())["services"]
    assert {" ".join(each["command"]) for name, each in told.items() if name not in ("database", "redis")} == {
        "migrate",
        "api",
        "relay",
        "clock",
        *(f"worker {reaction}" for reaction in REACTIONS),
    }
    settings = set(told["api"]["environment"])
    assert {name for name in settings if f"#{name}=" not in EXAMPLE} == set()


def test_the_unit_starts_what_there_is_and_leaves_it_time() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "systemd" / "sinpluma.service")
    from deploy.supervisor import STOP_SECONDS

    assert unit["Service"]["ExecStart"].endswith("run.py up")
    assert unit.getint("Service", "TimeoutStopSec") > STOP_SECONDS
