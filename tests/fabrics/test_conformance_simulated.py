"""The simulated fabric passes the suite that every fabric passes."""

from pathlib import Path

import pytest

from secondsite.datapath.units import MiB
from secondsite.domain import errors
from secondsite.fabrics import conformance, simulated


class SimulatedUnderTest:
    obeys_shutdown = True

    def __init__(self, root):
        self.root = root
        self.scratch_dir = root / "scratch"
        self.scratch_dir.mkdir()
        self.fabric = simulated.open_fabric(root)

    def make_machine(self, name, disks_bytes):
        return simulated.make_machine(self.root, name, disks_bytes, networks=["lan"])

    def make_firmware_machine(self, name, nvram):
        return simulated.make_machine(self.root, name, [4 * MiB], firmware={"nvram": nvram})

    def write(self, fabric_id, disk_key, offset, data):
        with simulated.Guest(self.root, fabric_id) as guest:
            guest.write(disk_key, offset, data)
            guest.flush(disk_key)

    def stands_still(self, fabric_id):
        with simulated.Guest(self.root, fabric_id) as guest:
            try:
                guest.write("vda", 0, guest.read("vda", 0, 512), hold_seconds=0.1)
            except errors.FabricError:
                return True
        return False

    def resize(self, fabric_id, disk_key, size_bytes):
        simulated.resize(self.root, fabric_id, disk_key, size_bytes)

    def disk_path(self, fabric_id, disk_key):
        definition = self.fabric.inventory.get(fabric_id).definition
        return next(Path(disk.path) for disk in definition.disks if disk.key == disk_key)

    def kill(self, fabric_id):
        simulated.kill(self.root, fabric_id)

    def reopen(self):
        self.fabric = simulated.open_fabric(self.root)


class TestSimulated(conformance.Suite):
    @pytest.fixture
    def under_test(self, site):
        return SimulatedUnderTest(site)
