"""The way to the vault: enrollment, certificate, the connection, orders in and reports out.

Its rooms:

    enrollment    how an appliance becomes known to its vault
    reenrollment  it enrolls once more, under its own id
    https         one call to the vault, for enrollment
    csr           the request for a certificate
    renewal       a new certificate, in time
    connection    the websocket, dialled from here
    redial_delay  how soon after a break
    order_desk    each order is done once
    generations   which orders are too old to be carried out
    reporter      status of the machines, for the vault
    status_parts  what changed, as messages that are not too large
"""

from . import enrollment, reenrollment
from .connection import Control
from .order_desk import OrderDesk
from .renewal import Renewal
from .reporter import Reporter

__all__ = ["Control", "OrderDesk", "Renewal", "Reporter", "enrollment", "reenrollment"]
