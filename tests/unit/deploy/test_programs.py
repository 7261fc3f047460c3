"""What supervisord.conf must say of each program, whoever adds one."""

import configparser

import pytest

from deploy.embedded import SERVERS
from events.subscriptions import REACTIONS
from infra.settings import CHECKOUT

CONFIGURATION = configparser.RawConfigParser()
CONFIGURATION.read(CHECKOUT / "supervisord.conf")
PROGRAMS = [name for name in CONFIGURATION.sections() if name.startswith("program:")]


def test_every_queue_has_a_worker_of_its_own():
    workers = {name.removeprefix("program:worker-") for name in PROGRAMS if name.startswith("program:worker-")}
    assert workers == set(REACTIONS)
    for queue in workers:
        command = CONFIGURATION[f"program:worker-{queue}"]["command"]
        assert command.endswith(f"run.py worker {queue}")


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_comes_back_whatever_it_died_of_and_is_never_given_up(program):
    section = CONFIGURATION[program]
    assert section["autorestart"] == "true"
    assert section.getint("startretries") > 10_000


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_stop_reaches_the_program_alone_and_leaves_it_time(program):
    section = CONFIGURATION[program]
    assert not section.get("stopasgroup")
    assert section.getint("stopwaitsecs") >= 10


def test_the_servers_are_the_last_to_stop():
    priority = {name: CONFIGURATION[name].getint("priority") for name in PROGRAMS}
    servers = {f"program:{name}" for name in SERVERS}
    assert max(priority[name] for name in servers) < min(priority[name] for name in set(PROGRAMS) - servers)
