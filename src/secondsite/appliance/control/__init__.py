"""The way to the vault: enrollment, certificate, the connection, orders in and reports out.

Its rooms:

    enrollment    makes an appliance known to its vault
    reenrollment  enrolls an appliance once more, under its own id
    https         one call to the vault, for enrollment
    renewal       a new certificate, before the old one ends
    connection    the websocket, dialled from here
    redial_delay  how long to wait before dialling again
    order_desk    carries out each order once
    patience      an order waits for a machine whose agent is away
    generations   refuses orders that are too old to be carried out
    reporter      status of the machines, for the vault
    status_parts  what changed, as messages that are not too large
    host_capacity  what the host has, looked at now and then
"""

from . import enrollment, reenrollment
from .connection import Control
from .host_capacity import HostCapacityWatch
from .order_desk import OrderDesk
from .renewal import Renewal
from .reporter import Reporter

__all__ = ["Control", "HostCapacityWatch", "OrderDesk", "Renewal", "Reporter", "enrollment", "reenrollment"]
