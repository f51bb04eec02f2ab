"""A target that is killed with -9 while it fetches files out of a point: no helper machine and no half of a
fetch is left, and the order that comes again makes the whole."""

import subprocess
import uuid

import pytest

from guestkit import kernels
from rig import ext4_disks
from rig.appliances import Kept, Pair, TinyVault
from rig.eventually import eventually
from secondsite.wire.control import Order
from secondsite.wire.control.guest_files import FetchFiles
from secondsite.wire.control.orders import Kind
from tests.appliance.support_kept import protect

pytestmark = [pytest.mark.slow, pytest.mark.guest, pytest.mark.timeout(900)]


@pytest.fixture
def world(make_site, ca):
    """(vault, pair, target process)."""
    vault = TinyVault(ca)
    a, b = make_site("a"), make_site("b", kernel_root=kernels.installed())
    processes = [Kept(a, vault), Kept(b, vault)]
    yield vault, Pair(a, b, a.make_machine()), processes[1]
    for process in processes:
        process.end()
    vault.stop()


def test_a_target_killed_while_it_fetches_leaves_nothing_and_fetches_the_whole(world, tmp_path):
    vault, pair, target = world
    folder, guest = tmp_path / "to", tmp_path / "guest"
    folder.mkdir()
    guest.mkdir()
    pair.source.write(pair.fabric_id, 0, ext4_disks.disk(guest, {"etc/hosts": "localhost"}))
    protect(vault, pair)
    point_id = vault.replicas[pair.machine_id].points[-1].id
    asked = FetchFiles(point_id=point_id, path="vda/etc", folder=str(folder), fetch_id=uuid.uuid4().hex)
    for number, seam in enumerate(("noted", "reading", "named")):
        order = Order(
            order_id=f"fetch-{number}",
            kind=Kind.FETCH_FILES,
            machine_id=pair.machine_id,
            payload=asked.model_dump(mode="json"),
            deadline_seconds=300,
        )
        target.die_at(1, seam=f"appliance.fetch.{seam}")
        eventually(lambda order=order: vault.send("appliance-b", order), 30)
        eventually(lambda number=number: target.deaths > number, 240)
        eventually(no_helper_is_left, 20)
    fact = vault.order("appliance-b", Kind.FETCH_FILES, asked, pair.machine_id)
    assert fact["files"] == 1
    assert (folder / "etc" / "hosts").read_text() == "localhost"
    eventually(lambda: [each.name for each in folder.iterdir()] == ["etc"], 60)


def no_helper_is_left():
    """Whether none runs whose process has died: it would be a child of the first process."""
    told = subprocess.run(["pgrep", "-P", "1", "-f", "name secondsite-helper"], capture_output=True)
    return told.stdout.split() == []
