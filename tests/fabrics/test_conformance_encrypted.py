"""Views of machines whose disks are encrypted keep all that is asked of views."""

import shutil
from pathlib import Path

import pytest

from rig.hosts import SimulatedHost
from secondsite.datapath.disks import luks_blank
from secondsite.datapath.encryption import encryption_key
from secondsite.fabrics import simulated
from secondsite.fabrics.conformance.views import PowerLossCases, ViewCases


@pytest.fixture(scope="module")
def blanks(tmp_path_factory):
    """A folder with a key, and with empty images: making one takes seconds of processor time."""
    folder = tmp_path_factory.mktemp("blanks")
    encryption_key.make(folder / "key")
    return folder


pytestmark = pytest.mark.slow


class EncryptedUnderTest(SimulatedHost):
    def __init__(self, root, blanks):
        super().__init__(root)
        self.blanks = blanks
        self.reopen()

    def make_machine(self, name, disks_bytes):
        fabric_id = super().make_machine(name, disks_bytes)
        found = self.fabric.inventory.get(fabric_id)
        assert found is not None
        for disk in found.definition.disks:
            luks_blank.create(Path(disk.path), disk.size_bytes, self.fabric_key, self.blanks)
        for blank in self.blanks.glob("blank-*"):
            shutil.copy(blank, self.root)
        return fabric_id

    @property
    def fabric_key(self):
        return encryption_key.load(self.blanks / "key")

    def reopen(self):
        self.fabric = simulated.open_fabric(self.root, key=self.fabric_key)


@pytest.mark.every(by="test")
class TestEncrypted(ViewCases, PowerLossCases):
    @pytest.fixture
    def under_test(self, site, blanks):
        return EncryptedUnderTest(site, blanks)
