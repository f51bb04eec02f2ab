"""One embedded root for each test process: libvirt holds no second one."""

import pytest

from tests.fabrics.libvirt.support_held import held_root, with_machine
from tests.fabrics.libvirt.support_host import host_of_this_process


@pytest.fixture(scope="session")
def embedded():
    with host_of_this_process() as host:
        yield host


@pytest.fixture
def host(embedded):
    """The host of this process, cleared after the test."""
    yield embedded
    embedded.clear()


@pytest.fixture
def held():
    """A root of a process of its own, with a machine that outlives it."""
    with held_root() as held:
        yield with_machine(held)
