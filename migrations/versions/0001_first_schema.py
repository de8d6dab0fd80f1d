"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "file",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("blake3", sa.String(length=64), nullable=False),
        sa.Column("crc32", sa.String(length=8), nullable=False),
        sa.Column("autov1", sa.String(length=8), nullable=True),
        sa.Column("autov3", sa.String(length=12), nullable=True),
        sa.Column("detection", sa.Text(), nullable=False),
        sa.Column("safety", sa.Text(), nullable=False),
        sa.Column("problems", sa.Text(), nullable=False),
        sa.Column("broken", sa.Boolean(), nullable=False),
        sa.Column("fingerprints", sa.Text(), nullable=True),
        sa.Column("rules_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file")),
        sa.UniqueConstraint("sha256", name=op.f("uq_file_sha256")),
    )
    with op.batch_alter_table("file", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_file_autov1"), ["autov1"], unique=False)
        batch_op.create_index(batch_op.f("ix_file_autov3"), ["autov3"], unique=False)
        batch_op.create_index(batch_op.f("ix_file_blake3"), ["blake3"], unique=False)
        batch_op.create_index(batch_op.f("ix_file_crc32"), ["crc32"], unique=False)
        batch_op.create_index(batch_op.f("ix_file_rules_version"), ["rules_version"], unique=False)

    op.create_table(
        "model",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("recorded_name", sa.Text(), nullable=False),
        sa.Column("type", sa.String(length=24), nullable=False),
        sa.Column("architecture", sa.String(length=32), nullable=True),
        sa.Column("candidates", sa.Text(), nullable=False),
        sa.Column("variant", sa.String(length=24), nullable=True),
        sa.Column("precision", sa.String(length=16), nullable=True),
        sa.Column("style", sa.String(length=16), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("broken", sa.Boolean(), nullable=False),
        sa.Column("problem_count", sa.Integer(), nullable=False),
        sa.Column("whole", sa.Text(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("added_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model")),
    )
    with op.batch_alter_table("model", schema=None) as batch_op:
        batch_op.create_index("ix_model_added_at", ["added_at", "id"], unique=False)
        batch_op.create_index("ix_model_architecture_name", ["architecture", "name_key", "id"], unique=False)
        batch_op.create_index("ix_model_name", ["name_key", "id"], unique=False)
        batch_op.create_index("ix_model_size", ["size", "id"], unique=False)
        batch_op.create_index("ix_model_state_name", ["state", "name_key", "id"], unique=False)
        batch_op.create_index("ix_model_style_name", ["style", "name_key", "id"], unique=False)
        batch_op.create_index("ix_model_type_name", ["type", "name_key", "id"], unique=False)
        batch_op.create_index("ix_model_type_size", ["type", "size", "id"], unique=False)

    op.create_table(
        "operation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("started_at", sa.String(length=32), nullable=False),
        sa.Column("finished_at", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operation")),
    )
    with op.batch_alter_table("operation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_operation_state"), ["state"], unique=False)

    op.create_table(
        "root",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_root")),
        sa.UniqueConstraint("name", name=op.f("uq_root_name")),
        sa.UniqueConstraint("path", name=op.f("uq_root_path")),
    )
    op.create_table(
        "location",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("file_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("root_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("relative", sa.Text(), nullable=False),
        sa.Column("relative_key", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("inode", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name=op.f("fk_location_file_id")),
        sa.ForeignKeyConstraint(["root_id"], ["root.id"], name=op.f("fk_location_root_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_location")),
        sa.UniqueConstraint("root_id", "relative_key", name=op.f("uq_location_root_id_relative_key")),
    )
    with op.batch_alter_table("location", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_location_file_id"), ["file_id"], unique=False)

    op.create_table(
        "model_file",
        sa.Column("model_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name=op.f("fk_model_file_file_id")),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_model_file_model_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model_id", "position", name=op.f("pk_model_file")),
    )
    with op.batch_alter_table("model_file", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_model_file_file_id"), ["file_id"], unique=False)

    op.create_table(
        "model_text",
        sa.Column("model_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_model_text_model_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model_id", name=op.f("pk_model_text")),
    )
    op.create_table(
        "model_word",
        sa.Column("model_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("word_key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_model_word_model_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model_id", "word_key", name=op.f("pk_model_word")),
    )
    with op.batch_alter_table("model_word", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_model_word_word_key"), ["word_key"], unique=False)

    op.create_table(
        "override",
        sa.Column("model_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("field", sa.String(length=24), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_override_model_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model_id", "field", name=op.f("pk_override")),
    )
    op.create_table(
        "render_run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("model_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("base_model_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("recipe", sa.Text(), nullable=False),
        sa.Column("verdict", sa.String(length=24), nullable=False),
        sa.Column("metrics", sa.Text(), nullable=False),
        sa.Column("warnings", sa.Text(), nullable=False),
        sa.Column("picture", sa.Text(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("started_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_render_run_model_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_render_run")),
    )
    with op.batch_alter_table("render_run", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_render_run_model_id"), ["model_id"], unique=False)

    op.create_table(
        "source",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("model_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("requested", sa.Text(), nullable=True),
        sa.Column("revision", sa.Text(), nullable=True),
        sa.Column("commit", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("license", sa.Text(), nullable=True),
        sa.Column("fetched_at", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_source_model_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source")),
    )
    with op.batch_alter_table("source", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_source_model_id"), ["model_id"], unique=False)

    op.create_table(
        "step",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("operation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["operation_id"], ["operation.id"], name=op.f("fk_step_operation_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_step")),
        sa.UniqueConstraint("operation_id", "position", name=op.f("uq_step_operation_id_position")),
    )
    op.create_table(
        "tag",
        sa.Column("model_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tag_key", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_tag_model_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model_id", "tag_key", name=op.f("pk_tag")),
    )
    with op.batch_alter_table("tag", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tag_tag_key"), ["tag_key"], unique=False)

    op.create_table(
        "trigger_word",
        sa.Column("model_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_trigger_word_model_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model_id", "position", name=op.f("pk_trigger_word")),
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute("CREATE VIRTUAL TABLE model_search USING fts5(text, tokenize = 'trigram')")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE model_search")
    op.drop_table("trigger_word")
    with op.batch_alter_table("tag", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tag_tag_key"))

    op.drop_table("tag")
    op.drop_table("step")
    with op.batch_alter_table("source", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_source_model_id"))

    op.drop_table("source")
    with op.batch_alter_table("render_run", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_render_run_model_id"))

    op.drop_table("render_run")
    op.drop_table("override")
    with op.batch_alter_table("model_word", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_model_word_word_key"))

    op.drop_table("model_word")
    op.drop_table("model_text")
    with op.batch_alter_table("model_file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_model_file_file_id"))

    op.drop_table("model_file")
    with op.batch_alter_table("location", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_location_file_id"))

    op.drop_table("location")
    op.drop_table("root")
    with op.batch_alter_table("operation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_operation_state"))

    op.drop_table("operation")
    with op.batch_alter_table("model", schema=None) as batch_op:
        batch_op.drop_index("ix_model_type_size")
        batch_op.drop_index("ix_model_type_name")
        batch_op.drop_index("ix_model_style_name")
        batch_op.drop_index("ix_model_state_name")
        batch_op.drop_index("ix_model_size")
        batch_op.drop_index("ix_model_name")
        batch_op.drop_index("ix_model_architecture_name")
        batch_op.drop_index("ix_model_added_at")

    op.drop_table("model")
    with op.batch_alter_table("file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_file_rules_version"))
        batch_op.drop_index(batch_op.f("ix_file_crc32"))
        batch_op.drop_index(batch_op.f("ix_file_blake3"))
        batch_op.drop_index(batch_op.f("ix_file_autov3"))
        batch_op.drop_index(batch_op.f("ix_file_autov1"))

    op.drop_table("file")
