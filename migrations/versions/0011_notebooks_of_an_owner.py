"""An index of whose a notebook is: how many a user has is asked before each new one.

Revision: 0011
After: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute("ALTER TABLE notebooks ADD INDEX ix_notebooks_owner (owner_id), ALGORITHM=INPLACE, LOCK=NONE")


def downgrade() -> None:
    op.execute("ALTER TABLE notebooks DROP INDEX ix_notebooks_owner")
