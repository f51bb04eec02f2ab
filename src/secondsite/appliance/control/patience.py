"""An order that meets a machine whose agent is away waits for it: a line that is lost for a minute ends no
job. So does one that needs disks which a rescued machine lends, after this process was started."""

import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

from ...domain import errors
from ...domain.amounts import span
from ...wire.control import Order
from ...wire.control.orders import Kind, Pace
from ..orders import Context

MOST_SECONDS: Mapping[str, float] = MappingProxyType(
    {
        Kind.POWER: 240.0,
        Kind.RESTART: 240.0,
        Kind.CHECK_TARGET: 120.0,
        Kind.WITHDRAW: 120.0,
        Kind.PREPARE_REPLICA: 120.0,
        Kind.DRAIN: 120.0,
    }
)
SPARE_SECONDS = 15.0
"""What is left of an order's time once it waits no longer: the vault is to hear why."""
LOOK_SECONDS = 0.5

Found = TypeVar("Found")


def seconds(order: Order) -> float:
    """How long the order may wait for a machine that is away."""
    if order.kind == Kind.POWER and not order.payload.get("patient"):
        return 0.0
    return max(0.0, min(MOST_SECONDS.get(order.kind, 0.0), order.deadline_seconds - SPARE_SECONDS))


def pace(order: Order) -> Pace | None:
    """The pace of an order that may wait for minutes; None: that of its kind. A site whose agents are all
    away would keep all workers of prompt orders."""
    return Pace.GUEST if seconds(order) and order.kind in (Kind.POWER, Kind.RESTART) else None


def perform(context: Context, act: Callable[[], Found], stopping: threading.Event) -> Found:
    """What `act` gives; while it raises MachineAway it is repeated, and the vault is told so. Raises
    MachineAway when that lasts for too long, and StaleOrder once a later verb has overtaken the order."""
    most = seconds(context.order)
    until = context.began + most
    while True:
        try:
            return act()
        except errors.MachineAway as away:
            if time.monotonic() >= until or stopping.is_set():
                raise
            context.progress(0.0, f"waiting for it, at most {span(most)}: {away.message}")
        stopping.wait(LOOK_SECONDS)
        context.require_current()
