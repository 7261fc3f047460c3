"""Errors of the real server in a share of all statements: deadlocks and their like, on demand."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Engine, text

# What may be run again: deadlock, lock wait, old snapshot, refused certification.
PASSING = (1213, 1205, 1020, 3101)

# Judged once a statement, whose rows all see one NOW(): otherwise a batch of a thousand rows would never get through.
TRIGGER = """
CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW
BEGIN
  DECLARE number INT DEFAULT ELT(1 + FLOOR(RAND() * {count}), {numbers});
  IF @judged IS NULL OR @judged <> NOW(6) THEN
    SET @judged = NOW(6);
    IF RAND() < {share} THEN
      SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = number, MESSAGE_TEXT = 'injected by a test';
    END IF;
  END IF;
END
"""


@contextmanager
def failing(
    engine: Engine, *places: tuple[str, str], share: float = 0.3, numbers: Sequence[int] = PASSING
) -> Iterator[None]:
    """Let a ``share`` of the statements of this kind on these tables fail: ``("INSERT", "outbox")``.

    With one place that each transaction passes once, that is the share of transactions.
    """
    names = [f"fails_{table}_{event}".lower() for event, table in places]
    with engine.begin() as connection:
        for name, (event, table) in zip(names, places, strict=True):
            listed = ", ".join(map(str, numbers))
            made = {"name": name, "event": event, "table": table, "count": len(numbers), "numbers": listed}
            connection.execute(text(TRIGGER.format(**made, share=share)))
    try:
        yield
    finally:
        with engine.begin() as connection:
            for name in names:
                connection.execute(text(f"DROP TRIGGER {name}"))
