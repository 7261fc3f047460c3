"""The transaction of a save in bare PyMySQL, as fast as Python can ask for it.

It locks a page, updates it with a guard on the version, inserts the event that carries the new text, and commits: four
round trips. The tables are copies of ours, indexes included. There are as many client processes as the API has
workers, with the eight connections shared out among them: in one process the interpreter's lock would slow it down.
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any
from urllib.parse import unquote, urlsplit

import pymysql

from bench.figures import Turn
from infra.clock import new_id

SCHEMA = "sinpluma_bare"
# Time enough for all processes to connect.
HEAD_START = 0.3

LOCK = f"SELECT version, owner_id FROM {SCHEMA}.pages WHERE id = %s FOR UPDATE"
UPDATE = f"UPDATE {SCHEMA}.pages SET content = %s, version = version + 1 WHERE id = %s AND version = %s"
INSERT = (
    f"INSERT INTO {SCHEMA}.events (id, type, aggregate_id, version, actor_id, correlation_id, occurred_at, payload) "
    "VALUES (%s, 'page.edited', %s, %s, %s, %s, NOW(6), %s)"
)


class BareSaves:
    def __init__(self, database_url: str, page_ids: Sequence[str], processes: int, text: str) -> None:
        self._access = _access(database_url)
        self._text = text
        self._shares = [page_ids[number::processes] for number in range(processes)]
        self.processor_seconds = 0.0
        self._pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
        self._copy_tables()

    def _copy_tables(self) -> None:
        with _connect(self._access) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE IF NOT EXISTS {SCHEMA}")
            for name in ("pages", "events"):
                cursor.execute(f"DROP TABLE IF EXISTS {SCHEMA}.{name}")
                cursor.execute(f"CREATE TABLE {SCHEMA}.{name} LIKE {name}")
            cursor.execute(f"INSERT INTO {SCHEMA}.pages SELECT * FROM pages")
            connection.commit()

    def run(self, each: int) -> Turn:
        """``each`` connection saves its page so many times."""
        start_at = time.monotonic() + HEAD_START
        running = [
            self._pool.submit(_save_all, self._access, share, each, self._text, start_at) for share in self._shares
        ]
        results = [done.result() for done in running]
        # Of the clients alone, the last time that they ran.
        self.processor_seconds = sum(seconds for _, seconds in results)
        return Turn(each * sum(map(len, self._shares)), max(ended for ended, _ in results) - start_at)

    def close(self) -> None:
        self._pool.shutdown()


def _access(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "host": parts.hostname,
        "port": parts.port,
        "user": parts.username,
        "password": unquote(parts.password or ""),
        "database": parts.path.strip("/"),
        "charset": "utf8mb4",
    }


def _connect(access: dict[str, Any]) -> Any:
    return pymysql.connect(**access, init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")


def _save_all(
    access: dict[str, Any], page_ids: Sequence[str], times: int, text: str, start_at: float
) -> tuple[float, float]:
    """Run in a process of its own; answers when it ended, by the clock that all processes share, and what it took of
    the processor."""
    before = time.process_time()
    threads = [threading.Thread(target=_save, args=(access, each, times, text, start_at)) for each in page_ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic(), time.process_time() - before


def _save(access: dict[str, Any], page_id: str, times: int, text: str, start_at: float) -> None:
    with _connect(access) as connection, connection.cursor() as cursor:
        time.sleep(max(0.0, start_at - time.monotonic()))
        for number in range(times):
            content = f"{number:08} {start_at:.6f} {text}"
            cursor.execute(LOCK, (page_id,))
            version, owner_id = cursor.fetchone()
            cursor.execute(UPDATE, (content, page_id, version))
            assert cursor.rowcount == 1
            cursor.execute(
                INSERT, (new_id(), page_id, version + 1, owner_id, page_id, '{"content": "' + content + '"}')
            )
            connection.commit()
