"""A process that was killed leaves pictures of strangers behind, and they don't stay."""

import os
import tempfile
import time
from pathlib import Path

import pytest

from infra import leftovers


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def aged(path: Path, seconds: float) -> None:
    at = time.time() - seconds
    os.utime(path, (at, at), follow_symlinks=False)


def test_what_is_old_goes_with_all_that_is_in_it(folder: Path) -> None:
    upload = Path(tempfile.mkstemp(prefix=leftovers.UPLOAD)[1])
    cleaned = Path(tempfile.mkdtemp(prefix=leftovers.CLEANED))
    (cleaned / "original").write_bytes(b"a picture")
    sizes = Path(tempfile.mkdtemp(prefix=leftovers.SIZES))
    for each in (upload, cleaned, sizes):
        aged(each, leftovers.OLD_SECONDS + 60)
    assert leftovers.clear() == 3
    assert list(folder.iterdir()) == []


def test_what_is_in_work_or_somebody_elses_stays(folder: Path) -> None:
    in_work = Path(tempfile.mkdtemp(prefix=leftovers.CLEANED))
    other = Path(tempfile.mkdtemp(prefix="sinpluma-restore-"))
    aged(other, 10 * leftovers.OLD_SECONDS)
    assert leftovers.clear() == 0
    assert sorted(folder.iterdir()) == sorted([in_work, other])


def test_a_link_to_elsewhere_is_not_followed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "letter").write_text("mine")
    link = folder / f"{leftovers.CLEANED}x"
    link.symlink_to(elsewhere)
    aged(link, 2 * leftovers.OLD_SECONDS)
    assert leftovers.clear() == 1
    assert [(elsewhere / "letter").read_text(), list(folder.iterdir())] == ["mine", []]
