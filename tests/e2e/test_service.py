"""What the README promises, on the service as it is started: one import, everything killed on the way."""

import json
import random
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.e2e.running import CHECKOUT, Running, wait_for
from tests.e2e.tour import take_the_tour

CHAPTERS = 30
ADJECTIVES = ("amber", "brisk", "candid", "dusty", "eager", "faint", "gentle", "hollow", "idle", "jolly")
PATIENCE = 60.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("e2e") / "var") as service:
        yield service


def write_book(folder: Path) -> Path:
    """A book of ours: every chapter has a word of its own, and one speaks Spanish and one Chinese."""
    folder.mkdir()
    for number in range(1, CHAPTERS + 1):
        words = " ".join(f"{ADJECTIVES[(number * step) % 10]} morning" for step in range(1, 200))
        text = f"# Chapter {number}\n\nHere stands the word unique{number}. {words}.\n"
        (folder / f"{number:02}.md").write_text(text)
    (folder / "31.md").write_text("# Capítulo\n\nLa señora abrió la puerta despacio.\n")
    (folder / "32.md").write_text("# 第一章\n\n他每天写作而不知疲倦。\n")
    return folder


def start_import(running: Running, book: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "seed.py", "--url", running.url, "--from", str(book), "--title", "A book", "--publish", *more],
        cwd=CHECKOUT,
        env=running.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def sign_in(running: Running, output: str) -> httpx.Client:
    email, password = (re.search(rf"^{word}: (\S+)$", output, re.MULTILINE)[1] for word in ("email", "password"))  # type: ignore[index]
    client = httpx.Client(base_url=f"{running.url}/api/v1", timeout=30)
    tokens = client.post("/auth/login", json={"email": email, "password": password}).json()
    client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    return client


def is_quiet(client: httpx.Client) -> bool:
    return client.get("/search", params={"q": "anything"}).json()["freshness"]["pending_events"] == 0


def test_an_import_survives_killed_processes_and_a_wiped_redis(running: Running, tmp_path: Path) -> None:
    importing = start_import(running, write_book(tmp_path / "book"))
    trouble = threading.Thread(target=cause_trouble, args=(running, importing))
    trouble.start()
    output, _ = importing.communicate(timeout=180)
    trouble.join()
    assert importing.returncode == 0, output
    client = sign_in(running, output)
    wait_for(lambda: is_quiet(client), PATIENCE, "the index to catch up")
    notebooks = client.get("/notebooks").json()["items"]
    assert [(each["title"], each["page_count"]) for each in notebooks] == [("A book", CHAPTERS + 2)]
    notebook = client.get(f"/notebooks/{notebooks[0]['id']}").json()
    for page in notebook["pages"]:
        kinds = wait_for(partial(kinds_of, client, page["id"]), PATIENCE, "revisions")
        assert kinds == ["publish", "save"]
    anyone = httpx.Client(base_url=f"{running.url}/api/v1")
    for number, page in enumerate(notebook["pages"][:CHAPTERS], start=1):
        hits = anyone.get("/search", params={"q": f"unique{number}"}).json()["items"]
        assert [hit["page_id"] for hit in hits] == [page["id"]]
        assert f"unique{number}." in anyone.get(f"/notebooks/{notebook['id']}/pages/{page['id']}").json()["content"]
    for words in ("senora", "每天写作", '"abrio la puerta"'):
        assert anyone.get("/search", params={"q": words}).json()["total"] == 1


def kinds_of(client: httpx.Client, page_id: str) -> list[str] | None:
    kinds = sorted(each["kind"] for each in client.get(f"/pages/{page_id}/revisions").json()["items"])
    return kinds if len(kinds) == 2 else None


