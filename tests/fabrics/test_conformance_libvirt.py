"""The conformance suite on real QEMUs under an embedded libvirt."""

import pytest

from rig import loop_devices
from rig.iscsi_target import IscsiTarget
from secondsite.fabrics import conformance
from tests.fabrics.libvirt.support_host import host_of_this_process

pytestmark = [pytest.mark.slow, pytest.mark.longest]


@pytest.fixture(scope="session")
def host():
    with host_of_this_process() as host:
        yield host


class TestLibvirt(conformance.Suite):
    @pytest.fixture
    def under_test(self, host):
        yield host
        host.clear()


class TestFilters(conformance.Suite):
    """The other kind of view."""

    @pytest.fixture
    def under_test(self, host):
        with host.viewed_by("filter"):
            yield host
            host.clear()


class TestRawDisks(conformance.Suite):
    """Disks that keep no bitmaps: only filters can follow them."""

    @pytest.fixture
    def under_test(self, host):
        with host.viewed_by("filter", disk_format="raw"):
            yield host
            host.clear()


class TestOldQcow2(conformance.Suite):
    """Files of version 2, which keep no bitmaps, where the backup job is preferred."""

    @pytest.fixture
    def under_test(self, host):
        with host.viewed_by("backup-job", "qcow2", "-o", "compat=0.10"):
            yield host
            host.clear()


class TestBlockDevices(conformance.Suite):
    """Disks on devices of the host, which tell less than files while their machine is off."""

    @pytest.fixture
    def under_test(self, host):
        with host.viewed_by("filter", disk_format="raw", on_devices=loop_devices):
            yield host
            host.clear()

    def test_a_file_below_a_disk_at_rest_that_is_replaced_or_changed_is_compared(self, under_test):
        pytest.skip("nobody replaces a device by another file")


class TestNetworkDisks(conformance.Suite):
    """Disks that QEMU reads by its own driver: here iSCSI."""

    @pytest.fixture
    def under_test(self, host):
        with IscsiTarget(host.root / "target") as target:
            with host.viewed_by("filter", disk_format="raw", on_network=target):
                yield host
                host.clear()

    def test_a_file_below_a_disk_at_rest_that_is_replaced_or_changed_is_compared(self, under_test):
        pytest.skip("nothing here tells what others write to it")

    def test_a_disk_at_rest_that_a_copy_of_another_disk_overwrote_is_compared(self, under_test):
        pytest.skip("nothing here tells what others write to it")

    def test_a_grown_disk_is_seen_with_its_new_size_and_keeps_its_delta(self, under_test):
        pytest.skip("QEMU grows no iSCSI disk of a running machine")

    def test_a_grown_disk_is_told_with_its_new_size_or_needs_a_view(self, under_test):
        pytest.skip("QEMU grows no iSCSI disk of a running machine")
