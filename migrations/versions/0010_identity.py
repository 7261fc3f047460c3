"""Which database this is: the id by which a service marks its Redis and its bucket.

Revision: 0010
After: 0009
"""

import secrets

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0010"
down_revision = "0009"

ID = mysql.CHAR(charset="ascii", collation="ascii_bin", length=32)
OPTIONS = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_engine": "InnoDB",
    "mysql_row_format": "DYNAMIC",
}


def upgrade() -> None:
    made = op.create_table("identity", sa.Column("id", ID, nullable=False), sa.PrimaryKeyConstraint("id"), **OPTIONS)
    op.bulk_insert(made, [{"id": secrets.token_hex(16)}])


def downgrade() -> None:
    op.drop_table("identity")
