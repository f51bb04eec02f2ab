"""Start, shut down, stop. Each looks first, so a repeat is harmless."""

import time
from collections.abc import Callable
from typing import Any

import libvirt

from ...domain import errors
from ..interface import PowerState
from . import connection, inventory

POLL_SECONDS = 0.1
ASK_AGAIN_SECONDS = 10.0


class Power:
    def __init__(self, hypervisor: connection.Connection) -> None:
        self._hypervisor = hypervisor

    def state(self, fabric_id: str) -> PowerState:
        domain = self._hypervisor.find(fabric_id)
        if domain is None:
            return PowerState.MISSING
        try:
            return inventory.power_of(domain)
        except errors.NotFound:
            return PowerState.MISSING

    def start(self, fabric_id: str) -> None:
        """Starts an off machine and resumes a paused one; raises NotFound, FabricError."""
        domain = self._hypervisor.domain(fabric_id)
        state = inventory.power_of(domain)
        if state is PowerState.PAUSED:
            resume(domain)
        elif state is PowerState.OFF:
            connection.call(f"starting '{domain.name()}'", domain.create, seconds=120)

    def shut_down(self, fabric_id: str, grace_seconds: float) -> bool:
        """Presses the power button, every ten seconds again, for a booting guest misses it."""
        domain = self._hypervisor.domain(fabric_id)
        deadline = time.monotonic() + grace_seconds
        ask_at = 0.0
        while inventory.power_of(domain) is not PowerState.OFF:
            now = time.monotonic()
            if now >= deadline:
                return False
            if now >= ask_at:
                _ask(domain)
                ask_at = now + ASK_AGAIN_SECONDS
            time.sleep(min(POLL_SECONDS, max(0.0, deadline - now)))
        return True

    def stop(self, fabric_id: str) -> None:
        domain = self._hypervisor.find(fabric_id)
        if domain is not None and inventory.power_of(domain) is not PowerState.OFF:
            _unless_pointless(f"stopping '{domain.name()}'", domain.destroy)


def resume(domain: Any) -> None:
    """Lets a paused machine go on; one that is off or runs is left alone.

    An embedded driver that was just opened shows a machine's old state for some milliseconds, so its refusal counts.
    """
    if inventory.power_of(domain) is PowerState.PAUSED:
        _unless_pointless(f"resuming '{domain.name()}'", domain.resume)


def _ask(domain: Any) -> None:
    resume(domain)
    _unless_pointless(f"shutting down '{domain.name()}'", domain.shutdown)


def _unless_pointless(doing: str, function: Callable[[], Any]) -> None:
    """Acts, unless libvirt says that the machine's state does not allow it any more."""
    try:
        connection.call(doing, function)
    except errors.FabricError as error:
        if connection.code_of(error) != libvirt.VIR_ERR_OPERATION_INVALID:
            raise
