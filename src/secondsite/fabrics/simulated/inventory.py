"""All machines of the simulated site."""

from __future__ import annotations

from collections.abc import Sequence

from ..interface import HeldDisk, Holding, MachineSummary
from .host.faults import Faults
from .host.host import Host
from .host.records import MachineRecord


class SimulatedInventory:
    def __init__(self, host: Host, faults: Faults) -> None:
        self._host = host
        self._faults = faults

    def list(self) -> Sequence[MachineSummary]:
        with self._faults.around("inventory.list"):
            return [self._summary(record) for record in self._host.records.all()]

    def get(self, fabric_id: str) -> MachineSummary | None:
        with self._faults.around("inventory.get", fabric_id):
            record = self._host.records.get(fabric_id)
            return None if record is None else self._summary(record)

    def tag(self, fabric_id: str) -> str | None:
        with self._faults.around("inventory.tag", fabric_id):
            return self._host.records.need(fabric_id).tag

    def holding(self, fabric_id: str) -> Holding:
        with self._faults.around("inventory.holding", fabric_id):
            record = self._host.records.need(fabric_id)
            now = self._host.state(record).is_on
            disks = tuple(HeldDisk(each.key, each.path, now, True) for each in record.definition.disks)
            return Holding(disks, frozenset(nic.mac.lower() for nic in record.definition.nics))

    def _summary(self, record: MachineRecord) -> MachineSummary:
        return MachineSummary(
            fabric_id=record.fabric_id,
            name=record.definition.name,
            power=self._host.state(record),
            tag=record.tag,
            definition=record.definition.model_copy(update={"starts_with_host": record.wanted_with_host}),
            start_forbidden=record.start_forbidden,
        )
