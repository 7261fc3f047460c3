"""The database: version, schema, rights, and the server's settings that matter."""

import fnmatch
import re
from collections.abc import Iterator
from datetime import UTC

from sqlalchemy import text

from infra.settings import Settings
from migrations.tables import all_tables
from operate.database_check import DatabaseRefused, check_database, head_revision, known_revisions
from operate.doctor.finding import Finding, check
from operate.doctor.patient import Patient
from workers.reaction_table import MODELS

DAILY = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})
# The clock makes read models anew beside the live ones, and migrations change tables.
CHANGING = frozenset({"CREATE", "DROP", "ALTER", "INDEX"})
# For each API process a pool for reads and one for writes, each of its threads and two more; workers, relay, clock.
FOR_THE_REST = 20
_GRANT = re.compile(r"GRANT (.+?) ON (\S+) TO ", re.IGNORECASE)


@check("database.version", "database")
def version(patient: Patient) -> Iterator[Finding]:
    try:
        if check_database(patient.settings, patience=0):
            yield Finding(
                f"the schema is at {_revision(patient)}, newer than this code's {head_revision()}",
                "an update was taken back; all works, without what came with it",
                "docs/upgrading.md, Going back; bring the newer code again when it is mended",
            )
    except DatabaseRefused as error:
        yield Finding(str(error), "the service does not start on it", "set DATABASE_URL right, or bring the newer code")


@check("database.migrations", "database")
def migrations(patient: Patient) -> Iterator[Finding]:
    at = _revision(patient)
    if at is None or at in known_revisions() - {head_revision()}:
        yield Finding(
            f"the schema is at {at or 'nothing'}, this code's is {head_revision()}",
            "parts of the code meet tables that are not there yet",
            "python run.py migrate",
        )


def _revision(patient: Patient) -> str | None:
    if "alembic_version" not in set(patient.ask("SHOW TABLES").scalars()):
        return None
    found: str | None = patient.ask("SELECT version_num FROM alembic_version").scalar()
    return found


@check("database.tables", "database")
def tables(patient: Patient) -> Iterator[Finding]:
    """Those that somebody has dropped; what the migrations have yet to make is another finding."""
    wanted = {table.name for table in all_tables().sorted_tables} if _revision(patient) == head_revision() else set()
    gone = wanted - set(patient.ask("SHOW TABLES").scalars())
    for name, model in MODELS.items():
        if lost := sorted(gone & {table.name for table in model.tables}):
            gone -= set(lost)
            yield Finding(
                f"the read model {name} has lost the tables {', '.join(lost)}",
                "requests that read them are 500, and its events are parked",
                f"python run.py rebuild {name}, then python run.py replay",
            )
    if gone:
        yield Finding(
            f"the tables {', '.join(sorted(gone))} are gone",
            "requests that need them are 500; what stood there is lost but for the backup",
            "stop the service, then python run.py restore BACKUP --force",
        )


@check("database.rights", "database")
def rights(patient: Patient) -> Iterator[Finding]:
    grants = list(patient.ask("SHOW GRANTS").scalars())
    if any(" ON " not in grant for grant in grants):
        return  # a role: what it may is not told here
    schema = str(patient.ask("SELECT DATABASE()").scalar())
    held = {right for grant in grants for right in _rights(grant, schema)}
    missing = sorted((DAILY | CHANGING) - held) if "ALL PRIVILEGES" not in held else []
    if missing:
        means = "requests fail" if DAILY & set(missing) else "migrations, and making read models anew, fail"
        user = patient.ask("SELECT CURRENT_USER()").scalar()
        name, _, host = str(user).partition("@")
        yield Finding(
            f"the database user may not {', '.join(missing)}",
            means,
            f"GRANT {', '.join(missing)} ON `{schema}`.* TO '{name}'@'{host}'",
        )


def _rights(grant: str, schema: str) -> list[str]:
    found = _GRANT.match(grant)
    if not found:
        return []
    # `sinpluma%`.* with the wildcards of GRANT, *.* or `sinpluma`.*
    pattern = found[2].replace("`", "").removesuffix(".*").replace("\\_", "_").replace("%", "*")
    return [right.strip().upper() for right in found[1].split(",")] if fnmatch.fnmatch(schema, pattern) else []


@check("database.packet", "database")
def packet(patient: Patient) -> Iterator[Finding]:
    size, wanted = int(patient.variables["max_allowed_packet"]), patient.limits.packet_bytes
    if size < wanted:
        yield Finding(
            f"max_allowed_packet is {size}",
            "long pages are refused (413), and their events may be parked",
            f"SET GLOBAL max_allowed_packet = {4 * wanted}, and the same in the server's configuration",
        )


@check("database.timeouts", "database")
def timeouts(patient: Patient) -> Iterator[Finding]:
    seconds = int(patient.variables["wait_timeout"])
    if seconds < patient.limits.idle_seconds:
        yield Finding(
            f"wait_timeout is {seconds} s",
            "connections die in the pool all the time, and requests connect anew",
            "SET GLOBAL wait_timeout = 28800, and the same in the server's configuration",
        )


@check("database.durability", "database")
def durability(patient: Patient) -> Iterator[Finding]:
    variables = patient.variables
    if variables["innodb_flush_log_at_trx_commit"] != "1":
        yield Finding(
            f"innodb_flush_log_at_trx_commit is {variables['innodb_flush_log_at_trx_commit']}",
            "a saved page may be lost when the machine loses power",
            "SET GLOBAL innodb_flush_log_at_trx_commit = 1, and the same in the server's configuration",
        )
    if variables["log_bin"] == "ON" and variables["sync_binlog"] != "1":
        yield Finding(
            f"sync_binlog is {variables['sync_binlog']}",
            "after a crash replicas may lack, or have, other writes",
            "SET GLOBAL sync_binlog = 1",
        )
    if variables["read_only"] not in ("OFF", "0", "NO"):
        yield Finding("the server is read-only", "all writes fail", "point DATABASE_URL at the primary")


@check("database.connections", "database")
def connections(patient: Patient) -> Iterator[Finding]:
    settings: Settings = patient.settings
    wanted = settings.api_workers * 2 * (settings.api_threads + 2) + FOR_THE_REST
    if int(patient.variables["max_connections"]) < wanted:
        yield Finding(
            f"max_connections is {patient.variables['max_connections']}, this host alone may take {wanted}",
            "under load requests are 503",
            f"SET GLOBAL max_connections = {2 * wanted}, or lower API_WORKERS or API_THREADS",
        )


@check("database.charset", "database")
def charset(patient: Patient) -> Iterator[Finding]:
    question = text(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() "
        "AND table_type = 'BASE TABLE' AND table_collation NOT LIKE 'utf8mb4%' AND table_name <> 'alembic_version'"
    )
    if wrong := list(patient.database.scalars(question)):
        yield Finding(
            f"{', '.join(sorted(wrong)[:3])}: not utf8mb4",
            "some texts can't be stored",
            f"ALTER TABLE {wrong[0]} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        )


@check("database.clock", "database")
def clock(patient: Patient) -> Iterator[Finding]:
    theirs = patient.ask("SELECT UTC_TIMESTAMP(6)").scalar().replace(tzinfo=UTC)
    apart = abs((theirs - patient.at).total_seconds())
    if apart > patient.limits.clock_seconds:
        yield Finding(
            f"the clocks of this machine and of the database are {apart:.0f} s apart",
            "the sweep stands still, and times of pages are wrong",
            "timedatectl set-ntp true on both",
        )


CHECKS = (version, migrations, tables, rights, packet, timeouts, durability, connections, charset, clock)
