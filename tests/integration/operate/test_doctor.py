"""Each fault is planted for real, and the doctor finds it and names what helps."""

import contextlib
import datetime as dt
import ipaddress
import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from redis import Redis
from sqlalchemy import Engine, insert, make_url, text

from deploy.embedded import EmbeddedServices
from events.deliveries import deliveries
from events.log import outbox
from infra import objects, starts
from infra.clock import new_id, now
from infra.migrating import migrate
from infra.settings import CHECKOUT, Settings
from operate.doctor import CHECKS, COULD_NOT_LOOK, FOUND, HEALTHY, Report, examine
from operate.doctor.patient import Limits, Patient
from read_models.rebuilding.progress import rebuilds
from tests.e2e.running import free_port
from tests.integration.drawing import photograph
from tests.integration.operate.elsewhere import elsewhere
from tests.integration.operate.root import as_root, variable
from tests.service import Service
from workers.clock import chores

LONG_AGO = dt.timedelta(hours=2)


def look(settings: Settings, *names: str, limits: Limits | None = None, ahead: dt.timedelta = dt.timedelta()) -> Report:
    """What the doctor says to these checks."""
    chosen = [check for check in CHECKS if check.name in names]
    assert {check.name for check in chosen} == set(names)
    patient = Patient(settings, limits or Limits(), now() + ahead)
    try:
        return examine(patient, chosen)
    finally:
        patient.release()


def finds(report: Report, check: str, *words: str) -> None:
    """Exactly this was found, and what it says holds these words."""
    assert report.status == FOUND
    assert [name for name, _ in report.findings] == [check]
    told = " ".join(vars(report.findings[0][1]).values())
    assert all(word in told for word in words), told


def delivery(**more: Any) -> dict[str, Any]:
    known = {"reaction": "index-search", "type": "page.edited", "version": 1, "state": "pending", "attempts": 0}
    ids = {"event_id": new_id(), "aggregate_id": new_id(), "owner_id": new_id()}
    return known | ids | {"occurred_at": now() - LONG_AGO, "due_at": now()} | more


def test_a_healthy_service_has_nothing(service: Service, settings: Settings, tmp_path: Path) -> None:
    service.author().notebook()
    service.drain()
    machine = {"machine.disk", "machine.ports", "machine.modes", "work.workers"}  # this machine is no operator's
    # In the session's own bucket lie pictures of earlier tests, whose rows are gone: the sweep would be braked.
    healthy = replace(settings, s3_bucket=f"healthy-{new_id()[-8:]}")
    objects.create_bucket(healthy)
    report = look(healthy, *(check.name for check in CHECKS if check.name not in machine))
    assert (report.status, report.findings, report.not_looked) == (HEALTHY, [], {})


@pytest.mark.parametrize(
    ("name", "value", "check"),
    [
        ("max_allowed_packet", 1024 * 1024, "database.packet"),
        ("wait_timeout", 5, "database.timeouts"),
        ("innodb_flush_log_at_trx_commit", 2, "database.durability"),
        ("max_connections", 40, "database.connections"),
        ("read_only", 1, "database.durability"),
    ],
)
def test_a_server_set_up_badly(
    db: Engine, settings: Settings, servers: EmbeddedServices, name: str, value: int, check: str
) -> None:
    # What tests before have left in the pool would count as well.
    db.dispose()
    with variable(servers, name, value):
        finds(look(settings, check), check, "DATABASE_URL" if name == "read_only" else f"SET GLOBAL {name}")
    assert look(settings, check).status == HEALTHY


def test_a_schema_that_lags_behind(settings: Settings) -> None:
    with elsewhere(settings) as empty:
        finds(look(empty, "database.migrations"), "database.migrations", "run.py migrate")


