"""What operators see of the service, and who may."""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from rq.utils import as_text
from sqlalchemy import insert, update

from api import create_app
from domain.commands.sweeping import orphan_objects
from events.deliveries import deliveries
from events.log import outbox
from events.subscriptions import CUT_REVISIONS, INDEX_SEARCH, REACTIONS, UNROUTED, UPDATE_VIEWS
from infra import metrics
from infra.clock import now
from tests.e2e.running import wait_for
from tests.integration.signing_in import administrator
from tests.service import Service

TOKEN = "a token for whoever watches from afar"
Labels = dict[str, str]


class Figures:
    """A scrape, read as Prometheus reads it."""

    def __init__(self, client: FlaskClient, **headers: str) -> None:
        answer = client.get("/metrics", headers=headers)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        self.families = {each.name: each for each in text_string_to_metric_families(answer.get_data(as_text=True))}

    def of(self, name: str, **labels: str) -> float:
        """The sum of all that has these labels."""
        return sum(value for told, value in self._samples(name) if labels.items() <= told.items())

    def labels(self, name: str, label: str) -> set[str]:
        return {told[label] for told, _ in self._samples(name)}

    def _samples(self, name: str) -> Iterator[tuple[Labels, float]]:
        for family in self.families.values():
            for sample in family.samples:
                if sample.name == name:
                    yield sample.labels, sample.value


@pytest.fixture
def client(service: Service) -> FlaskClient:
    return service.client()


PROMISED = {
    "sinpluma_http_requests_total": {"method", "route", "status"},
    "sinpluma_http_request_duration_seconds_bucket": {"method", "route", "status", "le"},
    "sinpluma_events_pending": set[str](),
    "sinpluma_events_oldest_seconds": set[str](),
    "sinpluma_deliveries": {"consumer", "state"},
    "sinpluma_queue_depth": {"queue"},
    "sinpluma_queue_oldest_seconds": {"queue"},
    "sinpluma_jobs_dropped_total": set[str](),
    "sinpluma_index_lag_seconds": set[str](),
    "sinpluma_orphan_bytes": set[str](),
}


def test_all_that_is_promised_is_there_from_the_start(client: FlaskClient) -> None:
    client.get("/healthz")
    figures = Figures(client)
    for name, labels in PROMISED.items():
        told = list(figures._samples(name))
        assert told, name
        assert all(set(each) == labels for each, _ in told), name
    assert figures.labels("sinpluma_queue_depth", "queue") == set(REACTIONS)
    assert figures.labels("sinpluma_deliveries", "consumer") == {*REACTIONS, UNROUTED}
    assert figures.labels("sinpluma_deliveries", "state") == {"pending", "parked"}


# --- requests ---------------------------------------------------------------------------------------------------------


def test_requests_are_counted_under_their_route_and_never_under_their_path(
    client: FlaskClient, service: Service
) -> None:
    author = service.author()
    notebook = author.notebook()
    before = Figures(client)
    for _ in range(3):
        author.get(f"/notebooks/{notebook['id']}")
    author.get(f"/notebooks/{'0' * 32}", expect=404)
    client.get("/some/secret/path")
    client.open("/healthz", method="BREW")
    client.get("/internal/rq/")
    after = Figures(client)

    def more(**labels: str) -> float:
        return after.of("sinpluma_http_requests_total", **labels) - before.of("sinpluma_http_requests_total", **labels)

    route = "/api/v1/notebooks/{notebook_id}"
    assert more(method="GET", route=route, status="200") == 3
    assert more(method="GET", route=route, status="404") == 1
    assert more(method="GET", route="unmatched", status="404") == 1
    assert more(method="other", route="unmatched", status="405") == 1
    assert more(route="/internal/rq/") == 1
    assert not [each for each in after.labels("sinpluma_http_requests_total", "route") if "secret" in each]
    counted = after.of("sinpluma_http_request_duration_seconds_count", route=route)
    assert counted == after.of("sinpluma_http_requests_total", route=route)
    assert counted == after.of("sinpluma_http_request_duration_seconds_bucket", route=route, le="+Inf")
    assert 0 < after.of("sinpluma_http_request_duration_seconds_sum", route=route) < 60


