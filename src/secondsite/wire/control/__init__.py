"""The control protocol: what the vault and an appliance say to each other.

Its rooms:

    messages         what crosses the websocket
    protocols        which versions of it releases understand
    orders           what the vault may order, with payloads and facts
    reports          an order's facts in their shape
    checks           checks before a verb, and shipped copies
    cards            what a machine's network cards are to be connected to
    proofs           the order to look at a machine after its start
    adopting         what a new vault is told of what is here, and tells
    rescue_manifest  the order to keep what starts machines without a vault
    names            the order to let DNS names point to a machine
    scripts          scripts of recovery plans, and what they are told
    setups           what appliances need to replicate by themselves
    statuses         what they report of their machines
    changes          what changed of them since they were last told
    leaving_out      what can be adopted although something in it is odd
    salvage          what can be kept of a status in which something is malformed
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
    "Welcome",
    "failed_report",
    "parse",
    "without_malformed",
]
