"""The command line of seed.py."""

import argparse
import getpass
import hashlib
import sys
from pathlib import Path

from tqdm import tqdm

from seeding.account import EMAIL, sign_in_as, sign_in_as_demo
from seeding.book import Book
from seeding.chapter import TITLE_LIMIT
from seeding.client import Client
from seeding.demo import DEMOS
from seeding.errors import SeedError
from seeding.folder import read_folder
from seeding.importer import Import
from seeding.memory import ImportMemory
from seeding.settings import Settings, load_settings
from seeding.transport import Transport

INTERRUPTED = 130
NOT_WHOLE = 3


def main(arguments: list[str] | None = None) -> int:
    """Run the command; answers its exit status."""
    try:
        options = parse(arguments)
        left = run(options, load_settings())
    except SeedError as error:
        print(f"seed.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on from here; nothing is created twice.", file=sys.stderr)
        return INTERRUPTED
    return NOT_WHOLE if options.strict and left else 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line, and refuse what makes no sense together."""
    parser = argparse.ArgumentParser(
        prog="seed.py",
        description="Fill a running SinPluma through its public API: with demo content, or with a folder of Markdown "
        "files as one notebook. Run again, it creates nothing twice and takes over what changed.",
    )
    parser.add_argument("--from", dest="folder", metavar="DIR", type=Path, help="import this folder of text files")
    parser.add_argument("--title", help="the notebook's title (default: the folder's name)")
    parser.add_argument("--publish", action="store_true", help="publish the imported notebook")
    parser.add_argument("--strict", action="store_true", help="exit with 3 when something is not taken along")
    parser.add_argument("--url", help="the service (default: this machine's SINPLUMA_PORT, else 5000)")
    parser.add_argument("--email", help="fill this account, which exists (default: a demo account)")
    parser.add_argument("--password", help="its password; better given as SINPLUMA_SEED_PASSWORD, or typed when asked")
    options = parser.parse_args(arguments)
    if options.folder is None and (options.title is not None or options.publish or options.strict):
        parser.error("--title, --publish and --strict belong to --from DIR")
    if options.password is not None and options.email is None:
        parser.error("--password belongs to --email")
    if options.title is not None and not 1 <= len(options.title.strip()) <= TITLE_LIMIT:
        parser.error(f"--title must have 1 to {TITLE_LIMIT} characters")
    return options


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Read what is to be brought, sign in, bring it, print the login; answers how much was not taken along."""
    if options.folder is None:
        books = [(demo.book(), demo.publish) for demo in DEMOS]
    else:
        title = options.title and options.title.strip()
        books = [(read_folder(options.folder, title), options.publish)]
    transport = Transport(options.url or settings.url, say)
    try:
        client = Client(transport)
        client.check()
        login = sign_in(client, options, settings)
        try:
            return sum(bring(import_of(book, client, settings.memory), book, publish) for book, publish in books)
        finally:
            # The account exists now, however the import ends.
            print(login)
    finally:
        transport.close()


def bring(importing: Import, book: Book, publish: bool) -> int:
    """Import a book and tell what came of it; answers how much was not taken along."""
    print(importing.run(publish=publish))
    for remark in book.remarks:
        print(f"Note: {remark}")
    if importing.left:
        print(f"Not taken along ({len(importing.left)}):")
    for each in importing.left:
        print(f"  {each}")
    return len(importing.left)


def sign_in(client: Client, options: argparse.Namespace, settings: Settings) -> str:
    """Sign in; answers the login to print. A password that was given to us is not repeated on the screen."""
    if options.email is None:
        return f"email: {EMAIL}\npassword: {sign_in_as_demo(client, settings.memory / 'accounts.json')}"
    sign_in_as(client, options.email, options.password or settings.password or asked_password(options.email))
    return f"email: {options.email}"


def asked_password(email: str) -> str:
    """Ask the person at the keyboard, if there is one."""
    if not sys.stdin.isatty():
        raise SeedError(f"no password for {email}: set SINPLUMA_SEED_PASSWORD.")
    return getpass.getpass(f"Password of {email}: ")


def import_of(book: Book, client: Client, memory: Path) -> Import:
    """Make the import of this book into this account, with what is remembered of earlier runs."""
    identity = "\n".join([client.server, str(client.user["id"]), book.source])
    name = hashlib.sha256(identity.encode()).hexdigest()[:32]
    return Import(client, book, ImportMemory.load(memory / f"import-{name}.json"), say)


def say(remark: str) -> None:
    """Tell the person waiting, without tearing the progress bar apart."""
    tqdm.write(remark, file=sys.stderr)
