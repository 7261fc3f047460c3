"""Which refresh token came before, and an index by which administrators are locked.

Revision: 0002
After: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # Both NULL until the first refresh, so that code of the first revision can go on inserting.
    op.execute(
        "ALTER TABLE sessions ADD COLUMN previous_jti CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL,"
        " ADD COLUMN refreshed_at DATETIME(6) NULL, ALGORITHM=INSTANT"
    )
    op.execute("ALTER TABLE users ADD INDEX ix_users_role (role), ALGORITHM=INPLACE, LOCK=NONE")


def downgrade() -> None:
    op.execute("ALTER TABLE users DROP INDEX ix_users_role")
    op.execute("ALTER TABLE sessions DROP COLUMN refreshed_at, DROP COLUMN previous_jti")
