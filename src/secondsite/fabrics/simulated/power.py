"""Power: a machine runs while its disks are open in a daemon."""

from __future__ import annotations

import time

from ...domain import errors
from ..interface import PowerState
from .host.faults import Faults
from .host.host import Host


class SimulatedPower:
    def __init__(self, host: Host, faults: Faults) -> None:
        self._host = host
        self._faults = faults

    def state(self, fabric_id: str) -> PowerState:
        with self._faults.around("power.state", fabric_id):
            return self._host.state(self._host.records.get(fabric_id))

    def start(self, fabric_id: str) -> None:
        with self._faults.around("power.start", fabric_id), self._host.records.lock(fabric_id, "start"):
            record = self._host.records.need(fabric_id)
            if self._host.state(record) is PowerState.OFF:
                self._host.open(record)

    def shut_down(self, fabric_id: str, grace_seconds: float) -> bool:
        """Ask the guest to power off: it does so at once, or not within `grace_seconds`."""
        with self._faults.around("power.shut_down", fabric_id):
            record = self._host.records.need(fabric_id)
            if self._host.state(record) is PowerState.RUNNING and not record.traits.obeys_shutdown:
                return self._is_off_within(fabric_id, grace_seconds)
            self._close(fabric_id, "shut down")
            return True

    def stop(self, fabric_id: str) -> None:
        with self._faults.around("power.stop", fabric_id):
            self._close(fabric_id, "stop")

    def _close(self, fabric_id: str, purpose: str) -> None:
        try:
            with self._host.records.lock(fabric_id, purpose):
                self._host.close(self._host.records.need(fabric_id))
        except errors.NotFound:
            return

    def _is_off_within(self, fabric_id: str, grace_seconds: float) -> bool:
        deadline = time.monotonic() + grace_seconds
        while self._host.state(self._host.records.get(fabric_id)) is PowerState.RUNNING:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        return True