def test_a_schema_of_newer_code_and_one_of_another_application(settings: Settings) -> None:
    with elsewhere(settings) as other:
        patient = Patient(other)
        patient.ask("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        patient.ask("INSERT INTO alembic_version VALUES ('9999')")
        patient.database.commit()
        patient.release()
        finds(look(other, "database.version"), "database.version", "9999", "does not know")


def test_a_schema_that_is_ahead_of_code_that_works_with_it(settings: Settings) -> None:
    with elsewhere(settings) as other:
        migrate(other)
        patient = Patient(other)
        patient.ask("UPDATE alembic_version SET version_num = '9999'")
        patient.database.commit()
        patient.release()
        report = look(other, "database.version", "database.migrations", "database.tables")
        finds(report, "database.version", "9999", "Going back")


@pytest.mark.parametrize(
    ("table", "words"),
    [("search_entries", ("run.py rebuild search", "run.py replay")), ("pages", ("run.py restore", "pages are gone"))],
)
def test_a_table_that_somebody_has_dropped(settings: Settings, table: str, words: tuple[str, ...]) -> None:
    with elsewhere(settings) as other:
        migrate(other)
        assert look(other, "database.tables").status == HEALTHY
        patient = Patient(other)
        patient.ask(f"DROP TABLE {table}")
        patient.release()
        finds(look(other, "database.tables"), "database.tables", *words)


def test_tables_in_latin1(settings: Settings) -> None:
    with elsewhere(settings) as other:
        patient = Patient(other)
        patient.ask("CREATE TABLE pages (content TEXT) CHARACTER SET latin1")
        patient.release()
        finds(look(other, "database.charset"), "database.charset", "pages", "CONVERT TO CHARACTER SET utf8mb4")


def test_a_user_without_the_rights(settings: Settings, servers: EmbeddedServices) -> None:
    with as_root(servers) as root:
        root.execute("CREATE USER 'poor'@'127.0.0.1' IDENTIFIED BY 'x-A9-poor'")
        root.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON `sinpluma`.* TO 'poor'@'127.0.0.1'")
        try:
            url = make_url(settings.database_url).set(username="poor", password="x-A9-poor")
            poor = replace(settings, database_url=url.render_as_string(hide_password=False))
            finds(look(poor, "database.rights"), "database.rights", "GRANT ALTER, CREATE, DROP, INDEX ON `sinpluma`")
            root.execute("REVOKE ALL ON `sinpluma`.* FROM 'poor'@'127.0.0.1'")
            assert look(poor, "database.rights").status == COULD_NOT_LOOK
        finally:
            root.execute("DROP USER 'poor'@'127.0.0.1'")


@pytest.mark.parametrize("check", ["database.clock", "objects.clock"])
def test_clocks_that_differ(db: Engine, settings: Settings, check: str) -> None:
    finds(look(settings, check, ahead=LONG_AGO), check, "s apart", "timedatectl")


@pytest.mark.parametrize(
    ("setting", "value", "check", "word"),
    [
        ("maxmemory-policy", "allkeys-lru", "redis.eviction", "volatile-lru"),
        ("maxmemory", "1mb", "redis.memory", "runbook"),
        ("maxmemory", "1", "redis.writes", "refuses to write"),
    ],
)
def test_a_redis_set_up_badly(
    service: Service, settings: Settings, setting: str, value: str, check: str, word: str
) -> None:
    redis: Redis = service.redis
    before = redis.config_get(setting)[setting]
    redis.config_set(setting, value)
    try:
        finds(look(settings, check), check, word)
    finally:
        redis.config_set(setting, str(before))
    assert look(settings, check).status == HEALTHY


def test_jobs_of_strangers(service: Service, settings: Settings) -> None:
    service.redis.incr("sinpluma:dropped-jobs")
    finds(look(settings, "redis.strangers"), "redis.strangers", "1 jobs")
    service.redis.delete("sinpluma:dropped-jobs")


def test_a_redis_that_is_away_is_a_finding_and_hides_nothing_else(db: Engine, settings: Settings) -> None:
    report = look(replace(settings, redis_url="redis://127.0.0.1:1/0"), "redis.memory", "work.parked")
    finds(report, "redis.reachable", "background work stands still")
    assert report.looked == ["redis.reachable", "database.reachable", "work.parked"]
    assert list(report.not_looked) == ["redis.memory"]


def test_a_database_that_is_away_leaves_little_to_look_at(settings: Settings) -> None:
    nowhere = replace(settings, database_url="mysql+pymysql://a:b@127.0.0.1:1/c")
    report = look(nowhere, "work.parked", "database.rights")
    assert report.status == COULD_NOT_LOOK
    assert [name for name, _ in report.findings] == ["database.reachable"]


def test_a_bucket_that_is_not_there(settings: Settings) -> None:
    report = look(replace(settings, s3_bucket="never-made"), "objects.clock")
    finds(report, "objects.reachable", "no such bucket", "S3_BUCKET")


def test_pictures_without_their_objects(service: Service, settings: Settings) -> None:
    import io

    author = service.author()
    for size in ((90, 70), (80, 60)):
        image = author.post("/uploads/images", data={"file": (io.BytesIO(photograph(size=size)), "boat.jpg")})
    service.drain()
    objects.Store(settings).remove(f"pictures/{image['id']}/original")
    with service.engine.begin() as connection:
        connection.execute(text("UPDATE pictures SET created_at = created_at - INTERVAL 1 DAY"))
    finds(look(settings, "objects.pictures"), "objects.pictures", f"pictures/{image['id']}/original")


def test_another_services_bucket_brakes_the_sweep(service: Service, settings: Settings) -> None:
    finds(look(settings, "objects.pictures", ahead=LONG_AGO), "objects.pictures", "the sweep removes nothing", "clock")


def plant(engine: Engine, table: Any, **row: Any) -> None:
    with engine.begin() as connection:
        connection.execute(insert(table).values(**row))


def test_a_relay_that_does_not_run(db: Engine, settings: Settings) -> None:
    same = {"aggregate_id": new_id(), "owner_id": new_id(), "occurred_at": now() - LONG_AGO}
    plant(db, outbox, event_id=new_id(), type="page.edited", version=1, **same)
    finds(look(settings, "work.relay"), "work.relay", "7200 s", "run.py relay")


def test_a_reaction_that_lags(db: Engine, settings: Settings) -> None:
    plant(db, deliveries, **delivery(reaction="cut-revisions", occurred_at=now()))
    plant(db, deliveries, **delivery())
    finds(look(settings, "work.lag"), "work.lag", "index-search is 7200 s behind", "run.py worker index-search")


def test_deliveries_that_were_given_up(db: Engine, settings: Settings) -> None:
    plant(db, deliveries, **delivery(state="parked"))
    finds(look(settings, "work.parked", "work.lag"), "work.parked", "1 of index-search", "run.py replay")


def test_queues_without_a_worker(service: Service, settings: Settings) -> None:
    report = look(settings, "work.workers")
    assert report.status == FOUND
    assert "no worker is on the queue update-views" in {finding.what for _, finding in report.findings}


def test_a_clock_that_does_not_run(db: Engine, settings: Settings) -> None:
    plant(db, chores, name="empty-trash", due_at=now() - LONG_AGO)
    finds(look(settings, "work.clock"), "work.clock", "empty-trash", "120 minutes")


def test_a_rebuild_that_did_not_end(db: Engine, settings: Settings) -> None:
    plant(db, rebuilds, model="search", builder_version=1, building=2)
    finds(look(settings, "work.rebuilds"), "work.rebuilds", "run.py rebuild search")


@pytest.fixture
def own_var(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "var").mkdir(mode=0o700)
    return replace(settings, var=tmp_path / "var", port=free_port(), supervisor_port=free_port())


def test_a_program_that_ends_as_soon_as_it_has_begun(own_var: Settings) -> None:
    noting = (
        "import pathlib, sys; from infra import starts; starts.note(pathlib.Path(sys.argv[1]), 'worker-index-search')"
    )
    for _ in range(starts.MOST_ENDS + 1):
        assert look(own_var, "work.restarts").status == HEALTHY
        subprocess.run([sys.executable, "-c", noting, str(own_var.var)], cwd=CHECKOUT, check=True)
        # One that runs on is no loop, however many there are.
        starts.note(own_var.var, "worker-index-search")
    finds(look(own_var, "work.restarts"), "work.restarts", "worker-index-search has ended 4 times", "tail")
    assert look(own_var, "work.restarts", ahead=LONG_AGO).status == HEALTHY


def test_a_full_disk(own_var: Settings) -> None:
    finds(look(own_var, "machine.disk", limits=Limits(free_share=1.0)), "machine.disk", "make room")


def test_secrets_that_others_can_read(own_var: Settings) -> None:
    (own_var.var / "secrets.env").touch(mode=0o644)
    (own_var.var / "secrets.env").chmod(0o644)
    finds(look(own_var, "machine.modes"), "machine.modes", "mode 644", "chmod 600")


def test_a_setting_that_does_nothing(own_var: Settings) -> None:
    found = look(replace(own_var, remarks=("TRASH_DAY is unknown",)), "settings.misspelt")
    finds(found, "settings.misspelt", "TRASH_DAY", "does nothing")


def test_a_log_that_is_not_rotated(own_var: Settings) -> None:
    (own_var.var / "log").mkdir()
    (own_var.var / "log" / "api.log").write_bytes(b"x" * 100)
    finds(look(own_var, "machine.logs", limits=Limits(log_bytes=99)), "machine.logs", "api.log", "truncate")


def test_a_port_where_nothing_listens_and_one_where_a_stranger_does(own_var: Settings) -> None:
    finds(look(own_var, "machine.ports"), "machine.ports", "the API does not run here")
    with answering(BaseHTTPRequestHandler) as port:
        finds(look(replace(own_var, port=port), "machine.ports"), "machine.ports", "not this service")


@contextlib.contextmanager
def answering(handler: type[BaseHTTPRequestHandler], tls: Path | None = None) -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def certificate(folder: Path, days: int) -> Path:
    """A key and a certificate for 127.0.0.1 that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    begins = dt.datetime.now(dt.UTC).replace(tzinfo=None) - dt.timedelta(days=30)
    place = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), begins)
    made = made.not_valid_after(begins + dt.timedelta(days=30 + days, hours=1)).add_extension(place, critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    signed = made.sign(key, hashes.SHA256())
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"{days}.pem"
    path.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(("days", "told"), [(5, "ends in 5 days"), (-1, "not valid")])
def test_a_certificate_that_ends(
    own_var: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, told: str
) -> None:
    path = certificate(tmp_path, days)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with answering(BaseHTTPRequestHandler, tls=path) as port:
        there = replace(own_var, s3_public_endpoint=f"https://127.0.0.1:{port}")
        finds(look(there, "machine.certificates"), "machine.certificates", told, "renew it")


@pytest.mark.parametrize(
    ("settings_", "status", "told"),
    [
        ({"SINPLUMA_PORT": "many"}, COULD_NOT_LOOK, "SINPLUMA_PORT"),
        ({"DATABASE_URL": "mysql+pymysql://a:b@127.0.0.1:1/c"}, COULD_NOT_LOOK, "database can't be reached"),
    ],
)
def test_the_command(settings: Settings, settings_: dict[str, str], status: int, told: str) -> None:
    command = [sys.executable, "run.py", "doctor", "--json"]
    done = subprocess.run(command, cwd=CHECKOUT, env=os.environ | settings_, capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    report = json.loads(done.stdout)
    assert report["status"] == "could not look"
    assert told in report["findings"][0]["what"]
    assert report["findings"][0].keys() == {"check", "what", "means", "helps"}
