"""Deliveries that were sent before, apart from the others.

Revision: 0008
After: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    # With a default, so that code of the revision before can go on inserting.
    op.execute("ALTER TABLE deliveries ADD COLUMN again TINYINT(1) NOT NULL DEFAULT 0, ALGORITHM=INSTANT")
    op.execute(
        "ALTER TABLE deliveries ADD INDEX ix_deliveries_lane (state, reaction, again, due_at),"
        " DROP INDEX ix_deliveries_due, ALGORITHM=INPLACE, LOCK=NONE"
    )


def downgrade() -> None:
    op.execute(
        "ALTER TABLE deliveries ADD INDEX ix_deliveries_due (state, reaction, due_at), DROP INDEX ix_deliveries_lane"
    )
    op.execute("ALTER TABLE deliveries DROP COLUMN again")
