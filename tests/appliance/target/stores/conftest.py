"""A target with two stores on file systems of their own, beside the default one."""

from typing import Any

import pytest

from rig.appliances import Pair
from secondsite.ground.units import MiB
from secondsite.wire.common.stores import Placement


class KeptPair(Pair[Any]):
    """Its replica is kept in store `fast`."""

    keeping = Placement(store="fast")

    def replica_setup(self, **changes):
        return super().replica_setup(**{"keeping": self.keeping, **changes})


@pytest.fixture
def stores(small):
    """The folders of the stores `fast` and `tiny`."""
    return {"fast": small("fast", 96 * MiB), "tiny": small("tiny", 16 * MiB)}


@pytest.fixture
def kept(stores, make_site):
    a, b = make_site("a").start(), make_site("b", stores=stores).start()
    return KeptPair(a, b, a.make_machine())
