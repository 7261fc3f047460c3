"""`run.py up` as a process: what it refuses, what it leaves behind, what it keeps."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pymysql
import pytest

from deploy.embedded import EmbeddedServices
from deploy.instance import Instance
from infra.settings import read_private
from tests.disks import resize, small_disk
from tests.e2e.running import CHECKOUT, Running, wait_for

# Nobody listens there.
NO_WAY_OUT = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:1")


def refused(service: Running, within: float = 15.0, **more: str) -> str:
    """What it says on refusing to start, which must be soon and with nothing left running."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "run.py", "up"],
        cwd=CHECKOUT,
        env=service.environment | more,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stdout
    assert time.monotonic() - began < within
    assert "Traceback" not in done.stderr
    return done.stderr


def test_wrong_settings_are_all_named_and_nothing_starts(tmp_path: Path) -> None:
    said = refused(Running(tmp_path), TRASH_DAYS="many", S3_ENDPOINT="nowhere", REDIS_URL="nothing")
    for name in ("TRASH_DAYS", "S3_ENDPOINT", "REDIS_URL", "0 to 36500"):
        assert name in said
    assert not (tmp_path / "database").exists()


@pytest.mark.parametrize("setting", ["SINPLUMA_PORT", "SINPLUMA_SUPERVISOR_PORT"])
def test_a_taken_port_is_named_and_nothing_starts(tmp_path: Path, setting: str) -> None:
    service = Running(tmp_path)
    with socket.create_server(("127.0.0.1", int(service.environment[setting]))):
        said = refused(service)
    assert f"set {setting}" in said
    assert not (tmp_path / "database").exists()


def test_a_database_that_does_not_answer_is_told_without_its_password(tmp_path: Path) -> None:
    said = refused(Running(tmp_path), DATABASE_URL="mysql+pymysql://someone:topsecret@127.0.0.1:1/notes")
    assert "DATABASE_URL" in said
    assert "topsecret" not in said


@pytest.mark.parametrize(
    ("made_by", "said"),
    [
        (["CREATE TABLE posts (id INT)"], "posts"),
        (["CREATE TABLE alembic_version (version_num VARCHAR(32))", "INSERT INTO alembic_version VALUES ('x')"], "x"),
    ],
)
def test_a_database_that_is_not_ours_is_refused_and_left_alone(
    tmp_path: Path, servers: EmbeddedServices, made_by: list[str], said: str
) -> None:
    private = read_private(servers.var)
    with pymysql.connect(
        host="127.0.0.1",
        port=int(private["DATABASE_PORT"]),
        user="sinpluma",
        password=private["DATABASE_PASSWORD"],
        autocommit=True,
    ) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE DATABASE sinpluma_other")
        try:
            cursor.execute("USE sinpluma_other")
            for statement in made_by:
                cursor.execute(statement)
            url = servers.environ()["DATABASE_URL"].replace("/sinpluma?", "/sinpluma_other?")
            message = refused(Running(tmp_path), DATABASE_URL=url)
            assert "sinpluma_other" in message
            assert said in message
            cursor.execute("SHOW TABLES")
            assert len(cursor.fetchall()) == 1
        finally:
            cursor.execute("DROP DATABASE sinpluma_other")


def test_a_full_disk_is_one_line_and_the_next_start_goes_on(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, "8k") as mounted:
        if not mounted:
            pytest.skip("no file system can be mounted here")
        service = Running(disk / "var")
        for size in ("8k", "60m"):
            resize(disk, size)
            said = refused(service).splitlines()
            assert len(said) <= 2
            assert "MB left: make room" in said[-1]
        resize(disk, "600m")
        with service:
            pass


