"""PostgreSQL compares and searches text as SQLite does: by code points, with a trigram index for parts of words."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# The columns that are compared, sorted and searched for parts; by code points they need no locale.
_COLUMNS = (
    ("model", "name_key"),
    ("location", "relative_key"),
    ("model_word", "word_key"),
    ("tag", "tag_key"),
    ("model_text", "text"),
)


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, column in _COLUMNS:
        op.alter_column(table, column, type_=sa.Text(collation="C"), existing_nullable=False)
    # The index makes searches quick; without the extension, which a server may not have, they are right all the same.
    op.execute(
        "DO $$ BEGIN CREATE EXTENSION IF NOT EXISTS pg_trgm;"
        " CREATE INDEX model_search ON model_text USING gin (text gin_trgm_ops);"
        " EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'no trigram index: %', SQLERRM; END $$"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("DROP INDEX IF EXISTS model_search")
    for table, column in _COLUMNS:
        op.alter_column(table, column, type_=sa.Text(), existing_nullable=False)
