"""``python -m tests.chaos [SCENARIO …]``: the full figures; prints a table and writes it as JSON.

Exits 0 when everything held. A failure is run again with the seed that the table names.
"""

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import SystemRandom

from deploy.embedded import EmbeddedServices
from infra.proxies import forget_proxies
from infra.settings import explicit_environment, var_folder
from tests.chaos.report import Report, Scenario, table, write_json
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.system import System


def main() -> int:
    arguments = _parser().parse_args()
    forget_proxies()
    chosen = [each for each in SCENARIOS if not arguments.scenarios or _is_named(each, arguments.scenarios)]
    target = arguments.json or var_folder(explicit_environment()) / "chaos-results.json"
    reports = []
    for scenario in chosen:
        reports.append(_carried_out(scenario, arguments.seed, arguments.short))
        # After each one: hours of runs must not be lost to the last.
        write_json(reports, target)
    print(table(reports))
    for report in reports:
        if not report.holds:
            print(f"\n{report.name} FAILED (again: python -m tests.chaos {report.name} --seed {report.seed})")
            print(report.failures())
    print(f"written to {target}")
    return 0 if reports and all(report.holds for report in reports) else 1


def _is_named(scenario: Scenario, names: list[str]) -> bool:
    return scenario.name in names or str(scenario.number) in names


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    listed = ", ".join(f"{each.number} {each.name}" for each in SCENARIOS)
    parser.add_argument("scenarios", metavar="SCENARIO", nargs="*", help=f"numbers or names of: {listed}; default: all")
    parser.add_argument("--seed", default=str(SystemRandom().randrange(10**6)), help="of an earlier run")
    parser.add_argument("--short", action="store_true", help="the sizes that the test suite runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="default: SINPLUMA_VAR/chaos-results.json")
    return parser


def _carried_out(scenario: Scenario, seed: str, short: bool) -> Report:
    report = Report(scenario.number, scenario.name, seed)
    print(f"{scenario.number} {scenario.name}, seed {seed} …", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="sinpluma-chaos-") as folder:
        try:
            with EmbeddedServices(Path(folder) / "var") as services:
                System.is_hurried = short
                scenario.run(services, scenario.short if short else scenario.full, report, Path(folder))
        except Exception as error:
            # One that breaks must not keep the others from being run.
            traceback.print_exc()
            report.note(f"{type(error).__name__}: {error}")
            report.must("ran to its end", False)
    report.seconds = time.monotonic() - report.began
    print(f"  {'ok' if report.holds else 'FAILED'} after {report.seconds:.0f} s", file=sys.stderr, flush=True)
    return report


if __name__ == "__main__":
    sys.exit(main())
