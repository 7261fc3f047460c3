"""`deploy/setup.sh` as a person without a network, without room, or in a hurry meets it; and on any day from now on."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.settings import CHECKOUT
from tests.disks import resize, small_disk
from tests.integration.deploy.registry import Checkout, Registry, installed_here, make_environment, pins

PIPS = sorted((CHECKOUT / ".venv" / "pips").glob("*.whl"))
ASKED = "app\nModel[email]>=2\n"
SMALL = ("app==1.0", "model==2.0", "packaging==99.0", "validator==1.0")


def runs_here(pip: Path) -> bool:
    # That pip looks for a part of Python that 3.12 has no more.
    return sys.version_info < (3, 12) or "-23.0.1-" not in pip.name


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with the newest pip that the set-up has fetched."""
    return make_environment(tmp_path_factory.mktemp("environment") / "venv", PIPS[-1])


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """The registry on a later day: of every package that is locked today, it has a newer release as well."""
    registry = Registry(tmp_path_factory.mktemp("registry"))
    locked = pins(CHECKOUT / "requirements-dev.txt")
    for name, version, requirements in installed_here():
        if locked.get(name.lower().replace("_", "-").replace(".", "-")) == version:
            registry.add(name, version, requirements)
            registry.add(name, f"{version}.post99", requirements)
    for each in PIPS:
        registry.add_file(each)
    return registry


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """Four packages, one wanted through an extra of another."""
    registry = Registry(tmp_path_factory.mktemp("small"))
    registry.add("app", "1.0", "Requires-Dist: model[email]>=2.0\n")
    for version in ("2.0", "2.1"):
        registry.add("model", version, 'Provides-Extra: email\nRequires-Dist: validator; extra == "email"\n')
    registry.add("validator", "1.0")
    registry.add("packaging", "99.0")
    return registry


@pytest.fixture
def checkout(tmp_path: Path, small: Registry, environment: Path) -> Checkout:
    made = Checkout(tmp_path / "a checkout", small, environment)
    made.write(SMALL, ASKED)
    return made


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, small: Registry, environment: Path) -> Checkout:
    made = Checkout(tmp_path_factory.mktemp("finished") / "checkout", small, environment)
    made.write(SMALL, ASKED)
    assert "4 Python packages .......... done in" in made.set_up()
    return made


@pytest.fixture
def ready(tmp_path: Path, small: Registry, finished: Checkout) -> Checkout:
    """A checkout that is set up."""
    made = Checkout(tmp_path / "ready", small, finished.folder / ".venv")
    made.write(SMALL, ASKED)
    return made


def versions(*pins: str) -> dict[str, str]:
    return dict(each.split("==") for each in pins)


def without_pip(installed: dict[str, str]) -> dict[str, str]:
    return {name: version for name, version in installed.items() if name != "pip"}


def test_there_is_an_old_pip_and_a_new_one_to_try() -> None:
    assert len(PIPS) == 2
    assert PIPS[0].name.startswith("pip-23.0.1-")


@pytest.mark.parametrize("each", PIPS, ids=lambda path: path.name)
def test_what_is_installed_is_the_lock_whatever_has_been_released_since(
    tmp_path: Path, later: Registry, each: Path
) -> None:
    if not runs_here(each):
        pytest.skip(f"{each.name} does not run on this Python")
    checkout = Checkout(tmp_path / "checkout", later, make_environment(tmp_path / "venv", each))
    run, dev = pins(CHECKOUT / "requirements.txt"), pins(CHECKOUT / "requirements-dev.txt")
    checkout.write(
        (f"{name}=={version}" for name, version in run.items()),
        (CHECKOUT / "requirements.in").read_text(),
        dev=[f"{name}=={version}" for name, version in dev.items()],
    )
    (checkout.folder / "requirements-dev.in").write_text((CHECKOUT / "requirements-dev.in").read_text())
    checkout.set_up()
    assert without_pip(checkout.installed()) == dev


def test_a_second_time_there_is_nothing_to_do(ready: Checkout) -> None:
    assert ready.set_up(PIP_INDEX_URL="http://127.0.0.1:1") == ""


