"""A machine that was live-migrated away and is still defined here, on storage that carries no locks: it is
not off, also once libvirt has forgotten that it was migrated. Two libvirtd that take themselves for two
hosts share a folder."""

import hashlib
import shutil
import tempfile
import time
from pathlib import Path

import libvirt
import pytest

import secondsite.fabrics.libvirt.host
from rig.eventually import eventually
from rig.hosts import LibvirtHost
from secondsite.domain import errors
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import PowerState
from tests.support import libvirtd

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

HOOK = Path(secondsite.fabrics.libvirt.host.__file__).with_name("start-veto")
HOOKED_SECONDS = 5
AWAY = libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_PERSIST_DEST | libvirt.VIR_MIGRATE_UNSAFE


@pytest.fixture
def root():
    root = Path(tempfile.mkdtemp(prefix="ss-lvd-"))
    root.chmod(0o755)  # QEMU runs as another user
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def here(root):
    """The daemon of the host that the machine leaves."""
    with libvirtd.running(own_host=True, hook=HOOK) as daemon:
        yield daemon


@pytest.fixture
def there(root):
    """A connection to the host that it goes to."""
    with libvirtd.running(own_host=True) as daemon:
        handle = libvirt.open(daemon.uri)
        yield handle
        handle.close()


def opened(daemon, root):
    host = LibvirtHost(root, daemon.uri)
    host.pid_files = daemon.seen("/run/libvirt/qemu")
    return host


def moved(handle, there, fabric_id, flags=AWAY):
    parameters = {libvirt.VIR_MIGRATE_PARAM_URI: "tcp://127.0.0.1:49293"}
    return handle.lookupByUUIDString(fabric_id).migrate3(there, parameters, flags)


def migrate(daemon, there, fabric_id):
    """Its power is then cut there, so no lock tells of it: as on storage that carries none."""
    handle = libvirt.open(daemon.uri)
    moved(handle, there, fabric_id).destroy()
    handle.close()


def restarted(daemon, host):
    """The same host with a libvirt that has forgotten the migration."""
    host.fabric.close()
    host.connection.close()
    daemon.reboot()
    return opened(daemon, host.root)


@pytest.mark.parametrize("listening", [True, False], ids=["it-was-heard", "it-was-seen-later"])
def test_a_machine_that_was_migrated_away_is_not_off_after_a_restart_of_libvirt(here, there, root, listening):
    host = opened(here, root)
    fabric_id = steps.protected(host, "moved")
    if not listening:
        host.fabric.close()
    migrate(here, there, fabric_id)
    if listening:
        eventually(lambda: list((host.work_dir / "migrated").glob("*")), 10)
    else:
        host.reopen()
        assert host.fabric.power.state(fabric_id) is PowerState.ELSEWHERE
    host = restarted(here, host)
    assert host.domain(fabric_id).state()[1] != libvirt.VIR_DOMAIN_SHUTOFF_MIGRATED
    assert host.fabric.power.state(fabric_id) is PowerState.ELSEWHERE
    image = Path(host.disk_path(fabric_id, "vda"))
    before = hashlib.sha256(image.read_bytes()).digest()
    with pytest.raises(errors.FabricError, match="in use elsewhere"), steps.view(host, fabric_id, None):
        pytest.fail("a bitmap was begun in an image that another host writes")
    with pytest.raises(errors.FabricError, match="in use elsewhere"):
        host.fabric.tracking.acknowledge(fabric_id, None)
    assert hashlib.sha256(image.read_bytes()).digest() == before
    host.domain(fabric_id).create()  # a person says that it lives nowhere else
    eventually(lambda: host.fabric.power.state(fabric_id) is PowerState.RUNNING, 20)
    host.domain(fabric_id).destroy()
    assert host.fabric.power.state(fabric_id) is PowerState.OFF
    host.end()


@pytest.mark.parametrize("kept", ["with its definition", "without"])
def test_a_definition_that_may_not_start_here_refuses_no_machine_that_is_migrated_here(
    here, there, root, kept
):
    """But a start by hand, before and after it."""
    host = opened(here, root)
    handle = libvirt.open(here.uri)
    fabric_id = steps.protected(host, "comes-back")
    moved(handle, there, fabric_id)
    host.fabric.power.forbid_start(fabric_id, steps.TAG)
    assert_refused(host, fabric_id)
    flags = AWAY if kept == "with its definition" else AWAY & ~libvirt.VIR_MIGRATE_PERSIST_DEST
    began = time.monotonic()
    moved(there, handle, fabric_id, flags)
    assert time.monotonic() - began < 2 * HOOKED_SECONDS
    assert host.fabric.power.state(fabric_id) is PowerState.RUNNING
    host.fabric.power.forbid_start(fabric_id, steps.TAG)
    steps.stopped(host, fabric_id)
    assert_refused(host, fabric_id)
    handle.close()
    host.end()


def assert_refused(host, fabric_id):
    with pytest.raises(libvirt.libvirtError, match="was failed over"):
        host.domain(fabric_id).create()