def test_a_failure_on_our_side_is_counted_as_one(service: Service, client: FlaskClient) -> None:
    def fail() -> str:
        raise ZeroDivisionError

    service.app.add_url_rule("/fails", view_func=fail)
    service.app.config["PROPAGATE_EXCEPTIONS"] = False
    client.get("/fails", headers={"Authorization": f"Bearer {service.author().token}"})
    assert Figures(client).of("sinpluma_http_requests_total", route="/fails", status="500") == 1


def test_what_other_processes_have_counted_is_added_up_the_dead_ones_too(
    service: Service, client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "shared", metrics.Shared())
    monkeypatch.setattr(metrics, "WRITE_SECONDS", 0.01)
    client.get("/healthz")
    alone = Figures(client).of("sinpluma_http_requests_total", route="/healthz")
    metrics.shared.begin(tmp_path)
    counts = [1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 4.0]
    metrics.write(tmp_path / "1-dead.json", {("GET", "/healthz", "200"): [*counts, 50.5]})
    metrics.write(tmp_path / "2-dead.json", {("GET", "/readyz", "503"): [*counts, 50.5]})
    wait_for(lambda: len(list(tmp_path.glob("*.json"))) == 3, 30, "the counts of this process")
    together = Figures(client)
    assert together.of("sinpluma_http_requests_total", route="/healthz") == alone + 7
    assert together.of("sinpluma_http_requests_total", route="/readyz", status="503") == 7
    bucket = "sinpluma_http_request_duration_seconds_bucket"
    told = [together.of(bucket, route="/readyz", status="503", le=bound) for bound in ("0.005", "0.02", "5.0", "+Inf")]
    assert told == [1, 3, 3, 7]
    assert together.of("sinpluma_http_request_duration_seconds_sum", route="/readyz", status="503") == 50.5


# --- events, deliveries, queues ---------------------------------------------------------------------------------------


def test_events_are_told_until_the_relay_has_them_and_deliveries_until_they_are_done(
    service: Service, client: FlaskClient
) -> None:
    author = service.author()
    service.drain()
    quiet = Figures(client)
    assert quiet.of("sinpluma_events_pending") == quiet.of("sinpluma_deliveries") == 0
    assert quiet.of("sinpluma_events_oldest_seconds") == quiet.of("sinpluma_index_lag_seconds") == 0
    author.page(author.notebook()["id"])
    with service.engine.begin() as connection:
        connection.execute(update(outbox).values(occurred_at=now() - timedelta(seconds=100)))
    written = Figures(client)
    assert written.of("sinpluma_events_pending") == 3
    assert 100 <= written.of("sinpluma_events_oldest_seconds") < 160
    assert 100 <= written.of("sinpluma_index_lag_seconds") < 160
    service.relay.run_once()
    handed = Figures(client)
    assert handed.of("sinpluma_events_pending") == 0
    assert handed.of("sinpluma_deliveries", consumer=UPDATE_VIEWS, state="pending") == 3
    assert handed.of("sinpluma_deliveries", consumer=CUT_REVISIONS, state="pending") == 1
    assert 100 <= handed.of("sinpluma_index_lag_seconds") < 160
    assert handed.of("sinpluma_queue_depth", queue=INDEX_SEARCH) == 1
    service.drain()
    done = Figures(client)
    assert done.of("sinpluma_deliveries") == done.of("sinpluma_queue_depth") == 0
    assert done.of("sinpluma_index_lag_seconds") == done.of("sinpluma_queue_oldest_seconds") == 0


