"""What is installed in this virtual environment, held against a lock file. Run by deploy/setup.sh, with nothing but
Python itself where a set-up may have been interrupted."""

import argparse
import csv
import re
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

# In the virtual environment: which list was installed, whole.
INSTALLED = ".installed"


def repair() -> int:
    """Remove packages that an interrupted pip or a full disk left incomplete: pip would take them for installed.

    pip writes INSTALLER when all other files of a package are there, and renames what it is about to remove to
    ``~ame``.
    """
    for folder in _site_packages():
        for left in folder.glob("~*"):
            shutil.rmtree(left, ignore_errors=True)
        for described in folder.glob("*.dist-info"):
            if not (described / "INSTALLER").is_file() or not _is_whole(described):
                print(f"{described.name} is not whole and will be installed again")
                (Path(sys.prefix) / INSTALLED).unlink(missing_ok=True)
                shutil.rmtree(described)
    return 0


def others(lock: Path, also: Path) -> int:
    """Print the names of what is installed and in neither of the two locks; pip stays."""
    pinned = {*_pins(lock), *_pins(also), "pip"}
    names = {_normal(each.metadata["Name"]) for each in distributions(path=[str(each) for each in _site_packages()])}
    print(*sorted(names - pinned))
    return 0


def compare(asked: Path, lock: Path, included: Path | None) -> int:
    """Return 1 when the lock lacks a package that its list asks for or that an included lock has."""
    from packaging.requirements import Requirement

    pins = _pins(lock)
    status = 0
    for line in asked.read_text().splitlines():
        # A list that is included is compared on its own: its lock is a part of this one.
        wanted = line.partition(" #")[0].strip()
        if not wanted or wanted.startswith(("#", "-")):
            continue
        requirement = Requirement(wanted)
        pin = pins.get(_normal(requirement.name))
        if pin is None or not requirement.specifier.contains(pin, prereleases=True):
            found = f"has {pin}" if pin else "does not have it"
            print(f"{asked} asks for {wanted} and {lock} {found}: run `make requirements`")
            status = 1
    for name, pin in (_pins(included) if included else {}).items():
        if pins.get(name) != pin:
            print(f"{included} has {name} {pin} and {lock} has {pins.get(name)}: run `make requirements`")
            status = 1
    return status


def _site_packages() -> Iterator[Path]:
    return (Path(entry) for entry in {*sys.path} if entry.startswith(sys.prefix) and entry.endswith("site-packages"))


def _is_whole(described: Path) -> bool:
    """By pip's own list of the files; from Python 3.12 on, importlib.metadata leaves out of it what is not there."""
    record = described / "RECORD"
    if not record.is_file():
        return False
    with record.open(newline="") as file:
        return all(not size or _size(described.parent / path) == int(size) for path, _, size in csv.reader(file))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return -1


def _pins(lock: Path) -> dict[str, str]:
    """Version by name."""
    found = re.findall(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", lock.read_text(), re.MULTILINE)
    return {_normal(name): version for name, version in found}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    for command, files in ((repair, ()), (others, ("lock", "also")), (compare, ("asked", "lock", "included"))):
        added = commands.add_parser(command.__name__, help=command.__doc__)
        added.set_defaults(command=command)
        for name in files:
            added.add_argument(name, type=Path, nargs="?" if name == "included" else None)
    arguments = vars(parser.parse_args())
    return int(arguments.pop("command")(**arguments))


if __name__ == "__main__":
    sys.exit(main())
