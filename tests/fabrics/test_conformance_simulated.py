"""The simulated fabric passes the suite that every fabric passes."""

import pytest

from rig.hosts import SimulatedHost
from secondsite.fabrics import conformance

pytestmark = pytest.mark.slow


class TestSimulated(conformance.Suite):
    @pytest.fixture
    def under_test(self, site):
        return SimulatedHost(site)
