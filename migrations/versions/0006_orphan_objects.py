"""Objects of the store that no row knows, and since when.

Revision: 0006
After: 0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "orphan_objects",
        sa.Column("key", sa.String(255, collation="ascii_bin"), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("found_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        mysql_row_format="DYNAMIC",
    )
    op.create_index("ix_orphan_objects_found", "orphan_objects", ["found_at"], unique=False)


def downgrade() -> None:
    op.drop_table("orphan_objects")
