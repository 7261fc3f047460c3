"""The embedded servers on their own folder, beside those of the session."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest
import redis
from minio import Minio

from deploy.embedded import Database, EmbeddedServices, ServiceError
from deploy.instance import AlreadyRunning, Instance
from deploy.private import ensure_ports, ensure_secrets
from infra.settings import Settings, load_settings, read_private


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServices]:
    # Deeper than a socket's path may be, and with a space: checkouts lie anywhere.
    var = tmp_path_factory.mktemp("a folder") / "/".join(["deep down"] * 12)
    with EmbeddedServices(var) as services:
        yield services


@pytest.fixture
def theirs(running: EmbeddedServices) -> Settings:
    return load_settings(running.environ())


def connect(services: EmbeddedServices, user: str = "sinpluma", password: str | None = None) -> pymysql.Connection:
    private = read_private(services.var)
    return pymysql.connect(
        host="127.0.0.1",
        port=int(private["DATABASE_PORT"]),
        user=user,
        password=private["DATABASE_PASSWORD"] if password is None else password,
        autocommit=True,
    )


def redis_of(settings: Settings) -> redis.Redis:
    return redis.Redis.from_url(settings.redis_url, decode_responses=True)


def objects_of(settings: Settings) -> Minio:
    return Minio(
        settings.s3_endpoint.removeprefix("http://"),
        settings.s3_access_key,
        settings.s3_secret_key,
        secure=False,
        region=settings.s3_region,
    )


def test_data_survives_a_sigkill_of_each_server(running: EmbeddedServices, theirs: Settings) -> None:
    cursor = connect(running).cursor()
    cursor.execute("CREATE TABLE sinpluma.kept (word VARCHAR(20))")
    cursor.execute("INSERT INTO sinpluma.kept VALUES ('señora')")
    redis_of(theirs).set("kept", "señora")
    objects_of(theirs).make_bucket("kept")
    time.sleep(1.2)  # Redis writes its file every second; a kill may cost the last one

    for name in running.names:
        running.kill(name, signal.SIGKILL)
        running.start_one(name)

    cursor = connect(running).cursor()
    cursor.execute("SELECT word FROM sinpluma.kept")
    assert cursor.fetchall() == (("señora",),)
    assert redis_of(theirs).get("kept") == "señora"
    assert objects_of(theirs).bucket_exists("kept")


@pytest.mark.parametrize("user", ["root", "", "sinpluma", "mariadb.sys"])
def test_nobody_gets_into_the_database_without_a_password(running: EmbeddedServices, user: str) -> None:
    with pytest.raises(pymysql.err.OperationalError):
        connect(running, user, password="")


def test_the_other_servers_want_their_passwords_too(theirs: Settings) -> None:
    port = int(theirs.redis_url.rpartition(":")[2].partition("/")[0])
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(host="127.0.0.1", port=port).ping()
    stranger = Minio(theirs.s3_endpoint.removeprefix("http://"), "someone", "else", secure=False, region="us-east-1")
    with pytest.raises(Exception, match=r"[Dd]enied|[Ii]nvalid"):
        stranger.list_buckets()


def test_no_secret_stands_on_a_command_line(running: EmbeddedServices) -> None:
    secrets = [value for name, value in read_private(running.var).items() if not name.endswith("_PORT")]
    for name in running.names:
        command = Path(f"/proc/{running.pid(name)}/cmdline").read_text()
        assert not [secret for secret in secrets if secret in command]


def test_the_servers_listen_on_loopback_only(running: EmbeddedServices) -> None:
    ports = {int(value) for name, value in read_private(running.var).items() if name.endswith("_PORT")}
    listening = {
        address: int(port, 16)
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        for address, port in [line.split()[1].split(":")]
        if line.split()[3] == "0A" and int(port, 16) in ports
    }
    assert set(listening) == {"0100007F"}  # 127.0.0.1


def test_a_second_holder_of_the_folder_is_refused(running: EmbeddedServices) -> None:
    with pytest.raises(AlreadyRunning, match=str(os.getpid())):
        EmbeddedServices(running.var).start()
    connect(running).ping()


def test_a_server_that_is_stopped_in_its_tracks_can_still_be_stopped(tmp_path: Path) -> None:
    with EmbeddedServices(tmp_path, ["redis"]) as services:
        services.kill("redis", signal.SIGSTOP)
        began = time.monotonic()
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("name", ["database", "redis", "objects"])
def test_what_a_killed_holder_left_running_is_stopped_by_the_next(tmp_path: Path, name: str) -> None:
    script = (
        "import pathlib, sys, time; from deploy.embedded import EmbeddedServices;"
        "EmbeddedServices(pathlib.Path(sys.argv[1]), [sys.argv[2]]).start(); print('up', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, str(tmp_path), name], stdout=subprocess.PIPE)
    assert holder.stdout
    assert holder.stdout.readline() == b"up\n"
    holder.kill()
    holder.wait()
    assert len(Instance(tmp_path).leftovers()) == 1
    with EmbeddedServices(tmp_path, [name]) as services:
        assert Instance(tmp_path).leftovers() == [services.pid(name)]
    assert Instance(tmp_path).leftovers() == []


def test_an_interrupted_first_start_starts_over(tmp_path: Path) -> None:
    half = tmp_path / "database" / "data.new"
    half.mkdir(parents=True)
    (half / "half").touch()
    with EmbeddedServices(tmp_path, ["database"]) as services:
        connect(services).ping()
    assert not half.exists()


def test_data_of_the_other_kind_of_server_is_refused_and_left_alone(tmp_path: Path) -> None:
    ensure_secrets(tmp_path)
    ensure_ports(tmp_path)
    (tmp_path / "database" / "data").mkdir(parents=True)
    with pytest.raises(ServiceError, match="the other of MariaDB and MySQL"):
        EmbeddedServices(tmp_path, ["database"]).start()
    assert list((tmp_path / "database" / "data").iterdir()) == []


def test_a_server_that_does_not_start_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    with EmbeddedServices(tmp_path, ["database"]) as services:
        services.stop_one("database")
        (tmp_path / "database" / "data" / "ibdata1").write_bytes(b"nonsense")
        with pytest.raises(ServiceError, match=r"(?s)database ended while it started.*ibdata1"):
            services.start_one("database")


def test_another_database_server_than_the_first_on_the_path_can_be_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SINPLUMA_DATABASE_SERVER", str(tmp_path / "mysqld"))

    assert Database(tmp_path, {}).program == str(tmp_path / "mysqld")
