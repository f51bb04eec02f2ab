"""What is there of Proxmox VE passes the cases of inventory and power that every fabric passes.

It is tried against a program that answers by the API's own schema: no node of Proxmox VE was there."""

import pytest

from secondsite.fabrics import conformance
from tests.fabrics.pve.support_host import PveHost

pytestmark = pytest.mark.slow


class TestPve(conformance.InventoryCases, conformance.PowerCases):
    @pytest.fixture
    def under_test(self, cluster):
        host = PveHost(cluster)
        yield host
        host.fabric.close()
