"""A machine settles while its libvirtd is started again, as an upgrade does: QEMU copies on meanwhile."""

from collections.abc import Mapping

import pytest

from rig.eventually import eventually
from secondsite.datapath.disks import DiskLocation
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.settling import NewPlace
from secondsite.ground import threads
from secondsite.ground.units import KiB
from tests.support import libvirtd

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_a_libvirtd_that_is_started_again_amid_the_copy_is_waited_for():
    with libvirtd.running() as daemon, libvirtd.hosted(daemon) as host:
        fabric_id = steps.protected(host, "settles-on")
        steps.write(host, fabric_id, 0, 0x41)
        folder = host.root / "settled"
        folder.mkdir(mode=0o755)
        seen: list[int] = []
        found: list[Mapping[str, DiskLocation]] = []
        problems: list[Exception] = []
        place = {"vda": NewPlace(str(folder))}

        def copied(size_bytes, _whole_bytes):
            seen.append(size_bytes)

        def settle():
            try:
                settling = host.fabric.settling
                found.append(settling.settle(fabric_id, place, copied, bytes_per_second=64 * KiB))
            except Exception as error:
                problems.append(error)

        moving = threads.worker("settling", settle)
        moving.start()
        eventually(lambda: seen or problems)
        daemon.renew()
        moving.join(60)
        eventually(daemon.answers, within_seconds=60)  # on an idle host the copy may end before it does
        assert problems == []
        (places,) = found
        assert str(places["vda"]).startswith(str(folder))
        assert host.fabric.settling.left(fabric_id) == ()
