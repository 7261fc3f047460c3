"""The first tables.

Revision: 0001
After: nothing
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "chores",
        sa.Column("name", sa.String(length=40, collation="ascii_bin"), nullable=False),
        sa.Column("due_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        mysql_row_format="DYNAMIC",
    )
    op.create_table(
        "deliveries",
        sa.Column("reaction", sa.String(length=32, collation="ascii_bin"), nullable=False),
        sa.Column("event_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("aggregate_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("owner_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("withdraws", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=True),
        sa.Column("occurred_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("state", sa.String(length=8, collation="ascii_bin"), nullable=False),
        sa.Column("due_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("reaction", "event_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        mysql_row_format="DYNAMIC",
    )
    op.create_index("ix_deliveries_due", "deliveries", ["state", "reaction", "due_at"], unique=False)
    op.create_index("ix_deliveries_owner", "deliveries", ["owner_id"], unique=False)
    op.create_index("ix_deliveries_withdraws", "deliveries", ["withdraws"], unique=False)
    op.create_table(
        "events",
        sa.Column("id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("aggregate_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("actor_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=True),
        sa.Column("correlation_id", sa.String(length=64), nullable=False),
        sa.Column("occurred_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("payload", mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("aggregate_id", "version", name="uq_events_aggregate_version"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        mysql_row_format="DYNAMIC",
    )
    op.create_table(
        "notebook_views",
        sa.Column("notebook_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("owner_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), server_default="", nullable=False),
        sa.Column("description", mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), nullable=True),
        sa.Column("metadata", mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), nullable=True),
        sa.Column("page_ids", mysql.MEDIUMTEXT(charset="ascii", collation="ascii_bin"), nullable=True),
        sa.Column("publication", mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), nullable=True),
        sa.Column("trashed_at", mysql.DATETIME(fsp=6), nullable=True),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=True),
        sa.Column("updated_at", mysql.DATETIME(fsp=6), nullable=True),
        sa.Column("builder_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("page_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("word_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("has_unpublished_changes", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("changed_at", mysql.DATETIME(fsp=6), nullable=True),
        sa.PrimaryKeyConstraint("notebook_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        mysql_row_format="DYNAMIC",
    )
    op.create_index("ix_notebook_views_owner", "notebook_views", ["owner_id", "changed_at"], unique=False)
    op.create_table(
        "notebooks",
        sa.Column("id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("owner_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("description", mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), nullable=False),
        sa.Column("metadata", mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), nullable=False),
        sa.Column("page_ids", mysql.MEDIUMTEXT(charset="ascii", collation="ascii_bin"), nullable=False),
        sa.Column("publication", mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), nullable=True),
        sa.Column("trashed_at", mysql.DATETIME(fsp=6), nullable=True),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("updated_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        mysql_row_format="DYNAMIC",
    )
    op.create_table(
        "outbox",
        sa.Column("event_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("aggregate_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("owner_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("withdraws", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=True),
        sa.Column("occurred_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        mysql_row_format="DYNAMIC",
    )
    op.create_index("ix_outbox_owner", "outbox", ["owner_id"], unique=False)
    op.create_index("ix_outbox_withdraws", "outbox", ["withdraws"], unique=False)
    op.create_table(
        "page_views",
        sa.Column("page_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("notebook_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("owner_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("content", mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), nullable=False),
        sa.Column("word_count", sa.Integer(), nullable=False),
        sa.Column("content_sha256", sa.CHAR(length=64, collation="ascii_bin"), nullable=False),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("updated_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("builder_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("page_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        mysql_row_format="DYNAMIC",
    )
    op.create_index("ix_page_views_notebook", "page_views", ["notebook_id"], unique=False)
    op.create_table(
        "pages",
        sa.Column("id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("notebook_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("owner_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("content", mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), nullable=False),
        sa.Column("word_count", sa.Integer(), nullable=False),
        sa.Column("content_sha256", sa.CHAR(length=64, collation="ascii_bin"), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("autosaved_since", mysql.DATETIME(fsp=6), nullable=True),
        sa.Column("trashed_at", mysql.DATETIME(fsp=6), nullable=True),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("updated_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        mysql_row_format="DYNAMIC",
    )
    op.create_index("ix_pages_notebook", "pages", ["notebook_id"], unique=False)
    op.create_table(
        "profiles",
        sa.Column("user_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(length=32), nullable=False),
        sa.Column("display_name", sa.String(length=100), nullable=False),
        sa.Column("bio", mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), nullable=False),
        sa.Column("avatar_image_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=True),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("builder_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("user_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        mysql_row_format="DYNAMIC",
    )
    op.create_table(
        "published_notebooks",
        sa.Column("notebook_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("owner_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("published_version", sa.Integer(), nullable=True),
        sa.Column("published_at", mysql.DATETIME(fsp=6), nullable=True),
        sa.Column("title", sa.String(length=200), nullable=True),
        sa.Column("description", mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), nullable=True),
        sa.Column("metadata", mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), nullable=True),
        sa.Column("page_count", sa.Integer(), nullable=False),
        sa.Column("word_count", sa.Integer(), nullable=False),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("builder_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("notebook_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        mysql_row_format="DYNAMIC",
    )
    op.create_index("ix_published_notebooks_published", "published_notebooks", ["published_at"], unique=False)
    op.create_table(
        "published_pages",
        sa.Column("notebook_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("page_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("content", mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), nullable=False),
        sa.Column("word_count", sa.Integer(), nullable=False),
        sa.Column("content_sha256", sa.CHAR(length=64, collation="ascii_bin"), nullable=False),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("updated_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("builder_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("notebook_id", "page_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        mysql_row_format="DYNAMIC",
    )
    op.create_table(
        "receipts",
        sa.Column("holder", sa.String(length=64, collation="ascii_bin"), nullable=False),
        sa.Column("key", mysql.VARCHAR(charset="utf8mb4", collation="utf8mb4_bin", length=255), nullable=False),
        sa.Column("request", sa.String(length=2100), nullable=False),
        sa.Column("body_hmac", sa.CHAR(length=64, collation="ascii_bin"), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), nullable=False),
        sa.Column("body", mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), nullable=False),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("holder", "key"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        mysql_row_format="DYNAMIC",
    )
    op.create_index("ix_receipts_created", "receipts", ["created_at"], unique=False)
    op.create_table(
        "revisions",
        sa.Column("id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("page_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("owner_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8, collation="ascii_bin"), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("content", mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), nullable=False),
        sa.Column("word_count", sa.Integer(), nullable=False),
        sa.Column("content_sha256", sa.CHAR(length=64, collation="ascii_bin"), nullable=False),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("builder_version", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(length=120), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        mysql_row_format="DYNAMIC",
    )
    op.create_index("ix_revisions_page", "revisions", ["page_id", "created_at", "version"], unique=False)
    op.create_table(
        "search_entries",
        sa.Column("page_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("scope", mysql.CHAR(charset="ascii", collation="ascii_bin", length=9), nullable=False),
        sa.Column("notebook_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("author_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("notebook_title", sa.String(length=200), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("body", mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), nullable=False),
        sa.Column("title_terms", mysql.MEDIUMTEXT(charset="ascii", collation="ascii_bin"), nullable=False),
        sa.Column("body_terms", mysql.MEDIUMTEXT(charset="ascii", collation="ascii_bin"), nullable=False),
        sa.Column("version", mysql.BIGINT(), nullable=False),
        sa.Column("builder_version", sa.Integer(), nullable=False),
        sa.Column("updated_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("page_id", "scope"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        mysql_row_format="DYNAMIC",
    )
    op.create_index(
        "ft_search_entries_terms",
        "search_entries",
        ["title_terms", "body_terms"],
        unique=False,
        mysql_prefix="FULLTEXT",
    )
    op.create_table(
        "search_notebooks",
        sa.Column("notebook_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("published", mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), nullable=False),
        sa.PrimaryKeyConstraint("notebook_id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        mysql_row_format="DYNAMIC",
    )
    op.create_table(
        "sessions",
        sa.Column("id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("user_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("refresh_jti", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("expires_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("revoked_at", mysql.DATETIME(fsp=6), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        mysql_row_format="DYNAMIC",
    )
    op.create_index("ix_sessions_expiry", "sessions", ["expires_at"], unique=False)
    op.create_index("ix_sessions_user", "sessions", ["user_id"], unique=False)
    op.create_table(
        "users",
        sa.Column("id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(length=32), nullable=False),
        sa.Column("username_key", sa.String(length=32), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("email_key", sa.String(length=254), nullable=False),
        sa.Column("password_hash", sa.String(length=72), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column("display_name", sa.String(length=100), nullable=False),
        sa.Column("bio", mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), nullable=False),
        sa.Column("avatar_image_id", mysql.CHAR(charset="ascii", collation="ascii_bin", length=32), nullable=True),
        sa.Column("disabled_at", mysql.DATETIME(fsp=6), nullable=True),
        sa.Column("created_at", mysql.DATETIME(fsp=6), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        mysql_row_format="DYNAMIC",
    )
    op.create_index("uq_users_email", "users", ["email_key"], unique=True)
    op.create_index("uq_users_username", "users", ["username_key"], unique=True)


def downgrade() -> None:
    op.drop_index("uq_users_username", table_name="users")
    op.drop_index("uq_users_email", table_name="users")
    op.drop_table("users")
    op.drop_index("ix_sessions_user", table_name="sessions")
    op.drop_index("ix_sessions_expiry", table_name="sessions")
    op.drop_table("sessions")
    op.drop_table("search_notebooks")
    op.drop_index("ft_search_entries_terms", table_name="search_entries", mysql_prefix="FULLTEXT")
    op.drop_table("search_entries")
    op.drop_index("ix_revisions_page", table_name="revisions")
    op.drop_table("revisions")
    op.drop_index("ix_receipts_created", table_name="receipts")
    op.drop_table("receipts")
    op.drop_table("published_pages")
    op.drop_index("ix_published_notebooks_published", table_name="published_notebooks")
    op.drop_table("published_notebooks")
    op.drop_table("profiles")
    op.drop_index("ix_pages_notebook", table_name="pages")
    op.drop_table("pages")
    op.drop_index("ix_page_views_notebook", table_name="page_views")
    op.drop_table("page_views")
    op.drop_index("ix_outbox_withdraws", table_name="outbox")
    op.drop_index("ix_outbox_owner", table_name="outbox")
    op.drop_table("outbox")
    op.drop_table("notebooks")
    op.drop_index("ix_notebook_views_owner", table_name="notebook_views")
    op.drop_table("notebook_views")
    op.drop_table("events")
    op.drop_index("ix_deliveries_withdraws", table_name="deliveries")
    op.drop_index("ix_deliveries_owner", table_name="deliveries")
    op.drop_index("ix_deliveries_due", table_name="deliveries")
    op.drop_table("deliveries")
    op.drop_table("chores")
