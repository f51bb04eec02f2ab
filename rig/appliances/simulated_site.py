"""A site of simulated machines, and the hands of all who act on it: the vault, the owner, the guests."""

import uuid
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from rig import guest_disk, images
from rig.errors import OrderFailed
from secondsite.appliance.shared.config import ApplianceConfig
from secondsite.fabrics import simulated
from secondsite.ground.units import MiB
from secondsite.wire.common.base import Shape
from secondsite.wire.common.machines import MachineDefinition
from secondsite.wire.control import Order, Report
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.statuses import ReplicaStatus, SourceStatus

DISK_BYTES = 8 * MiB


class SimulatedSite(ABC):
    """A simulated host in a folder, with an appliance; where that runs is the subclass's."""

    def __init__(self, folder: Path, config: ApplianceConfig) -> None:
        self.folder, self.config = folder, config
        self.root = folder / "host"
        self.fabric = simulated.open_fabric(self.root)

    @property
    def appliance_id(self) -> str:
        return self.config.appliance_id

    @property
    def port(self) -> int:
        """The data port."""
        return self.config.listen_port

    @property
    def data_address(self) -> str:
        """host:port of the appliance."""
        return f"{self.config.listen_host}:{self.port}"

    def _demolish(self) -> None:
        self.fabric.close()
        simulated.demolish(self.root)

    # -- the vault's hand ------------------------------------------------------------------------------

    @abstractmethod
    def perform(self, order: Order) -> Report:
        """What the appliance reports of the order."""

    @abstractmethod
    def source_status(self, machine_id: str) -> SourceStatus:
        """How a machine stands that is replicated from here; raises NotFound."""

    @abstractmethod
    def replica_status(self, machine_id: str) -> ReplicaStatus:
        """How a replica here stands; raises NotFound."""

    def order(
        self, kind: Kind | str, payload: Shape | None = None, machine_id: str | None = None,
        order_id: str | None = None, deadline_seconds: float = 30,
    ) -> Report:  # fmt: skip
        """The report, whatever it says."""
        body = payload.model_dump(mode="json") if payload is not None else {}
        return self.perform(
            Order(
                order_id=order_id or uuid.uuid4().hex, kind=kind, machine_id=machine_id, payload=body,
                deadline_seconds=deadline_seconds,
            )
        )  # fmt: skip

    def do(
        self, kind: Kind, payload: Shape | None = None, machine_id: str | None = None,
        order_id: str | None = None, deadline_seconds: float = 30,
    ) -> dict[str, Any]:  # fmt: skip
        """The facts of a report that tells of success; raises OrderFailed."""
        report = self.order(kind, payload, machine_id, order_id, deadline_seconds)
        if report.problem is not None:
            raise OrderFailed(f"{kind} at {self.appliance_id}: {report.problem}")
        return report.facts

    # -- the owner's and the guests' hands -------------------------------------------------------------

    def make_machine(
        self, name: str = "web01", disks: int = 1, size_bytes: int = DISK_BYTES, running: bool = True,
        **traits: Any
    ) -> str:  # fmt: skip
        """A machine with that many disks, on the network 'lan'; its fabric id."""
        fabric_id = simulated.make_machine(self.root, name, [size_bytes] * disks, networks=["lan"], **traits)
        if running:
            self.fabric.power.start(fabric_id)
        return fabric_id

    def definition(self, fabric_id: str) -> MachineDefinition:
        """Raises LookupError when the host has no such machine."""
        found = self.fabric.inventory.get(fabric_id)
        if found is None:
            raise LookupError(f"site {self.config.site} has no machine {fabric_id}")
        return found.definition

    def disk_path(self, fabric_id: str, key: str = "vda") -> Path:
        return next(Path(disk.path) for disk in self.definition(fabric_id).disks if disk.key == key)

    def write(self, fabric_id: str, offset: int, data: bytes, key: str = "vda") -> None:
        """As the guest of a running machine, flushed."""
        guest_disk.write(self.root, fabric_id, offset, data, key)

    def read(self, fabric_id: str, key: str = "vda") -> bytes:
        """The whole disk as the guest of a running machine sees it."""
        return guest_disk.read(self.root, fabric_id, key)

    # -- what a replica holds --------------------------------------------------------------------------

    def replica_folder(self, machine_id: str) -> Path:
        known = [root / "replicas" / machine_id for root in self.config.all_stores.values()]
        return next((each for each in known if each.exists()), known[0])

    def point_image(self, machine_id: str, point_id: str, key: str = "vda") -> Path:
        """The file of a disk at a point."""
        return images.point_disks(self.replica_folder(machine_id), point_id)[key]

    def point_bytes(self, machine_id: str, point_id: str, key: str = "vda") -> bytes:
        """A disk at a point, read by plain qemu-img."""
        return images.raw(self.point_image(machine_id, point_id, key))
