"""One embedded root for each test process: libvirt holds no second one."""

import pytest

from tests.fabrics.libvirt.shared import rig_of_this_process


@pytest.fixture(scope="session")
def host():
    with rig_of_this_process() as rig:
        yield rig


@pytest.fixture
def rig(host):
    yield host
    host.clear()
