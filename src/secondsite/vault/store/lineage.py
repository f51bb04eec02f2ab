"""The mark that a vault left in the database when it last started, or later."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from . import rows, tables

COLUMNS = tables.lineage.c


def mark(session: Session, vault: str) -> str | None:
    """None before the vault's first start on this database."""
    return session.execute(select(COLUMNS.mark).where(COLUMNS.vault == vault)).scalar_one_or_none()


def put_mark(session: Session, vault: str, fresh: str) -> None:
    rows.upsert(session, tables.lineage, {"vault": vault, "mark": fresh})
