"""Lineage of a database: the newest mark that each vault has left in it, by which a restored database is
recognized: the file beside it holds another mark."""

from sqlalchemy import BigInteger, Column, String, Table, func, select, update
from sqlalchemy.orm import Session

from .sql import rows
from .sql.columns import metadata

LINEAGE = Table(
    "lineage",
    metadata,
    Column("vault", String(100), primary_key=True),
    Column("mark", String(64), nullable=False),
    Column("number", BigInteger, nullable=False, default=0),
)

COLUMNS = LINEAGE.c


def mark(session: Session, vault: str) -> str | None:
    """The vault's mark; None before its first start on this database."""
    return session.execute(select(COLUMNS.mark).where(COLUMNS.vault == vault)).scalar_one_or_none()


def put_mark(session: Session, vault: str, fresh: str) -> None:
    rows.upsert(session, LINEAGE, {"vault": vault, "mark": fresh})


def number(session: Session) -> int:
    """The highest number that any vault on this database may have told an appliance."""
    return session.execute(select(func.max(COLUMNS.number))).scalar_one_or_none() or 0


def put_number(session: Session, vault: str, higher: int) -> None:
    """Raise the number of a vault that has left its mark."""
    session.execute(update(LINEAGE).where(COLUMNS.vault == vault).values(number=higher))


def write_again(session: Session) -> None:
    """Rewrite the present values, to see whether the database can be written."""
    session.execute(update(LINEAGE).values(number=COLUMNS.number))
