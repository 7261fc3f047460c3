"""What the runbook tells an operator to type, to look at and to look for is there."""

import re
import subprocess
import sys

import pytest

from infra.settings import CHECKOUT

RUNBOOK = (CHECKOUT / "docs" / "runbook.md").read_text()
ROOMS = ("api", "domain", "events", "infra", "read_models", "workers", "deploy", "operate")
SOURCES = "\n".join(path.read_text() for room in ROOMS for path in sorted((CHECKOUT / room).rglob("*.py")))


def test_every_command_is_known() -> None:
    help = subprocess.run([sys.executable, "run.py", "--help"], cwd=CHECKOUT, capture_output=True, text=True).stdout
    named = set(re.findall(r"run\.py ([a-z][a-z-]*)", RUNBOOK))
    assert named
    assert {command for command in named if not re.search(rf"^    {command}\b", help, re.MULTILINE)} == set()


def test_the_readme_tells_of_every_command() -> None:
    help = subprocess.run([sys.executable, "run.py", "--help"], cwd=CHECKOUT, capture_output=True, text=True).stdout
    table = (CHECKOUT / "README.md").read_text().partition("## Operate it")[2]
    known = set(re.findall(r"^    ([a-z][a-z-]*)\b", help, re.MULTILINE))
    assert "up" in known
    assert {command for command in known if not re.search(rf"`[^`]*\b{command}\b[^`]*`", table)} == set()


def test_every_metric_is_told() -> None:
    named = set(re.findall(r"sinpluma_[a-z_]+", RUNBOOK))
    assert named
    assert {name for name in named if name.removesuffix("_total") not in SOURCES} == set()


@pytest.mark.parametrize(
    "line",
    [
        "does not answer: nobody waits for it until it does",
        "answers again",
        "the relay waits for a server",
        "the worker waits for Redis",
        "the queues were empty or new: everything pending is due again",
        "an event could not be handled",
        "a batch took too long",
        "dropped a job that is not ours",
        "the sweep removes nothing",
        "a chore failed",
        "the clock here says",
        "the database does not know",
        "it is another one",
        "events wait, the oldest for",
    ],
)
def test_every_line_to_look_for_is_said_and_told(line: str) -> None:
    assert line in " ".join(RUNBOOK.split())
    assert line in SOURCES


@pytest.mark.parametrize("name", ["SINPLUMA_VAR", "S3_BUCKET", "S3_ENDPOINT", "DELIVERY_MAX_ATTEMPTS", "METRICS_TOKEN"])
def test_every_setting_is_one(name: str) -> None:
    assert name in RUNBOOK
    assert name in (CHECKOUT / "infra" / "settings" / "__init__.py").read_text()
