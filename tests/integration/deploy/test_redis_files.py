"""The embedded Redis comes up whatever its file has become; what it held is only a hint."""

from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

from deploy.embedded import EmbeddedServices


def tail(var: Path) -> Path:
    return next((var / "redis" / "appendonlydir").glob("*.incr.aof"))


def base(var: Path) -> Path:
    return next((var / "redis" / "appendonlydir").glob("*.base.rdb"))


def overwrite(path: Path, at: int) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + b"garbage" + whole[at + 7 :])


def restarted(var: Path, change: Callable[[], object]) -> tuple[int, list[Path]]:
    """How many keys there are after the change, and what was set aside."""
    with EmbeddedServices(var, names=("redis",)) as running:
        redis = Redis.from_url(running.environ()["REDIS_URL"])
        for number in range(10):
            redis.set(f"key{number}", "value")
        running.stop_one("redis")
        change()
        running.start_one("redis")
        return len(redis.keys()), list((var / "redis").glob("appendonlydir.damaged-*"))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda var: overwrite(tail(var), 40), id="commands"),
        pytest.param(lambda var: overwrite(base(var), 20), id="snapshot"),
        pytest.param(lambda var: (tail(var).parent / "appendonly.aof.manifest").write_text("xx\n"), id="manifest"),
    ],
)
def test_a_damaged_file_is_set_aside_and_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], change: Callable[[Path], None]
) -> None:
    keys, aside = restarted(tmp_path, lambda: change(tmp_path))
    assert (keys, len(aside)) == (0, 1)
    assert f"is set aside as {aside[0]}" in capfd.readouterr().out


def test_a_file_that_a_crash_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    keys, aside = restarted(tmp_path, lambda: tail(tmp_path).write_bytes(tail(tmp_path).read_bytes()[:-4]))
    assert (keys, aside) == (9, [])
