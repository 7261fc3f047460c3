"""Two services on one Redis or one bucket: the second is refused, and neither touches what is the other's."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select, update

from infra.clock import now, secret_id
from infra.identity import database_id, identity
from infra.marks import FOLDER, KEY, NotOurs, claim_bucket, claim_redis
from infra.objects import Store
from infra.settings import CHECKOUT
from operate.claims import claim
from tests.integration.drawing import photograph
from tests.integration.test_pictures import send
from tests.service import Service
from workers.sweep import Sweep, SweepRefused

OTHER = "0" * 31 + "7"


@pytest.fixture
def store(service: Service) -> Iterator[Store]:
    """The bucket, empty before and without a mark of ours behind it."""
    made = Store(service.settings)
    for each in list(made.under("")):
        made.remove(each.key)
    yield made
    for each in list(made.under("")):
        made.remove(each.key)


def ours(service: Service) -> str:
    with service.engine.connect() as connection:
        found = database_id(connection)
    assert found is not None
    assert len(found) == 32
    return found


def put(store: Store, key: str) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"something")
        file.flush()
        store.put(key, Path(file.name), "text/plain")


def keys(store: Store) -> set[str]:
    return {each.key for each in store.under("")}


def test_what_is_ours_is_marked_once_and_stays_ours(service: Service, store: Store) -> None:
    for _ in range(2):
        claim(service.settings)
        assert service.redis.get(KEY) == ours(service).encode()
        assert keys(store) == {f"{FOLDER}{ours(service)}"}


def test_anothers_redis_is_refused_with_both_ids(service: Service) -> None:
    service.redis.set(KEY, OTHER)
    with pytest.raises(NotOurs) as refusal:
        claim_redis(service.redis, ours(service))
    assert OTHER in str(refusal.value)
    assert ours(service) in str(refusal.value)
    assert service.redis.get(KEY) == OTHER.encode()


def test_anothers_bucket_is_refused_with_both_ids_and_stays_as_it_is(service: Service, store: Store) -> None:
    put(store, f"{FOLDER}{OTHER}")
    with pytest.raises(NotOurs) as refusal:
        claim_bucket(store, ours(service))
    assert OTHER in str(refusal.value)
    assert ours(service) in str(refusal.value)
    assert keys(store) == {f"{FOLDER}{OTHER}"}


@pytest.mark.parametrize("command", [["api"], ["relay"], ["clock"], ["worker", "update-views"]])
def test_no_program_starts_on_anothers_redis(service: Service, command: list[str], tmp_path: Path) -> None:
    service.redis.set(KEY, OTHER)
    ended = subprocess.run(
        [sys.executable, "run.py", *command], cwd=CHECKOUT, capture_output=True, text=True, timeout=60, env=os.environ
    )
    assert ended.returncode == 1
    assert OTHER in ended.stderr
    assert ours(service) in ended.stderr


def test_an_operator_takes_over_what_a_service_that_is_gone_has_marked(service: Service, store: Store) -> None:
    service.redis.set(KEY, OTHER)
    put(store, f"{FOLDER}{OTHER}")
    for arguments, status in ((), 1), (("--take-over",), 0), ((), 0):
        ended = claimed(*arguments)
        assert (ended.returncode, "--take-over" in ended.stderr) == (status, status == 1), ended.stderr
    assert service.redis.get(KEY) == ours(service).encode()
    assert keys(store) == {f"{FOLDER}{ours(service)}"}
    assert claimed("--take-over", REDIS_URL="redis://127.0.0.1:1/0").returncode == 1


def claimed(*arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "operate.claims", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, env=os.environ | more, capture_output=True, text=True, timeout=60)


def test_what_is_away_keeps_nobody_from_starting(service: Service) -> None:
    nowhere: dict[str, Any] = {"redis_url": "redis://127.0.0.1:1/0", "s3_endpoint": "http://127.0.0.1:1"}
    claim(replace(service.settings, **nowhere))
    claim(replace(service.settings, database_url="mysql+pymysql://a:b@127.0.0.1:1/none"))


def test_an_older_schema_has_no_id(service: Service) -> None:
    with service.engine.connect() as connection:
        kept = connection.scalar(select(identity.c.id))
        connection.execute(update(identity).values(id=OTHER))
        assert database_id(connection) == OTHER
        connection.rollback()
        assert database_id(connection) == kept


def test_the_sweep_touches_nothing_in_anothers_bucket(service: Service, store: Store) -> None:
    put(store, f"{FOLDER}{OTHER}")
    put(store, f"pictures/{secret_id()}/original")
    send(service.author(), photograph())
    before = keys(store)
    for minutes in (0, 3):
        with pytest.raises(SweepRefused, match=OTHER):
            Sweep(service.engine, service.settings, now() + timedelta(minutes=minutes)).run()
    assert keys(store) == before


def test_the_sweep_touches_only_keys_of_its_own_form(service: Service, store: Store) -> None:
    ours_, upper = secret_id(), secret_id().upper()
    theirs = {
        "pictures/holiday.jpg",
        f"pictures/{ours_}/huge",
        f"pictures/{ours_}/original.bak",
        f"pictures/{upper}/original",
        "elsewhere/file",
    }
    for key in (*theirs, f"pictures/{ours_}/original"):
        put(store, key)
    # That the database is the bucket's.
    send(service.author(), photograph())
    chosen = replace(service.settings, orphan_grace_seconds=60)
    for seconds in (0, 61):
        Sweep(service.engine, chosen, now() + timedelta(seconds=seconds)).run()
    assert keys(store) >= theirs
    assert f"pictures/{ours_}/original" not in keys(store)


class Versions(BaseHTTPRequestHandler):
    """As much of a store with versions as a removal asks for."""

    kept: ClassVar[dict[str, list[str]]]
    status = "Enabled"

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        if "versioning" in query:
            told = f"<Status>{self.status}</Status>" if self.status else ""
            self._answer(f"<VersioningConfiguration>{told}</VersioningConfiguration>")
            return
        found = [
            (key, each) for key in sorted(self.kept) if key.startswith(query["prefix"][0]) for each in self.kept[key]
        ]
        listed = "".join(
            f"<{kind}><Key>{key}</Key><VersionId>{each}</VersionId><IsLatest>false</IsLatest>"
            f"<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>e</ETag><Size>1</Size></{kind}>"
            for key, each in found
            for kind in (["DeleteMarker"] if each.startswith("marker") else ["Version"])
        )
        self._answer(f"<ListVersionsResult><Name>b</Name><IsTruncated>false</IsTruncated>{listed}</ListVersionsResult>")

    def do_DELETE(self) -> None:
        parts = urlsplit(self.path)
        key, version = parts.path.split("/", 2)[2], parse_qs(parts.query).get("versionId")
        if version:
            self.kept[key].remove(version[0])
        else:
            self.kept[key].append("marker-new")
        self.send_response(204)
        self.end_headers()

    def _answer(self, body: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def with_versions() -> Iterator[tuple[str, type[Versions]]]:
    class Ours(Versions):
        kept: ClassVar[dict[str, list[str]]] = {
            "pictures/a/original": ["1", "2", "marker-1"],
            "pictures/a/original2": ["1"],
        }

    with ThreadingHTTPServer(("127.0.0.1", 0), Ours) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", Ours
        server.shutdown()


def test_a_removed_objects_versions_go_too(service: Service, with_versions: tuple[str, type[Versions]]) -> None:
    endpoint, kept = with_versions
    Store(replace(service.settings, s3_endpoint=endpoint)).remove("pictures/a/original")
    assert kept.kept == {"pictures/a/original": [], "pictures/a/original2": ["1"]}


def test_where_none_are_kept_an_object_is_removed_as_ever(
    service: Service, with_versions: tuple[str, type[Versions]]
) -> None:
    endpoint, kept = with_versions
    kept.status = ""
    Store(replace(service.settings, s3_endpoint=endpoint)).remove("pictures/a/original")
    assert kept.kept["pictures/a/original"] == ["1", "2", "marker-1", "marker-new"]