def test_what_a_new_list_no_longer_names_goes(ready: Checkout) -> None:
    checkout = ready
    checkout.write(["packaging==99.0", "validator==1.0"])
    checkout.set_up()
    assert without_pip(checkout.installed()) == versions("packaging==99.0", "validator==1.0")


def test_packages_that_an_interrupted_try_left_half_way_are_installed_again(ready: Checkout) -> None:
    checkout = ready
    (checkout.folder / ".venv" / ".installed").unlink()
    (checkout.packages / "app-1.0.dist-info" / "INSTALLER").unlink()
    (checkout.packages / "model_stub.py").write_text("")
    (checkout.packages / "~alidator").mkdir()
    checkout.set_up()
    assert without_pip(checkout.installed()) == versions(*SMALL)
    assert (checkout.packages / "app-1.0.dist-info" / "INSTALLER").exists()
    assert (checkout.packages / "model_stub.py").read_text()
    assert not (checkout.packages / "~alidator").exists()


def test_a_package_that_has_lost_a_file_is_installed_again(ready: Checkout) -> None:
    (ready.packages / "model_stub.py").unlink()
    ready.set_up()
    assert (ready.packages / "model_stub.py").read_text()
    assert ready.set_up(PIP_INDEX_URL="http://127.0.0.1:1") == ""


def test_an_environment_without_a_working_pip_is_made_anew(checkout: Checkout) -> None:
    for file in (checkout.packages / "pip").iterdir():
        if file.suffix == ".py":
            file.unlink()
    said = checkout.set_up()
    assert "virtual environment .venv ... done in" in said
    assert without_pip(checkout.installed()) == versions(*SMALL)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("app\nnosuch\n", "requirements.in asks for nosuch and requirements.txt does not have it"),
        ("app>=1.1  # newer\n", "requirements.in asks for app>=1.1 and requirements.txt has 1.0"),
    ],
)
def test_a_lock_that_does_not_match_its_list_is_told(ready: Checkout, asked: str, said: str) -> None:
    (ready.folder / "requirements.in").write_text(asked)
    answer = ready.set_up(expect=1)
    assert said in answer
    assert "Run make requirements" in answer


def test_what_make_requirements_needs_is_set_up_beside_a_lock_that_does_not_match(checkout: Checkout) -> None:
    checkout.write(SMALL, "nosuch\n")
    checkout.set_up("lock")
    assert without_pip(checkout.installed()) == versions(*SMALL)


def test_two_locks_that_differ_are_told(ready: Checkout) -> None:
    checkout = ready
    checkout.write(SMALL, dev=["app==1.0", "model==2.1", "packaging==99.0", "validator==1.0"])
    assert "requirements.txt has model 2.0 and requirements-dev.txt has 2.1" in checkout.set_up(expect=1)


def test_without_a_network_one_line_says_so_no_password_is_shown_and_the_next_try_goes_on(checkout: Checkout) -> None:
    said = checkout.set_up(expect=1, PIP_INDEX_URL="http://someone:top@secret@127.0.0.1:1/simple")
    assert "4 Python packages: failed. The network, or the registry, cannot be reached" in said
    assert "var/log/setup.log" in said
    assert "secret" not in said + checkout.log()
    checkout.set_up()
    assert without_pip(checkout.installed()) == versions(*SMALL)


def test_a_file_that_is_not_the_locked_one_is_not_installed(checkout: Checkout) -> None:
    lock = checkout.folder / "requirements-dev.txt"
    lock.write_text(re.sub("sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", lock.read_text(), count=1))
    said = checkout.set_up(expect=1)
    assert "is not what the lock names" in said
    assert "app" not in checkout.installed()


def test_ctrl_c_is_one_line_and_the_next_try_goes_on(checkout: Checkout, small: Registry) -> None:
    # A pip that takes its time, so that there is one to interrupt.
    slow = checkout.folder / "slow"
    slow.mkdir()
    (slow / "sitecustomize.py").write_text(
        "import os, sys, time\n"
        "if sys.argv[1:2] == ['install']: open(os.environ['BEGUN'], 'w').close(); time.sleep(60)\n"
    )
    begun = checkout.folder / "begun"
    with checkout.start(PYTHONPATH=str(slow), BEGUN=str(begun)) as process:
        wait_until(begun.exists)
        os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said.splitlines()[-1] == "sinpluma: interrupted. The next try goes on from here."
    assert "Traceback" not in said
    checkout.set_up()
    assert without_pip(checkout.installed()) == versions(*SMALL)


