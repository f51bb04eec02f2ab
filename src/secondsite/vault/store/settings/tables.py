"""The rows of what is set for single machines. They go with the machine's protection."""

from sqlalchemy import Column, ForeignKey, Table

from ....wire.common.cards import CardSettings
from ....wire.common.hooks import MachineHook
from ....wire.common.machine_checks import MachineCheck
from ....wire.common.properties import TargetProperties
from ..columns import Shaped
from ..tables import metadata

machine_settings = Table(
    "machine_settings",
    metadata,
    Column("machine_id", ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True),
    Column("cards", Shaped(tuple[CardSettings, ...]), nullable=False),
)

machine_checks = Table(
    "machine_checks",
    metadata,
    Column("machine_id", ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True),
    Column("checks", Shaped(tuple[MachineCheck, ...]), nullable=False),
)

machine_hooks = Table(
    "machine_hooks",
    metadata,
    Column("machine_id", ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True),
    Column("hooks", Shaped(tuple[MachineHook, ...]), nullable=False),
)

machine_properties = Table(
    "machine_properties",
    metadata,
    Column("machine_id", ForeignKey("machines.id", ondelete="CASCADE"), primary_key=True),
    Column("properties", Shaped(TargetProperties), nullable=False),
)
