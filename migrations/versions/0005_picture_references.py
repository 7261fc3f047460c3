"""What uses which picture.

Revision: 0005
After: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0005"
down_revision = "0004"

ID = mysql.CHAR(charset="ascii", collation="ascii_bin", length=32)
OPTIONS = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
    "mysql_row_format": "DYNAMIC",
}


def upgrade() -> None:
    op.create_table(
        "reference_sources",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(12, collation="ascii_bin"), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("page_id", ID, nullable=True),
        sa.Column("notebook_id", ID, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("builder_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        **OPTIONS,
    )
    op.create_index("ix_reference_sources_notebook", "reference_sources", ["notebook_id", "kind"], unique=False)
    op.create_index("ix_reference_sources_page", "reference_sources", ["page_id"], unique=False)
    op.create_table(
        "picture_references",
        sa.Column("picture_id", ID, nullable=False),
        sa.Column("source_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("picture_id", "source_id"),
        **OPTIONS,
    )
    op.create_index("ix_picture_references_source", "picture_references", ["source_id"], unique=False)


def downgrade() -> None:
    op.drop_table("picture_references")
    op.drop_table("reference_sources")
