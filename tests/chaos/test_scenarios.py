"""The short form of each scenario; the promised sizes are run by ``make chaos``."""

from pathlib import Path

import pytest

from deploy.embedded import EmbeddedServices
from infra.settings import Settings
from tests.chaos.report import Report, Scenario
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.system import System

# Its short form is tests/integration/test_openapi.py.
FUZZING = "fuzzing"


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(each, id=each.name, marks=[pytest.mark.alone] if each.measures_time else [])
        for each in SCENARIOS
        if each.name != FUZZING
    ],
)
def test_nothing_is_lost(
    scenario: Scenario,
    servers: EmbeddedServices,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(System, "is_hurried", True)
    report = Report(scenario.number, scenario.name, seed="short")
    scenario.run(servers, scenario.short, report, tmp_path)
    assert report.holds, report.failures()