def test_one_life(tmp_path: Path) -> None:
    """One after the other on the same folder, because each start takes seconds.

    The first in whatever may be odd about a machine: a checkout with spaces and per cent signs in its path, a
    supervisor password with what URLs and supervisor's file take for something else, a proxy for all that is outside.
    """
    var = tmp_path / "100%s of 5%% is %(here)s"
    odd = "a/b%s#c@d:e ;f"
    with Running(var, copied(tmp_path / "50 % of a %(check)s out"), SUPERVISOR_PASSWORD=odd, **NO_WAY_OUT) as service:
        the_supervisor_page_wants_the_password(service, odd)
        assert "already running" in refused(service)
        assert httpx.get(f"{service.url}/readyz").json()["status"] == "ok"
        the_api_comes_back_after_a_sigkill(service)
    nothing_is_left(var)
    secrets = read_private(var)

    for number in (signal.SIGTERM, signal.SIGKILL):
        service = started_anew(var)
        service.start()
        assert read_private(var) == secrets
        service.process.send_signal(number)
        assert service.process.wait(60) == (0 if number == signal.SIGTERM else -number)
        nothing_is_left(var)
    without_supervisor_its_programs_do_not_stay(started_anew(var))


def without_supervisor_its_programs_do_not_stay(service: Running) -> None:
    """They would hold ports and queues beside those of the next start."""
    service.start()
    assert service.kill("deploy.supervisord") == 1
    assert service.process.wait(60) == 1
    nothing_is_left(service.var)


def started_anew(var: Path) -> Running:
    """Without the password that a session's own servers have put into the environment."""
    service = Running(var)
    service.environment.pop("SUPERVISOR_PASSWORD", None)
    return service


def copied(folder: Path) -> Path:
    """Another checkout, without a virtual environment of its own."""
    shutil.copytree(CHECKOUT, folder, ignore=shutil.ignore_patterns(".*", "var", "__pycache__"))
    return folder


def the_supervisor_page_wants_the_password(service: Running, password: str) -> None:
    page = f"http://127.0.0.1:{service.environment['SINPLUMA_SUPERVISOR_PORT']}/"
    assert httpx.get(page).status_code == 401
    assert httpx.get(page, auth=("admin", "")).status_code == 401
    answer = httpx.get(page, auth=("admin", password))
    assert answer.status_code == 200
    assert "background" in answer.text
    for path in ("index.html?processname=clock&action=stop", "index.html?action=stopall", ""):
        for header in ({"Sec-Fetch-Site": "cross-site"}, {"Referer": "https://elsewhere.example/"}):
            assert httpx.get(page + path, auth=("admin", password), headers=header).status_code == 403
    form = {"Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"}
    assert httpx.post(page + "RPC2", auth=("admin", password), headers=form, content="<x/>").status_code == 403


def the_api_comes_back_after_a_sigkill(service: Running) -> None:
    """Granian's main process alone: its workers must not go on beside those of its successor."""
    before = set(service.processes("run.py api"))
    main = next(pid for pid in before if _parent(pid) not in before)
    os.kill(main, signal.SIGKILL)
    wait_for(lambda: not before & set(service.processes("run.py api")), 10, "the orphans to end")
    wait_for(service._is_ready, 30, "the API to come back")


def nothing_is_left(var: Path) -> None:
    wait_for(lambda: not Instance(var).leftovers(), 60, "all processes to end")
    # A server may hide from the mark that leftovers are known by, but not where it works.
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and _works_below(int(pid), var)]


def _works_below(pid: int, var: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink().is_relative_to(var)
    except OSError:
        return False


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_an_api_that_cannot_start_is_told_with_the_end_of_its_log_and_all_is_stopped(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "granian.py").write_text("raise SystemExit('no granian today')\n")
    # The database, Redis and the object store had to be set up first.
    said = refused(Running(tmp_path / "var", PYTHONPATH=str(broken)), within=60.0)
    assert "the API does not start" in said
    assert "no granian today" in said
    nothing_is_left(tmp_path / "var")


class NeverReady(Running):
    def _is_ready(self) -> bool:
        assert not self.processes("supervisord"), "never ready"
        return False


def test_a_service_that_does_not_get_ready_is_not_left_running_by_its_test(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="never ready"), NeverReady(tmp_path / "var"):
        pass
    assert Running(tmp_path / "var").processes() == []
    nothing_is_left(tmp_path / "var")
