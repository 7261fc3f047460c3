#!/usr/bin/env python3
"""One door for every process of SinPluma."""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from deploy import venv
from deploy.background import give_way

if TYPE_CHECKING:
    from infra.settings import Settings

# Each command imports what it needs when it is chosen: `--help` must not wait for a web framework.


def up(arguments: argparse.Namespace) -> int:
    """the whole service under supervisor, in the foreground until Ctrl-C (what `make run` runs)"""
    from deploy.up import up

    return up()


def api(arguments: argparse.Namespace) -> None:
    """the HTTP API on SINPLUMA_HOST and SINPLUMA_PORT"""
    from deploy.serve import serve

    serve(_start("api", works=True))


def relay(arguments: argparse.Namespace) -> None:
    """the relay, which hands committed events from the database to the queues; several may run"""
    from events.relay import main
    from workers.reaction_table import PAUSES, SUBSCRIPTIONS

    give_way()
    main(_start("relay", works=True), SUBSCRIPTIONS, PAUSES)


def worker(arguments: argparse.Namespace) -> None:
    """a worker on one queue; several may run on the same queue"""
    from workers.runner import main

    give_way()
    main(_start(f"worker-{arguments.queue}", works=True), arguments.queue)


def clock(arguments: argparse.Namespace) -> None:
    """the clock, which does what is due by time; several may run, one at a time works"""
    from workers.clock import main

    give_way()
    main(_start("clock", works=True))


def background(arguments: argparse.Namespace) -> None:
    """the relay, the clock and a worker for each queue, in processes that share their memory (what `up` runs)"""
    from deploy.background import Background, import_all
    from events.subscriptions import REACTIONS

    import_all()
    give_way()
    _start("background", works=True)
    workers = {f"worker-{queue}": partial(_run, worker, queue=queue) for queue in REACTIONS}
    Background({"relay": partial(_run, relay), "clock": partial(_run, clock), **workers}).run()


def linguistics(arguments: argparse.Namespace) -> None:
    """the embedded linguistics service, unless LINGUISTICS_URL names another"""
    from linguistics.service import main

    give_way()
    main(_start("linguistics"))


def rebuild(arguments: argparse.Namespace) -> int:
    """make the read models anew from the log, beside the live ones, and swap them in: readers notice nothing"""
    from operate.rebuild import rebuild

    return rebuild(_start("rebuild"), arguments.model)


def replay(arguments: argparse.Namespace) -> int:
    """let reactions try again what they were given up for (parked): all of it, or what --reaction and --event say"""
    from operate.replay import replay

    return replay(_start("replay"), arguments.reaction, arguments.event)


def sweep(arguments: argparse.Namespace) -> int:
    """remove pictures that nothing uses and objects that no row knows, in two steps with the grace between them;
    refuses where it is not sure of the database, the bucket or the day"""
    from operate.sweep import sweep

    return sweep(_start("sweep"), arguments.dry_run)


def migrate(arguments: argparse.Namespace) -> None:
    """bring the database schema to the newest version; refuses a database that is not ours"""
    from infra.migrating import migrate
    from operate.database_check import check_database

    settings = _start("migrate")
    if check_database(settings):
        print("the schema is newer than this code, and works with it: nothing to do")
    else:
        migrate(settings)


def create_admin(arguments: argparse.Namespace) -> int:
    """make EMAIL an administrator: the account that has it, whose sessions end, or a new one; its password comes from
    SINPLUMA_ADMIN_PASSWORD, is typed, or is random and printed"""
    from operate.admins import create_admin, told

    return told(create_admin, _start("create-admin"), arguments.email, arguments.yes, arguments.keep_password)


def create_user(arguments: argparse.Namespace) -> int:
    """make an account for EMAIL, also where REGISTRATION=closed; password: SINPLUMA_USER_PASSWORD, typed or random"""
    from operate.admins import create_user, told

    return told(create_user, _start("create-user"), arguments.email)


def doctor(arguments: argparse.Namespace) -> int:
    """look at everything and tell what is wrong, what it means and what helps; exits with 0 healthy, 1 findings, 2 when
    it could not look"""
    from operate.doctor import doctor

    return doctor(arguments.json)


