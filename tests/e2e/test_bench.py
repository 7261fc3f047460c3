"""The bench, interrupted: it says what it has measured and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.surroundings import disturbances
from deploy.instance import MARK
from infra.settings import CHECKOUT

PATIENCE = 120.0


def test_who_has_had_enough_of_a_bench_finds_nothing_left_of_it(tmp_path: Path) -> None:
    # A path as long as pytest's would leave no room for the path of a socket.
    command = [sys.executable, "-m", "bench", "limits", "--json", str(tmp_path / "results.json")]
    servers = tmp_path / "servers"
    servers.mkdir()
    environment = {**os.environ, "TMPDIR": str(servers), "SINPLUMA_VAR": str(tmp_path / "var")}
    with subprocess.Popen(command, cwd=CHECKOUT, env=environment, stderr=subprocess.PIPE, text=True) as bench:
        assert bench.stderr
        line = next(line for line in bench.stderr if line.startswith("a cached read with limits"))
        assert line
        assert services(servers)
        bench.send_signal(signal.SIGINT)
        _, told = bench.communicate(timeout=PATIENCE)
    assert (bench.returncode, "interrupted" in told) == (2, True), told
    assert not services(servers)
    assert list(servers.iterdir()) == []


def services(folder: Path) -> list[str]:
    """What the bench itself would say of services that run in this folder."""
    return [each for each in disturbances() if str(folder) in each]


def test_the_bench_tells_how_often_a_search_shows_what_was_looked_for(tmp_path: Path) -> None:
    results, servers = tmp_path / "results.json", tmp_path / "servers"
    servers.mkdir()
    environment = {**os.environ, "TMPDIR": str(servers), "SINPLUMA_VAR": str(tmp_path / "var")}
    command = [sys.executable, "-m", "bench", "relevance", "--json", str(results)]
    subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, check=True, timeout=PATIENCE)
    (told,) = json.loads(results.read_text())["figures"]
    assert told["ratio"] >= 0.95


@pytest.mark.parametrize("row", ["speed", "saving"])
def test_a_row_that_does_not_exist_is_refused_with_those_that_do(row: str) -> None:
    asked = subprocess.run([sys.executable, "-m", "bench", row], cwd=CHECKOUT, capture_output=True, text=True)
    assert asked.returncode == 2
    assert "save, read" in asked.stderr.replace("'", "")


def test_a_service_that_runs_beside_a_bench_is_named(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"], env={**os.environ, MARK: str(tmp_path)}) as beside:
        try:
            assert [each for each in disturbances() if str(tmp_path) in each and "nothing of it is touched" in each]
        finally:
            beside.kill()
    assert not [each for each in disturbances() if str(tmp_path) in each]
