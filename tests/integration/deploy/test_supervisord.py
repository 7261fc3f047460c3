"""supervisord where nothing can be written: /dev/full says of every line that the disk is full."""

import contextlib
import os
import signal
import subprocess
import sys
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.settings import CHECKOUT
from tests.e2e.running import free_port, wait_for

TALKING = "import time; [(print('a line', flush=True), time.sleep(0.01)) for _ in range(100_000)]"


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Any]:
    port = free_port()
    (tmp_path / "supervisord.conf").write_text(f"""
[supervisord]
nodaemon=true
logfile=/dev/full
pidfile={tmp_path}/pid
[inet_http_server]
port=127.0.0.1:{port}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[program:talking]
command={sys.executable} -c "{TALKING}"
redirect_stderr=true
stdout_logfile=/dev/full
""")
    command = [sys.executable, "-m", "deploy.supervisord", "-c", str(tmp_path / "supervisord.conf")]
    with open("/dev/full", "wb") as full:
        process = subprocess.Popen(command, cwd=CHECKOUT, stdout=full, stderr=full, env=os.environ)
    rpc: Any = xmlrpc.client.ServerProxy(f"http://127.0.0.1:{port}/RPC2").supervisor
    try:
        wait_for(lambda: process.poll() is not None or answers(rpc), 30, "supervisord")
        yield process, rpc
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def answers(rpc: Any) -> bool:
    with contextlib.suppress(OSError, xmlrpc.client.Error):
        return bool(rpc.getState())
    return False


def test_where_no_line_can_be_written_all_goes_on(supervisor: Any) -> None:
    process, rpc = supervisor
    wait_for(
        lambda: process.poll() is None and rpc.getProcessInfo("talking")["statename"] == "RUNNING", 30, "it to run"
    )
    first = rpc.getProcessInfo("talking")["pid"]
    # Each of these is a line in supervisord's own log, too.
    for _ in range(3):
        rpc.stopProcess("talking")
        rpc.startProcess("talking")
    assert process.poll() is None
    assert rpc.getProcessInfo("talking")["statename"] == "RUNNING"
    assert rpc.getProcessInfo("talking")["pid"] != first