def backup(arguments: argparse.Namespace) -> int:
    """write the record and all pictures into FILE (.tar.gz), as they are now, while the service runs or not"""
    from operate.backup import backup

    return backup(arguments.file, arguments.with_secrets)


def restore(arguments: argparse.Namespace) -> int:
    """bring a backup back, on MariaDB or MySQL, whichever made it; all of it or nothing"""
    from operate.backup import restore

    return restore(**{name: value for name, value in vars(arguments).items() if name != "command"})


def _start(process_name: str, works: bool = False) -> "Settings":
    """What every process begins with: checked settings, and logs as JSON lines; one that works, on what is ours."""
    from infra import logs
    from infra.settings import load_settings

    settings = load_settings()
    logs.configure(settings, process_name)
    if settings.honeybadger_api_key:
        from infra import reporting

        reporting.begin(settings, process_name)
    if works:
        from infra import leftovers
        from operate.claims import end_unless_ours

        end_unless_ours(settings)
        leftovers.clear()
    return settings


def _run(command: Callable[[argparse.Namespace], int | None], **given: str) -> int:
    return _noted(argparse.Namespace(command=command, **given))


def _noted(arguments: argparse.Namespace) -> int:
    """Noted before anything else: a program that fails as it begins is to be seen."""
    from infra import starts

    queue = f"-{arguments.queue}" if arguments.command is worker else ""
    return starts.noted(arguments.command.__name__ + queue, partial(arguments.command, arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, epilog="Settings: .env.example. Without a command: up.")
    commands = parser.add_subparsers(metavar="COMMAND")
    parser.set_defaults(command=up)
    everyday = (up, api, relay, worker, clock, background, linguistics)
    for command in (*everyday, rebuild, replay, sweep, migrate, create_admin, create_user, doctor, backup, restore):
        name = command.__name__.replace("_", "-")
        added = commands.add_parser(name, help=command.__doc__, description=command.__doc__)
        added.set_defaults(command=command)
        _add_arguments(added, command)
    return parser


def _add_arguments(added: argparse.ArgumentParser, command: object) -> None:
    from events.subscriptions import REACTIONS, READ_MODELS, REPLAYABLE

    if command is worker:
        added.add_argument("queue", metavar="QUEUE", choices=REACTIONS, help="one of %(choices)s")
    if command is rebuild:
        names = ", ".join(READ_MODELS)
        added.add_argument(
            "model", metavar="MODEL", nargs="?", choices=[*READ_MODELS], help=f"one of {names}; default: all"
        )
    if command is replay:
        added.add_argument("--reaction", choices=REPLAYABLE, help="only what this one could not do: %(choices)s")
        added.add_argument("--event", metavar="ID", help="only this event, by the id in the log lines")
    if command is sweep:
        added.add_argument("--dry-run", action="store_true", help="only tell what would go, and why")
    if command in (create_admin, create_user):
        added.add_argument("email", metavar="EMAIL")
    if command is create_admin:
        added.add_argument("--yes", action="store_true", help="do not ask when the account exists")
        added.add_argument("--keep-password", action="store_true", help="leave an account that exists its password")
    if command is doctor:
        added.add_argument("--json", action="store_true", help="for programs")
    if command in (backup, restore):
        added.add_argument("file", metavar="FILE", type=Path)
        added.add_argument("--with-secrets", action="store_true", help="also the keys that tokens are signed with")
    if command is restore:
        added.add_argument("--verify", action="store_true", help="only prove it, in a scratch database and bucket")
        added.add_argument("--force", action="store_true", help="in place of the data that is there, which is gone")
        added.add_argument("--pictures", action="store_true", help="only put back pictures that the bucket has lost")
        added.add_argument("--take-over", action="store_true", help="take Redis and bucket of a service that is gone")


def main() -> int:
    arguments = _parser().parse_args()

    from infra.migrating import MigrationBusy, MigrationFailed
    from infra.settings import SettingsError
    from operate.database_check import DatabaseRefused

    run = _noted if arguments.command in (api, relay, worker, clock, background, linguistics) else arguments.command
    try:
        return run(arguments) or 0
    except (SettingsError, DatabaseRefused, MigrationBusy, MigrationFailed) as error:
        print(f"sinpluma: cannot start: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    venv.enter()
    try:
        sys.exit(venv.status_of(main))
    except ModuleNotFoundError as error:
        venv.told_missing(error)
