"""The ways through the house are those of docs/house.md, on the stacks of real requests."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.frames import between, calls
from tests.service import Author, Service

HOUSE = Path(__file__).parent.parent.parent
STOP = re.compile(r"^\| (\d) .*\| `([^`]+)` \| `([^`]+)` \|$", re.MULTILINE)
TEXT = (HOUSE / "docs" / "house.md").read_text()
TABLE = STOP.findall(TEXT)
SAVE = re.findall(r"^\| \d+ \| `([^`]+)` \|", TEXT, re.MULTILINE)
STOPS = {"draft": [stop[1] for stop in TABLE], "published": [stop[2] for stop in TABLE]}
# Besides the stops: what tries again.
MECHANICS = {"infra/database.py"}


@pytest.fixture
def page(service: Service) -> tuple[Author, str]:
    author = service.author()
    notebook = author.notebook()
    made = author.page(notebook["id"])
    author.post(f"/notebooks/{notebook['id']}/publish", expect=200)
    service.redis.flushall()
    return author, f"/notebooks/{notebook['id']}/pages/{made['id']}"


@pytest.mark.parametrize("view", STOPS)
def test_a_read_stops_where_the_house_says(page: tuple[Author, str], view: str) -> None:
    author, path = page
    stops = STOPS[view]
    assert len(stops) == 5
    with calls() as cold:
        author.get(f"{path}?view={view}")
    called = [stack[-1].replace("retried.<locals>.tried", "") for stack in cold]
    places = [called.index(stop) for stop in stops]
    assert places == sorted(places), "in this order"
    on_the_way = between(cold, stops[0], stops[-1])
    assert len(on_the_way) <= 6, on_the_way
    files = {stop.partition(":")[0] for stop in stops} | MECHANICS
    assert {each.partition(":")[0] for each in on_the_way} <= files


def test_a_cached_read_of_a_published_page_passes_few_functions(service: Service, page: tuple[Author, str]) -> None:
    leases_hold = replace(service.settings, lease_seconds=5.0)
    reader = Service(leases_hold, service.engine, wipe=False).anyone()
    reader.get(page[1])
    with calls() as warm:
        reader.get(page[1])
    route = STOPS["published"][0]
    ways = [stack[stack.index(route) :] for stack in warm if route in stack]
    passed = [way[-1] for way in ways]
    assert set(STOPS["published"][:4]) <= set(passed)
    assert len(passed) <= 20, passed
    assert not [each for each in passed if each.startswith("read_models/") or "<lambda>" in each]


def test_a_save_stops_where_the_house_says(service: Service, page: tuple[Author, str]) -> None:
    author, path = page
    assert len(SAVE) == 10
    with calls() as stacks:
        author.put(path, {"content": "x"}, headers={"Idempotency-Key": "one"})
        service.drain()
        assert author.get(path)["content"] == "x"
    called = [stack[-1] for stack in stacks]
    place = -1
    for stop in SAVE:
        assert stop in called[place + 1 :], f"{stop}, after the stop before it"
        place = called.index(stop, place + 1)


def test_a_save_can_be_followed_from_its_route_to_its_handler(page: tuple[Author, str]) -> None:
    author, path = page
    with calls() as stacks:
        author.put(path, {"content": "x"}, headers={"Idempotency-Key": "one"})
    found = between(stacks, SAVE[0], SAVE[3])
    assert [each for each in found if each in SAVE] == SAVE[1:3]
    assert len(found) <= 5, found
    assert len([each for each in found if "<locals>" in each]) == 1, "no closures but what is tried again"
