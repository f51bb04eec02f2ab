"""The suite that every fabric passes.

A fabric's own tests run it like this, with an adapter that can make, write to and kill machines there:

        @pytest.fixture
        def under_test(self): yield adapter      # an object that fulfils conformance.FabricUnderTest

It imports no test framework: cases are methods that assert; a case that does not apply to a fabric is
skipped with the reason. Every case makes its own machines, with disks of a few MiB."""

from __future__ import annotations

from .firmware import FirmwareCases
from .hosting import HostingCases
from .machines import InventoryCases, MachineCases, NetworkCases, PowerCases
from .owners import OwnerCases
from .seeing import SeeingCases
from .settling import SettlingCases
from .subsets import SubsetCases
from .tags import TagCases
from .under_test import FabricUnderTest
from .views import PowerLossCases, ViewCases
from .writes import WriteCases


class Suite(
    InventoryCases,
    PowerCases,
    MachineCases,
    NetworkCases,
    ViewCases,
    PowerLossCases,
    OwnerCases,
    TagCases,
    SubsetCases,
    WriteCases,
    HostingCases,
    FirmwareCases,
    SeeingCases,
    SettlingCases,
):
    """All cases. The subclass gives the fixture `under_test`."""


__all__ = ["FabricUnderTest", "InventoryCases", "PowerCases", "Suite"]
