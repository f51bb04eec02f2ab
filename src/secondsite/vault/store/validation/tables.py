"""One row: the last check counts."""

from sqlalchemy import Column, Integer, Table

from ....wire.rest.validation import Flaw
from ..columns import Shaped, UtcDateTime
from ..tables import metadata

validations = Table(
    "validations",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("checked_at", UtcDateTime, nullable=False),
    Column("machines", Integer, nullable=False),
    Column("not_asked", Integer, nullable=False),
    Column("flaws", Shaped(tuple[Flaw, ...]), nullable=False),
)
