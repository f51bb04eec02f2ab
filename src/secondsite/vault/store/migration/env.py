"""Alembic runs this for every command; the caller's connection and transaction are used."""

from alembic import context

from secondsite.jobs.storage import tables as job_tables
from secondsite.vault.store import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=[metadata, job_tables.metadata],
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
