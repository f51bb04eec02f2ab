"""The rows of several vault processes on one database; on SQLite, where there is one, the last two stay empty."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Integer, String, Table, Text

from ....wire.control import Order, Report
from ..columns import Shaped, UtcDateTime
from ..tables import metadata

processes = Table(
    "vault_processes",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("control_url", Text, nullable=False),
    Column("trusted", Shaped(tuple[str, ...]), nullable=False),
    Column("version", Text, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)

# Which process holds the newest connection of an appliance, under which epoch of its lease.
links = Table(
    "appliance_links",
    metadata,
    Column("appliance_id", ForeignKey("appliances.id", ondelete="CASCADE"), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("epoch", Integer, nullable=False),
)

# Orders that one process has to give and another one can.
passed_orders = Table(
    "passed_orders",
    metadata,
    Column("order_id", String(300), primary_key=True),
    Column("appliance_id", String(64), nullable=False),
    Column("order", Shaped(Order), nullable=False),
    Column("asked_by", String(200), nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("taken_by", String(200)),
    Column("report", Shaped(Report)),
    Column("fraction", Float, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("is_news", Boolean, nullable=False),
)
