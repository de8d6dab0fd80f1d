"""Render runs say their verdict in words, and what would make them stale."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("render_run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("words", sa.Text(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("recipe_key", sa.String(length=16), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("base_name", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    with op.batch_alter_table("render_run", schema=None) as batch_op:
        for name in ("words", "recipe_key", "base_name"):
            batch_op.drop_column(name)
