"""A guest that is protected from a copy of its disk, which was taken while it ran and shipped to the other
site."""

import pytest

import guestkit
from rig import images
from secondsite.ground.units import MiB
from tests.e2e import support_e2e as e2e
from tests.support import command_line

pytestmark = [pytest.mark.every, pytest.mark.guest, pytest.mark.slow, pytest.mark.timeout(240)]
FILLED_BYTES = 48 * MiB


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture(scope="module")
def rig(shelf):
    guest = {
        "workload": guestkit.Workload(records_per_second=10),
        "disk_bytes": (96 * MiB,),
        "filled_bytes": FILLED_BYTES,
    }
    with e2e.guests_under({"web01": guest}, {"b": ["--seed-folder", str(shelf)]}) as rig:
        yield rig


def test_little_travels_and_the_guest_starts_with_every_record(rig, shelf):
    guest = rig.guests["web01"]
    images.qemu_img("convert", "-U", "-O", "vmdk", str(guest.disks[0]), str(shelf / "web01.vmdk"))
    e2e.wait_for_record(guest.console, guest.console.last_record + 20)
    sites = ["--source", "a", "--target", "b", "--policy", "quick"]
    job = command_line.do(rig, "enable-protection", "web01", *sites, "--seed", f"vda={shelf / 'web01.vmdk'}")
    (shelf / "web01.vmdk").unlink()
    brought = command_line.facts_of(rig, job, "Import of the seed")["web01"]
    assert brought.data_bytes >= FILLED_BYTES
    sent = command_line.facts_of(rig, job, "Initial replication")["web01"].wire_bytes
    assert sent < FILLED_BYTES / 10
    record = guest.console.last_record
    rig.new_points("web01", 2)
    command_line.do(rig, "planned-failover", "web01")
    boot = e2e.booted(rig.console("b", "web01"), 1)
    assert boot.verified_last >= record
