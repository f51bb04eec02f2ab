"""The control protocol: what the vault and an appliance say to each other.

Its rooms:

    messages         what crosses the websocket
    protocols        versions of the protocol, and which releases understand them
    orders           what the vault may order, with payloads and facts
    reports          an order's facts in their shape
    checks           checks before a verb, and shipped copies
    cards            what a machine's network cards are to be connected to
    proofs           the order to look at a machine after its start
    copies           the order to restore a copy of a machine beside it
    guest_files      orders about files inside a point
    adopting         the orders by which a new vault takes machines over
    rescue_manifest  the order to keep what starts machines without a vault
    names            the order to let DNS names point to a machine
    scripts          scripts of recovery plans, and what they are told
    ways             the order to open a way into a drill's machine, and its own connection
    setups           what appliances need to replicate by themselves
    statuses         what they report of their machines
    changes          what changed of them since the last status
    leaving_out      adopts what is valid of odd records
    salvage          keeps what is valid of a malformed status
"""

from .messages import (
    FullReportRequest,
    Hello,
    Message,
    Order,
    Progress,
    Refusal,
    Renew,
    RenewAnswer,
    Report,
    Status,
    Welcome,
    parse,
)
from .salvage import failed_report, without_malformed
from .ways import WayHello

__all__ = [
    "FullReportRequest",
    "Hello",
    "Message",
    "Order",
    "Progress",
    "Refusal",
    "Renew",
    "RenewAnswer",
    "Report",
    "Status",
    "WayHello",
    "Welcome",
    "failed_report",
    "parse",
    "without_malformed",
]
