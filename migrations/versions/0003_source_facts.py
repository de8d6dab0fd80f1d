"""Sources keep the hub's scan verdict and base model; lookups by hash are remembered, also those in vain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("source", schema=None) as batch_op:
        batch_op.add_column(sa.Column("scan", sa.String(length=24), nullable=True))
        batch_op.add_column(sa.Column("base_model", sa.Text(), nullable=True))
    op.create_table(
        "lookup",
        sa.Column("service", sa.String(length=16), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.String(length=32), nullable=False),
        sa.Column("found", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("service", "sha256", name=op.f("pk_lookup")),
    )


def downgrade() -> None:
    op.drop_table("lookup")
    with op.batch_alter_table("source", schema=None) as batch_op:
        for name in ("scan", "base_model"):
            batch_op.drop_column(name)
