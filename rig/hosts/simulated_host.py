"""A simulated host as the conformance suite wants one."""

from collections.abc import Sequence
from pathlib import Path

from secondsite.domain import errors
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import Fabric
from secondsite.ground.units import MiB

STANDS_STILL_SECONDS = 0.1


class SimulatedHost:
    """Fulfils conformance.FabricUnderTest; all of it lies in `root`, which the caller demolishes."""

    obeys_shutdown = has_files = True
    keeps_bitmaps = proves_rest = True

    def __init__(self, root: Path) -> None:
        self.root = root
        self.scratch_dir = root / "scratch"
        self.scratch_dir.mkdir()
        self.fabric: Fabric = simulated.open_fabric(root)
        self._below = root

    def make_machine(self, name: str, disks_bytes: Sequence[int]) -> str:
        return simulated.make_machine(self.root, name, disks_bytes, networks=["lan"])

    def make_filing_machine(self, name: str) -> str:
        return self.make_machine(name, [4 * MiB])

    def switch_on(self, fabric_id: str) -> None:
        self.fabric.power.start(fabric_id)

    def make_firmware_machine(self, name: str, nvram: bytes) -> str:
        return simulated.make_machine(self.root, name, [4 * MiB], firmware={"nvram": nvram})

    def make_showing_machine(self, name: str) -> str:
        return simulated.make_machine(self.root, name, [4 * MiB], networks=["lan"], shows="login: up")

    def say(self, fabric_id: str, text: str) -> None:
        assert "login: up".endswith(text), "a simulated machine says always the same"

    def write(self, fabric_id: str, disk_key: str, offset: int, data: bytes) -> None:
        with simulated.Guest(self.root, fabric_id) as guest:
            guest.write(disk_key, offset, data)
            guest.flush(disk_key)

    def stands_still(self, fabric_id: str) -> bool:
        with simulated.Guest(self.root, fabric_id) as guest:
            try:
                guest.write("vda", 0, guest.read("vda", 0, 512), wait_seconds=STANDS_STILL_SECONDS)
            except errors.FabricError:
                return True
        return False

    def resize(self, fabric_id: str, disk_key: str, size_bytes: int) -> None:
        simulated.resize(self.root, fabric_id, disk_key, size_bytes)

    def disk_path(self, fabric_id: str, disk_key: str) -> Path:
        found = self.fabric.inventory.get(fabric_id)
        assert found is not None, f"the host has no machine {fabric_id}"
        return next(Path(disk.path) for disk in found.definition.disks if disk.key == disk_key)

    def take_snapshot(self, fabric_id: str, disk_key: str) -> None:
        self._below = simulated.take_snapshot(self.root, fabric_id, disk_key)

    def end_snapshot(self, fabric_id: str, disk_key: str) -> None:
        simulated.end_snapshot(self.root, fabric_id, disk_key, self._below)

    def define_anew(self, fabric_id: str) -> None:
        simulated.define_anew(self.root, fabric_id)

    def kill(self, fabric_id: str) -> None:
        simulated.kill(self.root, fabric_id)

    def reopen(self) -> None:
        self.fabric = simulated.open_fabric(self.root)
