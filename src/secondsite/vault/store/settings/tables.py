"""The rows of what is set for single machines. They go with the machine's protection."""

from sqlalchemy import Column, ForeignKey, Table

from ....wire.common.cards import CardSettings
from ..columns import Shaped
from ..tables import metadata

machine_settings = Table(
    "machine_settings",
    metadata,
    Column("machine_id", ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True),
    Column("cards", Shaped(tuple[CardSettings, ...]), nullable=False),
)
