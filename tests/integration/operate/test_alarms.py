"""Every alarm is about a figure that the service tells, and each is made to ring once: by real faults, in Prometheus'
own hands where promtool is there (Debian's package ``prometheus``)."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, insert

from api import create_app
from domain.commands.sweeping import orphan_objects
from events.deliveries import deliveries
from events.log import outbox
from infra import metrics, starts
from infra.clock import new_id, now
from infra.settings import CHECKOUT, Settings
from tests.service import Service

RULES = yaml.safe_load((CHECKOUT / "deploy" / "prometheus" / "sinpluma.rules.yml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((CHECKOUT / "deploy" / "grafana" / "sinpluma.json").read_text())
RUNBOOK = (CHECKOUT / "docs" / "runbook.md").read_text()
LONG_AGO = timedelta(hours=1)

Samples = dict[str, float]


@pytest.fixture
def service(db: Engine, settings: Settings, tmp_path: Path) -> Service:
    """With a folder of its own: nobody else's programs have been started over and over there."""
    var = tmp_path / "var"
    var.mkdir()
    return Service(replace(settings, var=var), db)


def scraped(settings: Settings) -> Samples:
    """Each series with its labels, as Prometheus would store it."""
    answer = create_app(settings).test_client().get("/metrics")
    found: Samples = {'up{job="sinpluma"}': 1.0}
    for family in text_string_to_metric_families(answer.get_data(as_text=True)):
        for each in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in each.labels.items())
            found[f"{each.name}{{{labels}}}"] = each.value
    return found


def plant(service: Service, table: Any, *rows: dict[str, Any]) -> None:
    with service.engine.begin() as connection:
        connection.execute(insert(table), list(rows))


def event(**more: Any) -> dict[str, Any]:
    ids = {"event_id": new_id(), "aggregate_id": new_id(), "owner_id": new_id()}
    return ids | {"type": "page.edited", "version": 1, "occurred_at": now() - LONG_AGO} | more


def delivery(**more: Any) -> dict[str, Any]:
    return event(reaction="index-search", state="pending", attempts=0, due_at=now(), **more)


def away(**more: Any) -> Callable[[Service], Samples]:
    return lambda service: scraped(replace(service.settings, **more))


def planted(table: Any, row: Callable[[], dict[str, Any]], count: int = 1) -> Callable[[Service], Samples]:
    def faulty(service: Service) -> Samples:
        plant(service, table, *(row() for _ in range(count)))
        return scraped(service.settings)

    return faulty


def crash_loop(service: Service) -> Samples:
    noting = (
        "import pathlib, sys; from infra import starts; starts.note(pathlib.Path(sys.argv[1]), 'worker-index-search')"
    )
    for _ in range(starts.MOST_ENDS + 1):
        subprocess.run([sys.executable, "-c", noting, str(service.settings.var)], cwd=CHECKOUT, check=True)
    try:
        return scraped(service.settings)
    finally:
        shutil.rmtree(service.settings.var / starts.STARTS)


def strangers(service: Service) -> Samples:
    service.redis.incr("sinpluma:dropped-jobs")
    return scraped(service.settings)


def answered(status: str, seconds: float) -> Callable[[Service], Samples]:
    def faulty(service: Service) -> Samples:
        for _ in range(20):
            metrics.requests.observe("GET", "/api/v1/search", status, seconds)
        return scraped(service.settings)

    return faulty


def orphan() -> dict[str, Any]:
    return {"key": f"pictures/{new_id()}/original", "bytes": 2_000_000_000, "found_at": now()}


FAULTS: dict[str, Callable[[Service], Samples]] = {
    "SinPlumaDoesNotAnswer": lambda service: {'up{job="sinpluma"}': 0.0},
    "DatabaseDown": away(database_url="mysql+pymysql://a:b@127.0.0.1:1/c"),
    "RedisDown": away(redis_url="redis://127.0.0.1:1/0"),
    "RelayStandsStill": planted(outbox, event),
    "ReactionStandsStill": planted(deliveries, delivery),
    "SearchLags": planted(deliveries, delivery),
    "BacklogGrows": planted(deliveries, delivery, count=1200),
    "DeliveriesParked": planted(deliveries, lambda: delivery() | {"state": "parked"}),
    "ProgramIsStartedOverAndOver": crash_loop,
    "JobsOfStrangers": strangers,
    "RequestsFail": answered("500", 0.01),
    "RequestsAreSlow": answered("200", 4.0),
    "OrphansPileUp": planted(orphan_objects, orphan),
}


