"""What is erased for good: what lies in the trash, what is being erased, and how far the thinning has come.

Revision: 0007
After: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0007"
down_revision = "0006"

ID = mysql.CHAR(charset="ascii", collation="ascii_bin", length=32)
TIME = mysql.DATETIME(fsp=6)
OPTIONS = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
    "mysql_row_format": "DYNAMIC",
}


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(8, collation="ascii_bin"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("notebook_id", ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("requested_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        **OPTIONS,
    )
    op.create_index("ix_erasures_requested", "erasures", ["requested_at"], unique=False)
    op.create_table(
        "thinning_marks",
        sa.Column("stage", sa.String(8, collation="ascii_bin"), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("page_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("stage"),
        **OPTIONS,
    )
    for table, name, columns in INDEXES:
        op.execute(f"ALTER TABLE {table} ADD INDEX {name} ({columns}), ALGORITHM=INPLACE, LOCK=NONE")


INDEXES = (
    ("notebooks", "ix_notebooks_trashed", "trashed_at"),
    ("pages", "ix_pages_trashed", "trashed_at"),
    ("revisions", "ix_revisions_created", "created_at, page_id"),
)


def downgrade() -> None:
    for table, name, _ in reversed(INDEXES):
        op.execute(f"ALTER TABLE {table} DROP INDEX {name}")
    op.drop_table("thinning_marks")
    op.drop_table("erasures")