def cause_trouble(running: Running, importing: subprocess.Popen[str]) -> None:
    """Kill the relay, the workers and their children, and wipe Redis, again and again until the import is over."""
    redis, dice = running.redis(), random.Random(7)
    while importing.poll() is None:
        # Any of the relay, the clock, the workers, what they have forked, and the parent of all.
        family = running.processes("run.py background")
        running.kill_these(dice.sample(family, len(family) // 3))
        redis.flushall()
        try:
            importing.wait(0.3)
        except subprocess.TimeoutExpired:
            continue


def test_an_import_run_again_creates_nothing_twice(running: Running, tmp_path: Path) -> None:
    book = write_book(tmp_path / "book")
    first = start_import(running, book)
    # Interrupted somewhere in the middle: by then the notebook is there.
    wait_for(lambda: "A book" in (first.stdout.readline() if first.stdout else ""), PATIENCE, "the first pages")
    first.kill()
    first.wait()
    again, _ = start_import(running, book).communicate(timeout=180)
    client = sign_in(running, again)
    page_counts = [each["page_count"] for each in client.get("/notebooks").json()["items"]]
    # The test before this imported a folder of its own, which is another notebook.
    assert page_counts.count(CHAPTERS + 2) == len(page_counts)
    last, _ = start_import(running, book).communicate(timeout=180)
    assert f"{CHAPTERS + 2} unchanged" in last


def test_a_get_right_after_a_put_is_never_stale(running: Running) -> None:
    client = httpx.Client(base_url=f"{running.url}/api/v1", timeout=30)
    someone = {"username": "prompt", "email": "prompt@example.org", "password": "a long enough password"}
    client.post("/auth/register", json=someone)
    token = client.post("/auth/login", json={k: someone[k] for k in ("email", "password")}).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    notebook = client.post("/notebooks", json={"title": "Loop"}).json()["id"]
    page = client.post(f"/notebooks/{notebook}/pages", json={"title": "Page"}).json()["id"]
    place = f"/notebooks/{notebook}/pages/{page}"
    for number in range(500):
        saved = client.put(place, json={"content": f"words, take {number}"}).json()
        assert client.get(place).json() == saved
        if number % 10 == 0:
            assert client.get(f"/notebooks/{notebook}").json()["pages"][0]["version"] == saved["version"]
            assert client.get("/notebooks").json()["items"][0]["updated_at"] == saved["updated_at"]


def test_the_metrics_of_all_workers_are_told_by_any_of_them(running: Running) -> None:
    def counted() -> int:
        told = httpx.get(f"{running.url}/metrics").text
        return sum(int(float(each)) for each in re.findall(r'requests_total\{.*route="/healthz".*\} (\S+)', told))

    httpx.get(f"{running.url}/healthz")
    before = wait_for(counted, PATIENCE, "the first count")
    for _ in range(50):
        # A connection of its own each time, so that more than one worker is asked.
        assert httpx.get(f"{running.url}/healthz").status_code == 200
    wait_for(lambda: counted() >= before + 50, PATIENCE, "the counts of all workers")


def test_the_tour_of_the_readme_does_what_it_says(running: Running) -> None:
    take_the_tour(running.url)


def test_no_log_of_all_this_holds_a_text_or_a_secret(running: Running) -> None:
    logs = {path.name: path.read_text() for path in (running.var / "log").iterdir()}
    assert "POST /api/v1/notebooks/{notebook_id}/pages 201" in logs["api.log"]
    told = [line for line in logs["background.log"].splitlines() if '"requests"' in line]
    for process in ("relay", "worker-update-views"):
        assert any(f'"process":"{process}"' in line.replace(" ", "") for line in told), process
    secrets = [line.partition("=")[2] for line in (running.var / "secrets.env").read_text().splitlines() if "=" in line]
    words = [secret for secret in secrets if secret] + ["Here stands the word", "@example", "Chapter 1"]
    assert len(words) > 6
    assert [(name, word) for name, told in logs.items() for word in words if word in told] == []


def test_supervisorctl_is_understood(running: Running) -> None:
    control = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(running.var / "supervisorctl.conf")]
    assert (running.var / "supervisorctl.conf").stat().st_mode & 0o777 == 0o600
    told = subprocess.run([*control, "status", "api", "background"], capture_output=True, text=True)
    assert [line.split()[:2] for line in told.stdout.splitlines()] == [["api", "RUNNING"], ["background", "RUNNING"]]
    restarted = subprocess.run([*control, "restart", "background"], capture_output=True, text=True)
    assert "background: started" in restarted.stdout, restarted.stdout


def test_the_doctor_tells_what_somebody_has_stopped_and_its_command_helps(running: Running) -> None:
    control = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(running.var / "supervisorctl.conf")]
    subprocess.run([*control, "stop", "redis"], check=True)
    told = {each["check"]: each for each in doctors_findings(running)}
    assert told["work.programs"]["what"] == "somebody has stopped redis"
    assert "status redis; tail " in told["redis.reachable"]["helps"]
    subprocess.run(told["work.programs"]["helps"], shell=True, cwd=CHECKOUT, check=True)
    wait_for(lambda: "redis" not in str(doctors_findings(running)), 30, "nothing to be found any more")


def doctors_findings(running: Running) -> list[dict[str, str]]:
    command = [sys.executable, "run.py", "doctor", "--json"]
    done = subprocess.run(command, cwd=CHECKOUT, env=running.environment, capture_output=True, text=True)
    found: list[dict[str, str]] = json.loads(done.stdout)["findings"]
    return found
