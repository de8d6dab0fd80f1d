"""The schema, for SQLAlchemy and alembic. Only writing and upgrading import this module.

Columns ending in `_key` hold normalized spellings (`encoding.normalize_key`): comparing and sorting them needs no
collation, so that every database answers alike and the index always fits.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
Key = BigInteger().with_variant(Integer(), "sqlite")
# Compared by code points on every database: SQLite does so by itself.
PlainText = Text().with_variant(Text(collation="C"), "postgresql")


def _of_model(*, primary_key: bool = False, index: bool | None = None) -> Column[int]:
    key = ForeignKey("model.id", ondelete="CASCADE")
    return Column("model_id", Key, key, nullable=False, primary_key=primary_key, index=index)


root = Table(
    "root",
    metadata,
    Column("id", Key, primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("path", Text, nullable=False, unique=True),
    Column("whole", Boolean, nullable=False),
)

file = Table(
    "file",
    metadata,
    Column("id", Key, primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("size", BigInteger, nullable=False),
    Column("format", String(16), nullable=False),
    Column("blake3", String(64), nullable=False, index=True),
    Column("crc32", String(8), nullable=False, index=True),
    Column("autov1", String(8), index=True),
    Column("autov3", String(12), index=True),
    Column("detection", Text, nullable=False),
    Column("safety", Text, nullable=False),
    Column("problems", Text, nullable=False),
    Column("broken", Boolean, nullable=False),
    Column("fingerprints", Text),
    Column("rules_version", Integer, nullable=False, index=True),
)

location = Table(
    "location",
    metadata,
    Column("id", Key, primary_key=True),
    Column("file_id", Key, ForeignKey("file.id"), nullable=False, index=True),
    Column("root_id", Key, ForeignKey("root.id"), nullable=False),
    Column("relative", Text, nullable=False),
    Column("relative_key", PlainText, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("inode", BigInteger),
    Column("state", String(16), nullable=False),
    UniqueConstraint("root_id", "relative_key"),
)

model = Table(
    "model",
    metadata,
    Column("id", Key, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_key", PlainText, nullable=False),
    Column("recorded_name", Text, nullable=False),
    Column("type", String(24), nullable=False),
    Column("architecture", String(32)),
    Column("candidates", Text, nullable=False),
    Column("variant", String(24)),
    Column("precision", String(16)),
    Column("style", String(16), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("format", String(16), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("words", Text, nullable=False),
    Column("broken", Boolean, nullable=False),
    Column("problem_count", Integer, nullable=False),
    Column("whole", Text),
    Column("notes", Text, nullable=False),
    Column("added_at", String(32), nullable=False),
    Index("ix_model_name", "name_key", "id"),
    Index("ix_model_type_name", "type", "name_key", "id"),
    Index("ix_model_architecture_name", "architecture", "name_key", "id"),
    Index("ix_model_style_name", "style", "name_key", "id"),
    Index("ix_model_state_name", "state", "name_key", "id"),
    Index("ix_model_type_size", "type", "size", "id"),
    Index("ix_model_size", "size", "id"),
    Index("ix_model_added_at", "added_at", "id"),
)

model_file = Table(
    "model_file",
    metadata,
    _of_model(primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("file_id", Key, ForeignKey("file.id"), nullable=False, index=True),
    Column("role", Text, nullable=False),
)

source = Table(
    "source",
    metadata,
    Column("id", Key, primary_key=True),
    _of_model(index=True),
    Column("kind", String(16), nullable=False),
    Column("reference", Text, nullable=False),
    Column("requested", Text),
    Column("revision", Text),
    Column("commit", Text),
    Column("url", Text),
    Column("path", Text),
    Column("license", Text),
    Column("fetched_at", String(32)),
    Column("scan", String(24)),
    Column("base_model", Text),
)

# When a service was queried for a content by its hash, and whether it knew it.
lookup = Table(
    "lookup",
    metadata,
    Column("service", String(16), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("asked_at", String(32), nullable=False),
    Column("found", Boolean, nullable=False),
)

trigger_word = Table(
    "trigger_word",
    metadata,
    _of_model(primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("word", Text, nullable=False),
    Column("source", Text, nullable=False),
)

# The effective trigger words, for filters; `trigger_word` holds what sources state.
model_word = Table(
    "model_word",
    metadata,
    _of_model(primary_key=True),
    Column("word_key", PlainText, primary_key=True, index=True),
)

# Everything `search` looks through, folded; SQLite has a trigram index over the same besides.
model_text = Table(
    "model_text",
    metadata,
    _of_model(primary_key=True),
    Column("text", PlainText, nullable=False),
)

tag = Table(
    "tag",
    metadata,
    _of_model(primary_key=True),
    Column("tag_key", PlainText, primary_key=True, index=True),
    Column("tag", Text, nullable=False),
)

override = Table(
    "override",
    metadata,
    _of_model(primary_key=True),
    Column("field", String(24), primary_key=True),
    Column("value", Text, nullable=False),
)

render_run = Table(
    "render_run",
    metadata,
    Column("id", Key, primary_key=True),
    _of_model(index=True),
    Column("base_model_id", Key),
    Column("recipe", Text, nullable=False),
    Column("verdict", String(24), nullable=False),
    Column("metrics", Text, nullable=False),
    Column("warnings", Text, nullable=False),
    Column("picture", Text),
    Column("seconds", Float),
    Column("started_at", String(32), nullable=False),
    Column("words", Text, nullable=False, server_default=""),
    Column("recipe_key", String(16), nullable=False, server_default=""),
    Column("base_name", Text, nullable=False, server_default=""),
)

operation = Table(
    "operation",
    metadata,
    Column("id", Key, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("parameters", Text, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("started_at", String(32), nullable=False),
    Column("finished_at", String(32)),
)

step = Table(
    "step",
    metadata,
    Column("id", Key, primary_key=True),
    Column("operation_id", Key, ForeignKey("operation.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("action", String(16), nullable=False),
    Column("source", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("state", String(16), nullable=False),
    UniqueConstraint("operation_id", "position"),
)
