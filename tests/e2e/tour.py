"""The tour of the README, pasted into a shell, and what it must have said."""

import json
import os
import re
import subprocess

from tests.e2e.running import CHECKOUT

PATIENCE = 60.0


def take_the_tour(url: str, **environment: str) -> None:
    """Take it at this address; ``environment`` is for curl."""
    tour = re.search(r"## A tour with curl.*?```sh\n(.*?)```", (CHECKOUT / "README.md").read_text(), re.DOTALL)
    assert tour
    pasted = tour[1].replace("http://127.0.0.1:5000", url)
    done = subprocess.run(
        ["bash", "-eu"], input=pasted, capture_output=True, text=True, timeout=PATIENCE, env=os.environ | environment
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
    registered, saved, refused, published, read, _, revisions, diff, restored = answers
    assert registered["username"]
    assert (saved["version"], saved["content"]) == (2, "The heron stood still. Then it flew.")
    assert (refused["status"], refused["current"]["version"]) == (412, 2)
    assert published["status"] == "published"
    assert read["content"] == saved["content"]
    assert sorted(each["kind"] for each in revisions["items"]) == ["conflict", "publish", "save", "save"]
    assert [hunk["op"] for hunk in diff["hunks"]] == ["equal", "insert"]
    assert (restored["version"], restored["content"]) == (3, "The heron stood still.")
