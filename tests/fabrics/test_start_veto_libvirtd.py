"""A host that reboots, and an owner who starts machines by hand, on a real libvirtd: the old copy of a
failed-over machine stays off. The restart of the daemon, with all machines dead, is the host's reboot."""

import shutil
import tempfile
from pathlib import Path

import libvirt
import pytest

import secondsite.fabrics.libvirt.host
from rig.eventually import eventually
from rig.hosts import LibvirtHost
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import PowerState
from tests.support import libvirtd

pytestmark = pytest.mark.slow

HOOK = Path(secondsite.fabrics.libvirt.host.__file__).with_name("start-veto")


@pytest.fixture
def root():
    root = Path(tempfile.mkdtemp(prefix="ss-lvd-"))
    root.chmod(0o755)  # QEMU runs as another user
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(params=[True, False], ids=["with-hook", "without-hook"])
def hooked(request):
    return request.param


@pytest.fixture
def rebooting(root, hooked):
    """A host, and a function that reboots it and gives it back."""
    with libvirtd.running(own_network=True, hook=HOOK if hooked else None) as daemon:
        hosts = [LibvirtHost(root, daemon.uri)]

        def reboot():
            hosts[0].fabric.close()
            hosts[0].connection.close()
            daemon.reboot()
            hosts[0] = LibvirtHost(root, daemon.uri)
            return hosts[0]

        hosts[0].pid_files = daemon.seen("/run/libvirt/qemu")
        yield hosts[0], reboot
        hosts[0].end()


def runs(host, fabric_id):
    return host.fabric.power.state(fabric_id) is PowerState.RUNNING


def test_neither_the_host_nor_its_owner_starts_the_old_copy_of_a_failed_over_machine(rebooting, hooked):
    host, reboot = rebooting
    fabric_id = steps.protected(host, "old-copy")
    host.fabric.power.allow_start(fabric_id, steps.TAG, with_host=True)
    host = reboot()
    eventually(lambda: runs(host, fabric_id), 30)

    host.fabric.power.forbid_start(fabric_id, steps.TAG)
    assert runs(host, fabric_id), "nobody cuts its power"
    host = reboot()
    assert host.fabric.power.state(fabric_id) is PowerState.OFF
    if hooked:
        with pytest.raises(libvirt.libvirtError, match="was failed over"):
            host.domain(fabric_id).create()
        assert host.fabric.power.state(fabric_id) is PowerState.OFF

    host.fabric.power.allow_start(fabric_id, steps.TAG, with_host=True)
    host = reboot()
    eventually(lambda: runs(host, fabric_id), 30)
