"""What the conformance suite says of disks, over logical volumes: run by name, in an emulated host, by
`test_logical_volumes`."""

import os
from pathlib import Path

import pytest

from rig.logical_volumes import LogicalVolumes
from secondsite.fabrics.conformance.owners import OwnerCases
from secondsite.fabrics.conformance.settling import SettlingCases
from secondsite.fabrics.conformance.subsets import SubsetCases
from secondsite.fabrics.conformance.views import PowerLossCases, ViewCases
from secondsite.fabrics.conformance.writes import WriteCases
from tests.fabrics.libvirt.support_host import host_of_this_process

DEVICES = Path(os.environ.get("SECONDSITE_LVM_DEVICE", "/dev/vda"))


@pytest.fixture(scope="session")
def host():
    with host_of_this_process() as host:
        yield host


def on_volumes(host, *, thin):
    volumes = LogicalVolumes.over(DEVICES, thin=thin)
    try:
        with host.viewed_by("filter", disk_format="raw", on_devices=volumes):
            yield host
            host.clear()
    finally:
        volumes.remove()


class TestThick(ViewCases, PowerLossCases):
    @pytest.fixture
    def under_test(self, host):
        yield from on_volumes(host, thin=False)


class TestThin(ViewCases, PowerLossCases, OwnerCases, WriteCases, SubsetCases, SettlingCases):
    @pytest.fixture
    def under_test(self, host):
        yield from on_volumes(host, thin=True)

    def test_a_file_below_a_disk_at_rest_that_is_replaced_or_changed_is_compared(self, under_test):
        pytest.skip("nobody replaces a device by another file")