def named(text: str) -> set[str]:
    return set(re.findall(r"\bsinpluma_[a-z_]+", text))


def test_every_figure_of_an_alarm_or_a_panel_is_told(service: Service) -> None:
    service.client().get("/healthz")
    starts.note(service.settings.var, "api")
    told = {series.partition("{")[0] for series in scraped(service.settings)}
    asked = {name for rule in RULES for name in named(rule["expr"])}
    panels = {name for panel in DASHBOARD["panels"] for target in panel["targets"] for name in named(target["expr"])}
    assert len(asked) >= 10
    assert (asked - told, panels - told) == (set(), set())


def test_every_alarm_has_its_part_of_the_runbook_and_its_fault_here() -> None:
    assert [rule["alert"] for rule in RULES] == list(FAULTS)
    parts = {rule["annotations"]["runbook"] for rule in RULES}
    assert {part for part in parts if f"\n## {part}\n" not in RUNBOOK} == set()


def minutes(rule: dict[str, Any]) -> int:
    """Long enough for it to ring."""
    return 1500 if rule.get("for") == "1d" else 40


def series(rule: dict[str, Any], before: Samples, after: Samples) -> list[dict[str, str]]:
    """What the alarm looks at: it was as ``before``, and counts go on as they did from then to ``after``."""
    wanted = named(rule["expr"]) | {"up"}
    found = []
    for name, value in after.items():
        metric = name.partition("{")[0]
        grows = metric.endswith(("_total", "_bucket", "_count", "_sum")) or rule["alert"] == "BacklogGrows"
        if metric in wanted:
            old = before.get(name, 0.0) if grows else value
            found.append({"series": name, "values": f"{old:.6f}+{value - old:.6f}x{minutes(rule)}"})
    return found


def promtool(folder: Path, tests: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not here; Debian's package prometheus has it")
    rules = CHECKOUT / "deploy" / "prometheus" / "sinpluma.rules.yml"
    told = {"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": tests}
    (folder / "tests.yml").write_text(yaml.safe_dump(told))
    return subprocess.run([program, "test", "rules", str(folder / "tests.yml")], capture_output=True, text=True)


def case(rule: dict[str, Any], before: Samples, after: Samples, rings: int) -> dict[str, Any]:
    question = f'count(ALERTS{{alertname="{rule["alert"]}", alertstate="firing"}}) > bool 0 or vector(0)'
    expected = [{"labels": "{}", "value": rings}]
    asked = {"expr": question, "eval_time": f"{minutes(rule) - 5}m", "exp_samples": expected}
    input_series = series(rule, before, after)
    return {"name": rule["alert"], "interval": "1m", "input_series": input_series, "promql_expr_test": [asked]}


def test_each_alarm_rings_once_and_none_without_a_reason(service: Service, tmp_path: Path) -> None:
    service.client().get("/healthz")
    service.redis.delete("sinpluma:dropped-jobs")
    calm = scraped(service.settings)
    cases = []
    for rule in RULES:
        cases.append(case(rule, calm, FAULTS[rule["alert"]](service), rings=1))
        cases.append(case(rule, calm, calm, rings=0))
        with service.engine.begin() as connection:
            for table in (outbox, deliveries, orphan_objects):
                connection.execute(table.delete())
    service.redis.delete("sinpluma:dropped-jobs")
    done = promtool(tmp_path, cases)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_finds_no_fault_with_the_files(tmp_path: Path) -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not here; Debian's package prometheus has it")
    for name in ("prometheus.yml", "sinpluma.rules.yml"):
        text = (CHECKOUT / "deploy" / "prometheus" / name).read_text()
        (tmp_path / name).write_text(text.replace("/etc/prometheus/sinpluma-token", str(tmp_path / "token")))
    (tmp_path / "token").write_text("x")
    done = subprocess.run(
        [program, "check", "config", str(tmp_path / "prometheus.yml")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
