"""Pictures, and the reservations that stand before them.

Revision: 0004
After: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"

ID = mysql.CHAR(charset="ascii", collation="ascii_bin", length=32)
TEXT = mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin")
TIME = mysql.DATETIME(fsp=6)
OPTIONS = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
    "mysql_row_format": "DYNAMIC",
}


def upgrade() -> None:
    op.create_table(
        "pictures",
        sa.Column("id", ID, nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(10, collation="ascii_bin"), nullable=False),
        sa.Column("alt", TEXT, nullable=False),
        sa.Column("mime", sa.String(32, collation="ascii_bin"), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.CHAR(64, collation="ascii_bin"), nullable=False),
        sa.Column("thumbnails", TEXT, nullable=False),
        sa.Column("error", TEXT, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("linked_at", TIME, nullable=True),
        sa.Column("unused_since", TIME, nullable=True),
        sa.Column("removed_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        **OPTIONS,
    )
    op.create_index("ix_pictures_owner", "pictures", ["owner_id", "created_at"], unique=False)
    op.create_index("ix_pictures_unused", "pictures", ["unused_since"], unique=False)
    op.create_index("ix_pictures_removed", "pictures", ["removed_at"], unique=False)
    op.create_table(
        "picture_reservations",
        sa.Column("picture_id", ID, nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("reserved_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("picture_id"),
        **OPTIONS,
    )
    op.create_index("ix_picture_reservations_reserved", "picture_reservations", ["reserved_at"], unique=False)


def downgrade() -> None:
    op.drop_table("picture_reservations")
    op.drop_table("pictures")
