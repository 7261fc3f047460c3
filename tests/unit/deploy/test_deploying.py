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
RUN = (CHECKOUT / "run.py").read_text()


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


UNITS = sorted(path.name for path in (DEPLOY / "systemd").iterdir())


def unit(name: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "systemd" / name)
    return parser


@pytest.mark.parametrize("name", [name for name in UNITS if name.endswith("@.service")])
def test_the_units_start_what_there_is_and_leave_it_time(name: str) -> None:
    from deploy.supervisor import STOP_SECONDS

    assert unit(name)["Service"]["ExecStart"].split("run.py ")[1] in ("up", "background")
    assert unit(name).getint("Service", "TimeoutStopSec") > STOP_SECONDS


def test_every_unit_is_told_how_to_be_installed_and_names_folders_that_are_made_there() -> None:
    guide = (CHECKOUT / "docs" / "deploying.md").read_text()
    assert len(UNITS) >= 4
    for name in UNITS:
        assert name.split(".")[0] in guide, name
        writable = unit(name).get("Service", "ReadWritePaths", fallback="")
        assert [path for path in writable.split() if path not in guide] == []


def test_nginx_and_the_guides_agree_about_the_two_copies() -> None:
    front = (DEPLOY / "nginx-tls.conf").read_text()
    for name in ("deploying", "upgrading"):
        guide = (CHECKOUT / "docs" / f"{name}.md").read_text()
        assert {"5001", "5002"} <= set(re.findall(r"500\d", guide + front))
        assert "/etc/nginx/conf.d/sinpluma.conf" in guide
        commands = set(re.findall(r"run\.py ([a-z][a-z-]*)", guide))
        assert {each for each in commands if f"def {each.replace('-', '_')}(" not in RUN} == set()
        settings = set(re.findall(r"^([A-Z][A-Z0-9_]+)=", guide, re.MULTILINE))
        assert {each for each in settings if f"#{each}=" not in EXAMPLE and not each.startswith("RCLONE_")} == set()
