"""The conformance suite against virtqemud and the daemons beside it, as distributions without libvirtd have
them; and what happens when one of those is started again. Debian 12 and 13 have none: skipped there."""

import contextlib
import os

import pytest

from rig.eventually import eventually
from secondsite.datapath.encryption import encryption_key
from secondsite.domain import errors
from secondsite.entry import main
from secondsite.fabrics import conformance
from secondsite.fabrics.libvirt.host import secrets
from secondsite.fabrics.libvirt.host.connection import Hypervisor, call
from secondsite.fabrics.libvirt.tracking import left_files
from tests.support import libvirtd

pytestmark = [pytest.mark.slow, pytest.mark.longest]


@pytest.fixture(scope="module")
def daemon():
    with libvirtd.running(own_network=True, modular=True) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def host(daemon):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(left_files, "SYSTEM_LOGS", daemon.seen("/var/log/libvirt/qemu"))
        with libvirtd.hosted(daemon) as host:  # the fabric notes the place of logs when it is made
            before = os.umask(main.PRIVATE)
            try:
                yield host
            finally:
                os.umask(before)


@pytest.mark.every(by="test")
class TestVirtqemud(conformance.Suite):
    @pytest.fixture
    def under_test(self, host):
        with host.as_volumes():
            yield host
            host.clear()


def networks(hypervisor):
    with contextlib.suppress(errors.FabricError):
        return call("listing networks", hypervisor.handle.listAllNetworks)
    return None


def test_networks_are_told_again_after_the_restart_of_the_daemon_that_has_them(daemon):
    hypervisor = Hypervisor(daemon.uri)
    assert networks(hypervisor) == []
    daemon.restart("virtnetworkd")
    assert eventually(lambda: networks(hypervisor) is not None, within_seconds=20)
    hypervisor.close()


def test_the_key_is_made_known_again_after_the_restart_of_the_daemon_that_had_it(daemon, tmp_path):
    encryption_key.make(tmp_path / "key")
    key = encryption_key.load(tmp_path / "key")
    hypervisor = Hypervisor(daemon.uri, key)

    def known():
        with contextlib.suppress(errors.FabricError):
            return call("looking", hypervisor.handle.secretLookupByUUIDString, secrets.uuid_of(key))
        return None

    assert known()
    daemon.restart("virtsecretd")
    assert eventually(known, within_seconds=20)
    hypervisor.close()
