"""Somebody who imports a folder into a server that keeps the contract."""

from collections.abc import Callable
from pathlib import Path

import httpx

from seeding.account import sign_in_as_demo
from seeding.client import Client
from seeding.folder import read_folder
from seeding.importer import Import
from seeding.memory import ImportMemory
from seeding.transport import Transport
from tests.unit.seeding.contract_server import ContractServer

URL = "http://127.0.0.1:5000"
PICTURE = b"as good as a picture"


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Desk:
    """A folder, a server, and somebody who runs seed.py again and again."""

    def __init__(self, tmp_path: Path) -> None:
        self.server, self.said, self.left, self.clock = ContractServer(), list[str](), list[str](), Clock()
        self.folder, self.memory = tmp_path / "book", tmp_path / "var" / "import.json"
        self.folder.mkdir()
        self.write("1.md", "# One\n\nFirst text.")
        self.write("2.md", "# Two\n\n![a boat](boat.png)")
        self.write("3.md", "# Two\n\nThe same title again.")
        (self.folder / "boat.png").write_bytes(PICTURE)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def client(self) -> Client:
        return self.client_over(self.server)

    def client_over(self, network: Callable[[httpx.Request], httpx.Response]) -> Client:
        transport, clock = httpx.MockTransport(network), self.clock
        return Client(Transport(URL, self.said.append, network=transport, sleep=clock.sleep, now=lambda: clock.now))

    def seed(self, *, publish: bool = False, title: str | None = None) -> str:
        """Run once from the beginning, as a new process would."""
        client = self.client()
        sign_in_as_demo(client, self.memory.with_name("accounts.json"))
        book = read_folder(self.folder, title)
        importing = Import(client, book, ImportMemory.load(self.memory), self.said.append)
        report = importing.run(publish=publish)
        self.left = [str(each) for each in importing.left]
        return report

    def forget(self) -> None:
        """Lose what is remembered of the import."""
        self.memory.unlink()

    def a_week_passes(self) -> None:
        """Let the server drop its receipts."""
        self.server.receipts.clear()
