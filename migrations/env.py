"""alembic's environment: the connection comes from the program, or from `-x url=…` when a developer runs alembic."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine

from modelhub.catalog.tables import metadata


def _is_ours(name: str | None, kind: str, *_: object) -> bool:
    """Return whether alembic compares this object; full-text tables and indexes are made by hand."""
    return not (kind in ("table", "index") and (name or "").startswith("model_search"))


def _run(connection: object) -> None:
    context.configure(
        connection=connection,  # type: ignore[arg-type]
        target_metadata=metadata,
        render_as_batch=True,
        include_object=lambda _, name, kind, *rest: _is_ours(name, kind),
    )
    with context.begin_transaction():
        context.run_migrations()


def _print_sql(dialect: str) -> None:
    """Print the statements instead of executing them, for a database that an administrator sets up."""
    context.configure(dialect_name=dialect, target_metadata=metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if context.is_offline_mode():
    _print_sql(context.config.attributes.get("dialect", "sqlite"))
elif given is not None:
    _run(given)
else:
    with create_engine(context.get_x_argument(as_dictionary=True)["url"]).begin() as connection:
        _run(connection)
