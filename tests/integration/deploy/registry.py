"""A package registry in a folder, and a checkout that is set up from it, without the network.

The packages are stubs: names, versions and what they require, and hardly any code.
"""

import base64
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import distributions
from pathlib import Path

import dotenv
import packaging

from infra.settings import CHECKOUT

LISTS = tuple(f"requirements{which}.{kind}" for which in ("", "-dev", "-node") for kind in ("in", "txt"))
# What the set-up itself works with, to read the lists and `.env`; of these the stubs have the code.
USED = {"packaging": packaging, "python-dotenv": dotenv}


class Registry:
    """What pip takes for PyPI."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hashes: dict[str, list[str]] = {}

    def add(self, name: str, version: str, metadata: str = "", programs: Mapping[str, str] | None = None) -> None:
        """Offer a release; `metadata` is what it requires, as lines of METADATA, `programs` are files by path."""
        name = normal(name)
        wheel = self.folder / "simple" / name / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        wheel.parent.mkdir(parents=True, exist_ok=True)
        inside = f"{name.replace('-', '_')}-{version}.dist-info"
        files = {
            f"{name.replace('-', '_')}_stub.py": f"name = {name!r}\n",
            f"{inside}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}",
            f"{inside}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        files |= programs or {}
        if module := USED.get(name):
            real = Path(str(module.__file__)).parent
            files |= {f"{module.__name__}/{each.relative_to(real)}": each.read_text() for each in real.rglob("*.py")}
        files[f"{inside}/RECORD"] = "".join(_recorded(path, text) for path, text in files.items())
        with zipfile.ZipFile(wheel, "w") as file:
            for path, text in files.items():
                entry = zipfile.ZipInfo(path)
                entry.external_attr = (0o100755 if path in (programs or {}) else 0o100644) << 16
                file.writestr(entry, text)
        self._offer(wheel, f"{name}=={version}")

    def add_file(self, wheel: Path) -> None:
        """Offer a real one."""
        name, version = wheel.name.split("-")[:2]
        target = self.folder / "simple" / name / wheel.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(wheel, target)
        self._offer(target, f"{name}=={version}")

    def _offer(self, wheel: Path, pin: str) -> None:
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        self.hashes[pin] = [digest]
        with open(wheel.parent / "index.html", "a") as page:
            page.write(f'<a href="{wheel.name}#sha256={digest}">{wheel.name}</a>\n')

    def lock(self, pins: Iterable[str]) -> str:
        """The text of a lock file of these `name==version`."""
        return "".join(f"{pin} \\\n    --hash=sha256:{digest}\n" for pin in pins for digest in self.hashes[pin])


def _recorded(path: str, text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(text.encode())}\n"


class Checkout:
    """As much of one as the set-up needs, with a copy of that virtual environment."""

    def __init__(self, folder: Path, registry: Registry, environment: Path) -> None:
        self.folder = folder
        self.registry = registry
        for name in LISTS:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
        shutil.copytree(CHECKOUT / "deploy" / "setup", folder / "deploy" / "setup")
        shutil.copy(CHECKOUT / "deploy" / "setup.sh", folder / "deploy")
        # A desk that lacks nothing; test_setup_desk.py has a real one.
        (folder / "deploy" / "web.py").touch()
        shutil.copytree(environment, folder / ".venv", symlinks=True)

    @property
    def packages(self) -> Path:
        return site_packages(self.folder / ".venv")

    def write(self, pins: Iterable[str], asked: str = "", *, dev: Iterable[str] | None = None) -> None:
        """The lock, and the list from which it was made."""
        pins = list(pins)
        (self.folder / "requirements.txt").write_text(self.registry.lock(pins))
        (self.folder / "requirements.in").write_text(asked)
        (self.folder / "requirements-dev.txt").write_text(self.registry.lock(pins if dev is None else dev))

    def start(self, mode: str = "check", **more: str) -> subprocess.Popen[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "SINPLUMA_"))}
        return subprocess.Popen(
            ["deploy/setup.sh", mode],
            cwd=self.folder,
            env=environment
            | {
                "PIP_CONFIG_FILE": os.devnull,
                "PIP_INDEX_URL": f"file://{self.registry.folder}/simple",
                "PIP_NO_CACHE_DIR": "1",
                "PIP_RETRIES": "0",
                "PIP_NO_COMPILE": "1",
            }
            | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # A test run in the background has it ignored, and so would what it starts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def set_up(self, mode: str = "check", *, expect: int = 0, **more: str) -> str:
        """What it said."""
        with self.start(mode, **more) as process:
            said, _ = process.communicate(timeout=120)
        assert process.returncode == expect, said + self.log()
        return said

    def log(self) -> str:
        return (self.folder / "var" / "log" / "setup.log").read_text()

    def installed(self) -> dict[str, str]:
        """Version by name."""
        return {normal(each.metadata["Name"]): each.version for each in distributions(path=[str(self.packages)])}


def make_environment(folder: Path, pip: Path) -> Path:
    """A virtual environment with the pip of that wheel, which has run once: half of its time is for compiling it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    with zipfile.ZipFile(pip) as wheel:
        wheel.extractall(site_packages(folder))
    next(site_packages(folder).glob("pip-*.dist-info")).joinpath("INSTALLER").write_text("test\n")
    subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--help"], check=True, capture_output=True)
    return folder


def site_packages(environment: Path) -> Path:
    return next(environment.glob("lib/python*/site-packages"))


def installed_here() -> Iterator[tuple[str, str, str]]:
    """Name, version and requirements of what the tests run with."""
    for each in distributions():
        metadata = each.read_text("METADATA") or ""
        wanted = [
            line
            for line in metadata.split("\n\n")[0].splitlines()
            if line.startswith(("Requires-Dist", "Provides-Extra"))
        ]
        yield each.metadata["Name"], each.version, "".join(f"{line}\n" for line in wanted)


def pins(lock: Path) -> dict[str, str]:
    """Version by name, as a lock file has them."""
    found = re.findall(r"^(\S+?)(?:\[.*\])?==(\S+)", lock.read_text(), re.MULTILINE)
    return {normal(name): version for name, version in found}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
