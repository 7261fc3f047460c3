"""For which code this schema works: the oldest revision whose code goes on with it.

A migration that takes away what older code needs comes after one that raises it.

Revision: 0013
After: 0012
"""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE identity ADD COLUMN works_from VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL "
        "DEFAULT '0010'"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE identity DROP COLUMN works_from")
