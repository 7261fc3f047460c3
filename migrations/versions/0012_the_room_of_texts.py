"""How many bytes of text each user has.

Revision: 0012
After: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0012"
down_revision = "0011"

ID = mysql.CHAR(charset="ascii", collation="ascii_bin", length=32)
OPTIONS = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
    "mysql_row_format": "DYNAMIC",
}


def upgrade() -> None:
    op.create_table(
        "text_usage",
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("changes", sa.BigInteger(), nullable=False),
        sa.Column("recount_at", mysql.DATETIME(fsp=6), nullable=True),
        sa.PrimaryKeyConstraint("owner_id"),
        **OPTIONS,
    )
    op.create_index("ix_text_usage_recount", "text_usage", ["recount_at"], unique=False)
    # With a default, so that code of the revision before can go on inserting. What it adds is not counted before the
    # next time that the user is counted anew.
    op.execute("ALTER TABLE outbox ADD COLUMN grown BIGINT NOT NULL DEFAULT 0, ALGORITHM=INSTANT")
    op.execute(
        "INSERT INTO text_usage (owner_id, bytes, changes, recount_at) SELECT id, 0, 0, UTC_TIMESTAMP(6) FROM users"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE outbox DROP COLUMN grown")
    op.drop_table("text_usage")
