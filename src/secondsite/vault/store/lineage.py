"""The mark that a vault left in the database when it last started, or later."""

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from . import rows, tables

COLUMNS = tables.lineage.c


def mark(session: Session, vault: str) -> str | None:
    """None before the vault's first start on this database."""
    return session.execute(select(COLUMNS.mark).where(COLUMNS.vault == vault)).scalar_one_or_none()


def put_mark(session: Session, vault: str, fresh: str) -> None:
    rows.upsert(session, tables.lineage, {"vault": vault, "mark": fresh})


def number(session: Session) -> int:
    """The highest that any vault on this database may have told an appliance."""
    return session.execute(select(func.max(COLUMNS.number))).scalar_one_or_none() or 0


def put_number(session: Session, vault: str, higher: int) -> None:
    """For a vault that has left its mark."""
    session.execute(update(tables.lineage).where(COLUMNS.vault == vault).values(number=higher))


def write_again(session: Session) -> None:
    """What stands there: whether the database takes anything."""
    session.execute(update(tables.lineage).values(number=COLUMNS.number))
