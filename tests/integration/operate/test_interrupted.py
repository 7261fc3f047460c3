"""Ctrl-C in any command of an operator, or a reader that goes away: no traceback, and the exit that shells know."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from infra.settings import CHECKOUT
from tests.conftest import PATIENCE

COMMANDS = ("doctor", "migrate", "rebuild", "replay", "sweep", "create-user someone@example.org")


@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_ends_a_command_in_one_line(tmp_path: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE)
        port = silent.getsockname()[1]
        environment = {
            **os.environ,
            "SINPLUMA_VAR": str(tmp_path),
            "DATABASE_URL": f"mysql+pymysql://someone:password@127.0.0.1:{port}/notes",
            "REDIS_URL": f"redis://127.0.0.1:{port}/0",
            "S3_ENDPOINT": f"http://127.0.0.1:{port}",
            "S3_ACCESS_KEY": "access",
            "S3_SECRET_KEY": "a-secret-key",
            "JWT_SECRET_KEY": "k" * 32,
            "SUPERVISOR_PASSWORD": "a-password",
            "SINPLUMA_ADMIN_PASSWORD": "quite unlikely to be guessed",
        }
        with subprocess.Popen(
            [sys.executable, "run.py", *command.split()],
            cwd=CHECKOUT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            # It has connected, and waits for a server that says nothing.
            connection, _ = silent.accept()
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=PATIENCE)
            connection.close()
    assert (process.returncode, said) == (-signal.SIGINT, "run.py: interrupted\n")


def test_a_reader_that_has_seen_enough_is_no_failure(tmp_path: Path) -> None:
    environment = {**os.environ, "SINPLUMA_VAR": str(tmp_path), "DATABASE_URL": "nonsense"}
    read, write = os.pipe()
    os.close(read)
    doctor = subprocess.run(
        [sys.executable, "run.py", "doctor"], cwd=CHECKOUT, env=environment, stdout=write, stderr=subprocess.PIPE
    )
    os.close(write)
    assert (doctor.returncode, doctor.stderr) == (141, b"")
