"""Whatever people do, in any order, the service answers what a plain model of the contract says.

The same stories are told in each run, so that a failure can be had again. ``SINPLUMA_STORIES`` asks for more of them.
"""

import os
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Engine

from infra.settings import Settings
from tests.integration.stories.people import QuickService
from tests.integration.stories.telling import tellers

STORIES = int(os.environ.get("SINPLUMA_STORIES", "200"))
STEPS = 10


@pytest.mark.timeout(600)
def test_no_story_goes_otherwise_than_the_contract_tells_it(db: Engine, settings: Settings) -> None:
    # What is taken from readers is waited for so long; the stories take much.
    brief = replace(settings, lease_seconds=0.005)
    machine = tellers(QuickService(brief, db), QuickService(brief, db, wipe=False))
    chosen = hypothesis_settings(
        max_examples=STORIES,
        stateful_step_count=STEPS,
        derandomize=True,
        # Ten steps read well enough; to find fewer that fail takes minutes.
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=chosen)
    assert machine.told >= STORIES
