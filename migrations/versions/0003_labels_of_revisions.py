"""Labels of revisions in a table of their own: one may be projected before the revision that it names.

Revision: 0003
After: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "revision_labels",
        sa.Column("revision_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("page_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(length=120), nullable=False),
        sa.Column("builder_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("revision_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        mysql_row_format="DYNAMIC",
    )
    op.create_index("ix_revision_labels_page", "revision_labels", ["page_id"], unique=False)
    # Nothing has ever been written there.
    op.execute("ALTER TABLE revisions DROP COLUMN label")


def downgrade() -> None:
    op.execute("ALTER TABLE revisions ADD COLUMN label VARCHAR(120) NULL")
    op.drop_table("revision_labels")