def test_the_age_of_a_queue_is_that_of_its_oldest_job(
    service: Service, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.relay.MOST_WAITING", 2)
    author = service.author()
    service.relay.run_once()
    (first, *_) = service.redis.lrange(f"rq:queue:{UPDATE_VIEWS}", 0, -1)
    service.redis.hset(f"rq:job:{as_text(first)}", "enqueued_at", (now() - timedelta(seconds=500)).isoformat())
    author.notebook()
    service.relay.run_once()
    figures = Figures(client)
    assert figures.of("sinpluma_queue_depth", queue=UPDATE_VIEWS) == 2
    assert 500 <= figures.of("sinpluma_queue_oldest_seconds", queue=UPDATE_VIEWS) < 560
    service.redis.delete(f"rq:job:{as_text(first)}")
    assert Figures(client).of("sinpluma_queue_oldest_seconds", queue=UPDATE_VIEWS) == 0


def test_what_was_given_up_and_what_nobody_knows_is_told(service: Service, client: FlaskClient) -> None:
    author = service.author()
    service.relay.run_once()
    with service.engine.begin() as connection:
        connection.execute(update(deliveries).values(state="parked"))
    parked = Figures(client)
    assert parked.of("sinpluma_deliveries", consumer=UPDATE_VIEWS, state="parked") == 1
    author.notebook()
    with service.engine.begin() as connection:
        connection.execute(update(outbox).values(type="of.tomorrow"))
    service.relay.run_once()
    assert Figures(client).of("sinpluma_deliveries", consumer=UNROUTED, state="parked") == 1


def test_orphans_are_told_in_bytes(service: Service, client: FlaskClient) -> None:
    found = [{"key": f"pictures/{size}", "bytes": size, "found_at": now()} for size in (1000, 234)]
    with service.engine.begin() as connection:
        connection.execute(insert(orphan_objects), found)
    assert Figures(client).of("sinpluma_orphan_bytes") == 1234


# --- when a part is away ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "url", "part", "gone", "left"),
    [
        ("redis_url", "redis://127.0.0.1:1/0", "redis", "sinpluma_queue_depth", "sinpluma_events_pending"),
        (
            "database_url",
            "mysql+pymysql://a:b@127.0.0.1:1/c",
            "database",
            "sinpluma_events_pending",
            "sinpluma_queue_depth",
        ),
        ("s3_endpoint", "http://127.0.0.1:1", "", "", "sinpluma_orphan_bytes"),
    ],
)
def test_a_part_that_is_away_costs_its_own_figures_only(
    service: Service, setting: str, url: str, part: str, gone: str, left: str
) -> None:
    settings = dataclasses.replace(service.settings, **{setting: url})  # type: ignore[arg-type]
    figures = Figures(create_app(settings).test_client())
    assert left in figures.families
    assert gone not in figures.families
    for each in ("database", "redis"):
        assert figures.of("sinpluma_up", part=each) == (each != part)
    assert "sinpluma_http_requests" in figures.families or "sinpluma_http_requests_total" in figures.families


# --- who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.9", "::1"])
def test_this_machine_itself_may_look(client: FlaskClient, address: str) -> None:
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": address}).status_code == 200


@pytest.mark.parametrize("address", ["192.0.2.1", "10.0.0.1", "2001:db8::1", "", "localhost"])
def test_no_other_machine_may(client: FlaskClient, address: str) -> None:
    answer = client.get("/metrics", environ_base={"REMOTE_ADDR": address})
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert "sinpluma_" not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "Via"]
)
def test_what_a_proxy_of_this_machine_passed_on_is_not_this_machine(client: FlaskClient, header: str) -> None:
    assert client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 401


@pytest.mark.parametrize("claimed", ["127.0.0.1", "127.0.0.1, 198.51.100.1", "198.51.100.1"])
def test_a_trusted_proxy_can_not_make_a_stranger_local(service: Service, claimed: str) -> None:
    settings = dataclasses.replace(service.settings, trusted_proxies=("127.0.0.0/8",))
    answer = create_app(settings).test_client().get("/metrics", headers={"X-Forwarded-For": claimed})
    assert answer.status_code == 401


FROM_AFAR: Any = {"REMOTE_ADDR": "192.0.2.1"}


def test_the_token_opens_from_everywhere_and_nothing_like_it_does(service: Service) -> None:
    client = create_app(dataclasses.replace(service.settings, metrics_token=TOKEN)).test_client()

    def status(sent: str | None) -> int:
        headers = {"Authorization": sent} if sent else {}
        return client.get("/metrics", headers=headers, environ_base=FROM_AFAR).status_code

    assert status(f"Bearer {TOKEN}") == 200
    wrong = [None, "Bearer", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", TOKEN, f"Basic {TOKEN}", "Bearer None"]
    assert {each: status(each) for each in wrong} == dict.fromkeys(wrong, 401)


def test_without_a_token_of_its_own_none_opens_it_but_an_administrators(service: Service, client: FlaskClient) -> None:
    def status(token: str | None) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return client.get("/metrics", headers=headers, environ_base=FROM_AFAR).status_code

    assert status(administrator(service).access) == 200
    assert status(service.author().token) == 403
    for sent in ("Bearer None", "Bearer ", "Bearer"):
        answer = client.get("/metrics", headers={"Authorization": sent}, environ_base=FROM_AFAR)
        assert answer.status_code == 401
