"""Read models that are being made anew, and by which code they were made.

Revision: 0009
After: 0008
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0009"
down_revision = "0008"

ID = mysql.CHAR(charset="ascii", collation="ascii_bin", length=32)
NAME = sa.String(12, collation="ascii_bin")
OPTIONS = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
    "mysql_row_format": "DYNAMIC",
}
# What the code of this revision makes.
MADE = {"views": 4, "revisions": 1, "search": 1, "references": 1}


def upgrade() -> None:
    made = op.create_table(
        "rebuilds",
        sa.Column("model", NAME, nullable=False),
        sa.Column("builder_version", sa.Integer(), nullable=False),
        sa.Column("building", sa.Integer(), nullable=True),
        sa.Column("position", ID, server_default="", nullable=False),
        sa.PrimaryKeyConstraint("model"),
        **OPTIONS,
    )
    op.create_table(
        "rebuild_tail",
        sa.Column("model", NAME, nullable=False),
        sa.Column("event_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("model", "event_id"),
        **OPTIONS,
    )
    # Last: rows are committed with the note that this migration is done, or by the next change of the schema.
    op.bulk_insert(made, [{"model": name, "builder_version": version} for name, version in MADE.items()])


def downgrade() -> None:
    op.drop_table("rebuild_tail")
    op.drop_table("rebuilds")