def test_ctrl_c_while_it_looks_at_the_desk_is_one_line(ready: Checkout) -> None:
    # As a terminal sends it: to all of them.
    (ready.folder / "deploy" / "web.py").write_text(
        "import os, signal, time\nos.killpg(0, signal.SIGINT)\ntime.sleep(0.1)\n"
    )
    assert ready.set_up(expect=130) == "\nsinpluma: interrupted. The next try goes on from here.\n"


def wait_until(condition: object) -> None:
    end = time.monotonic() + 30
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full: make room"),
        ("E: You don't have enough free space in /var/cache/apt/archives/.", "The disk is full: make room"),
        ("Temporary failure resolving 'deb.example'", "The network, or the registry"),
        ("E: Could not get lock /var/lib/dpkg/lock-frontend.", "Another program is installing"),
        ("something else", "The lines above say why."),
    ],
)
def test_a_step_that_fails_shows_the_end_of_what_it_said_and_what_to_do(tmp_path: Path, output: str, said: str) -> None:
    answer = run_step(tmp_path, 'step "a step" 0 sh -c "seq 100; echo \\"$OUTPUT\\"; exit 7"', OUTPUT=output)
    assert answer.returncode == 1
    assert f"    100\n    {output}\nsinpluma: a step: failed. {said}" in answer.stdout
    assert "    80\n" not in answer.stdout
    assert "\n1\n2\n" in (tmp_path / "log" / "setup.log").read_text()


def test_a_log_without_room_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "setup.log").symlink_to("/dev/full")
    answer = run_step(tmp_path, 'step "a step" 0 true')
    assert answer.returncode == 1
    assert "no room on the disk" in answer.stdout
    assert len(answer.stdout.splitlines()) == 1


def test_a_disk_that_fills_while_the_environment_is_made_is_told(
    tmp_path: Path, small: Registry, environment: Path
) -> None:
    with small_disk(tmp_path / "disk", "60m") as mounted:
        if not mounted:
            pytest.skip("no file system can be mounted here")
        checkout = Checkout(tmp_path / "disk" / "checkout", small, environment)
        checkout.write(SMALL)
        shutil.rmtree(checkout.folder / ".venv")
        resize(tmp_path / "disk", "4m")
        assert "virtual environment .venv: failed. The disk is full" in checkout.set_up(expect=1)
        resize(tmp_path / "disk", "60m")
        checkout.set_up()
        assert without_pip(checkout.installed()) == versions(*SMALL)


def test_debian_s_packages_are_counted_as_they_come(tmp_path: Path) -> None:
    lines = "0 upgraded, 10 newly installed, 0 to remove." + "".join(
        f"\nGet:{n} x\nSetting up p{n} (1)" for n in range(10)
    )
    answer = run_step(tmp_path, 'step "Debian packages" 0 printf "%s\\n" "$LINES"', LINES=lines)
    assert answer.stdout.startswith("sinpluma: Debian packages ......... done in ")


@pytest.mark.parametrize(
    ("line", "folder"),
    [
        ("SINPLUMA_VAR=elsewhere", "elsewhere"),
        (" export SINPLUMA_VAR = 'else where' ", "else where"),
        ('SINPLUMA_VAR="a%b"', "a%b"),
        ("#SINPLUMA_VAR=elsewhere", "var"),
        ("SINPLUMA_VAR=", "var"),
    ],
)
def test_the_log_lies_where_the_env_file_puts_it(tmp_path: Path, line: str, folder: str) -> None:
    (tmp_path / ".env").write_text(f"OTHER=1\n{line}\n")
    run_step(None, 'step "a step" 0 true', folder=tmp_path)
    assert (tmp_path / folder / "log" / "setup.log").exists()
    assert (tmp_path / folder).stat().st_mode & 0o777 == 0o700


def run_step(var: Path | None, script: str, folder: Path = CHECKOUT, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "SINPLUMA_VAR"}
    return subprocess.run(
        ["sh", "-euc", f". {CHECKOUT}/deploy/setup/terminal.sh; {script}"],
        cwd=folder,
        env=environment | more | ({"SINPLUMA_VAR": str(var)} if var else {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
