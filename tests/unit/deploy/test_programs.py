"""What supervisord.conf must say of each program, whoever adds one."""

import configparser
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.embedded import SERVERS
from deploy.serve import GRACE_SECONDS
from deploy.supervisor import STOP_SECONDS
from infra.broker import JOB_SECONDS
from infra.database import REQUEST_SECONDS
from infra.settings import CHECKOUT

CONFIGURATION = configparser.RawConfigParser()
CONFIGURATION.read(CHECKOUT / "supervisord.conf")
PROGRAMS = [name for name in CONFIGURATION.sections() if name.startswith("program:")]


def number(program: str, option: str) -> int:
    return int(CONFIGURATION[program][option])


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_comes_back_whatever_it_died_of_and_is_never_given_up(program: str) -> None:
    section = CONFIGURATION[program]
    assert section["autorestart"] == "true"
    assert number(program, "startretries") > 10_000


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_stop_reaches_the_program_alone_and_leaves_it_time(program: str) -> None:
    section = CONFIGURATION[program]
    assert not section.get("stopasgroup")
    assert not section.get("killasgroup")
    # To nginx TERM means at once, and QUIT what TERM means to the others.
    assert section.get("stopsignal", "TERM") == ("QUIT" if program == "program:nginx" else "TERM")
    assert number(program, "stopwaitsecs") >= 10


def test_a_worker_is_left_the_time_of_its_longest_job() -> None:
    """Killed before, it would leave its child at work beside its successor."""
    assert number("program:background", "stopwaitsecs") > JOB_SECONDS


def test_the_api_is_left_the_time_that_it_leaves_its_requests() -> None:
    assert number("program:api", "stopwaitsecs") > GRACE_SECONDS > 2 * REQUEST_SECONDS


def test_supervisor_is_left_the_time_that_it_leaves_its_programs() -> None:
    assert max(number(name, "stopwaitsecs") for name in PROGRAMS) < STOP_SECONDS


def test_the_servers_are_the_last_to_stop() -> None:
    priority = {name: number(name, "priority") for name in PROGRAMS}
    servers = {f"program:{name}" for name in SERVERS}
    assert max(priority[name] for name in servers) < min(priority[name] for name in set(PROGRAMS) - servers)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_per_cent_sign_in_the_path_of_a_checkout_or_of_its_data_does_no_harm(program: str) -> None:
    """Supervisor fills in the values of a log's name twice, and %(here)s before all others: there it would."""
    section = CONFIGURATION[program]
    assert section["directory"] == "%(ENV_SINPLUMA_CHECKOUT)s"
    assert section["stdout_logfile"] == f"log/{program.removeprefix('program:')}.log"
    assert "%(here)s" not in "".join(section.values())


COUNT_PARSED = """
import ast, traceback
parsed = []
ast.parse = lambda *arguments, **options: parsed.append(arguments)
try:
    int("one") + int("two")
except ValueError:
    traceback.format_exc()
print(len(parsed))
"""


def test_no_traceback_parses_source_code(tmp_path: Path) -> None:
    (tmp_path / "count.py").write_text(COUNT_PARSED)
    name, _, value = CONFIGURATION["supervisord"]["environment"].partition("=")
    done = subprocess.run(
        [sys.executable, "count.py"],
        cwd=tmp_path,
        env=os.environ | {name: value.strip('"')},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "0\n"
