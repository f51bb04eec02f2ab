"""The machines of a cluster, as every fabric tells them."""

from __future__ import annotations

from collections.abc import Sequence

from ...domain import errors
from ...domain.machines.connecting import Sight
from ..interface import Concern, HeldDisk, HeldResources, MachineSummary, PowerState, unprepared
from .definition import definition
from .hindrances import hindrances
from .machines import ON, UNKNOWN, Known, Machines, Refused


class PveInventory:
    """As the interface says. Lists call a machine off whose node does not answer; `Power.state` raises."""

    def __init__(self, machines: Machines) -> None:
        self._machines = machines

    def list(self) -> Sequence[MachineSummary]:
        return [_summary(each, each.row.status) for each in self._machines.all().values()]

    def refused(self) -> Sequence[Refused]:
        """Guests that are there and cannot be protected: containers, templates, machines that cannot be told
        from others."""
        return self._machines.refused()

    def get(self, fabric_id: str) -> MachineSummary | None:
        found = self._machines.find(fabric_id)
        return None if found is None else _summary(found, self._machines.status(found).status)

    def running(self) -> frozenset[str]:
        return frozenset(each.fabric_id for each in self._machines.all().values() if each.row.status == ON)

    def tag(self, fabric_id: str) -> str | None:
        return self._require(fabric_id).tag

    def holding(self, fabric_id: str) -> HeldResources:
        found = self._machines.find(fabric_id)
        if found is None:
            raise not_found(fabric_id)
        told, now = definition(fabric_id, found.row, found.config), self._machines.status(found).status == ON
        disks = tuple(HeldDisk(each.key, each.path, now, True, format=each.format) for each in told.disks)
        return HeldResources(disks, frozenset(nic.mac for nic in told.nics if nic.mac))

    def concerns(self, fabric_id: str) -> Sequence[Concern]:
        found = self._machines.glance(fabric_id)
        if found is None:
            return ()
        if found.row.status == UNKNOWN:
            said = f"Node {found.row.node} does not answer: nobody knows whether {found.row.label} runs."
            return [Concern("machine-silent", said)]
        return unprepared(hindrances(found.row, found.config))

    def inside(self, fabric_id: str) -> Sight | None:
        """Not yet: nothing asks a guest agent."""
        return None

    def beginning(self, fabric_id: str, disk: str, length: int) -> bytes:
        """Nothing: the API does not read disks."""
        return b""

    def _require(self, fabric_id: str) -> Known:
        found = self._machines.glance(fabric_id) or self._machines.find(fabric_id)
        if found is None:
            raise not_found(fabric_id)
        return found


def not_found(fabric_id: str) -> errors.NotFound:
    return errors.NotFound(
        f"Proxmox VE has no machine with the UUID {fabric_id}.", do="Run 'qm list' at its nodes."
    )


def _summary(known: Known, status: str) -> MachineSummary:
    row = known.row
    return MachineSummary(
        fabric_id=known.fabric_id,
        name=known.config.get("name") or row.name,
        power=PowerState.RUNNING if status == ON else PowerState.OFF,
        tag=known.tag,
        definition=definition(known.fabric_id, row, known.config),
        start_forbidden=known.is_start_forbidden,
    )
