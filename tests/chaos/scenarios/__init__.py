"""The scenarios, by the numbers that they have among the promises. One file is one, and ends in ``SCENARIO``."""

from importlib import import_module
from pkgutil import iter_modules

from tests.chaos.report import Scenario

SCENARIOS: list[Scenario] = sorted(
    (import_module(f"{__name__}.{module.name}").SCENARIO for module in iter_modules(__path__)),
    key=lambda scenario: scenario.number,
)
