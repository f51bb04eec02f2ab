"""Coming home brings the same machine home: its own cards and networks, whatever it had at the other site."""

import pytest

from rig import images
from rig.appliances import Pair
from rig.appliances.runs import back, start
from rig.noise import noise
from secondsite.fabrics import simulated
from secondsite.ground.units import MiB
from secondsite.wire.control.orders import CommitPoint, Kind, ShutDown

pytestmark = pytest.mark.slow


def with_two_cards(sites):
    a, b = sites
    fabric_id = simulated.make_machine(a.root, "web01", [4 * MiB], networks=["storage", "lan"], vcpus=3)
    a.fabric.power.start(fabric_id)
    return Pair(a, b, fabric_id).protect().synchronized()


def nics(site, fabric_id):
    return [(nic.mac, nic.network) for nic in site.definition(fabric_id).nics]


def went_and_returns(pair):
    """The machine ran at the other site with its second card only, and is protected back; its definition at home."""
    home = pair.definition()
    point_id = pair.point_now()
    pair.pause()
    by_mac = {home.nics[0].mac: None, home.nics[1].mac: "lan-b"}
    away = start(pair, "failover", point_id, name="web01", networks_by_mac=by_mac)["fabric_id"]
    pair.target.write(away, MiB, noise(MiB))
    pair.target.do(Kind.COMMIT_POINT, CommitPoint(point_id=point_id), pair.machine_id)
    reverse = back(pair, away)
    pair.target.do(Kind.SHUT_DOWN, ShutDown(fabric_id=away), pair.machine_id)
    return home, reverse, reverse.point_now(final=True)


def test_a_machine_comes_home_as_it_was_withdrawn(sites):
    pair = with_two_cards(sites)
    home, reverse, point_id = went_and_returns(pair)
    start(reverse, "failover", point_id, name="web01", fabric_id=pair.fabric_id, home=True)
    found = pair.definition()
    assert found.nics == home.nics
    assert (found.vcpus, found.native) == (home.vcpus, home.native)
    assert found.disks[0].path != home.disks[0].path


def test_cards_are_known_by_their_addresses_and_not_by_their_place(sites):
    pair = with_two_cards(sites)
    home, reverse, point_id = went_and_returns(pair)
    by_mac = {nic.mac: nic.network for nic in home.nics}
    by_key = {"net0": "storage", "net1": "lan"}
    made = start(reverse, "failover", point_id, name="web01", networks=by_key, networks_by_mac=by_mac)
    assert (home.nics[1].mac, "lan") in nics(pair.source, made["fabric_id"])


def test_what_home_wrote_and_never_sent_is_read_from_its_own_disk_until_the_commit(sites, tmp_path):
    """By a program that takes QEMU's lock, as a person's would: `qemu-nbd -r` or `qemu-img convert`."""
    pair = with_two_cards(sites)
    point_id = pair.point_now()
    pair.pause()
    never_sent = noise(MiB)
    pair.source.write(pair.fabric_id, 2 * MiB, never_sent)
    own, held = pair.definition().disks[0].path, pair.source.read(pair.fabric_id)
    away = start(pair, "failover", point_id, name="web01")["fabric_id"]
    pair.target.write(away, 2 * MiB, noise(MiB))
    pair.target.do(Kind.COMMIT_POINT, CommitPoint(point_id=point_id), pair.machine_id)
    reverse = back(pair, away)
    first = reverse.point_now()
    pair.target.write(away, MiB, noise(MiB))
    reverse.point_now()
    reverse.target.drop(reverse.machine_id, first)
    pair.target.do(Kind.SHUT_DOWN, ShutDown(fabric_id=away), pair.machine_id)
    last = reverse.point_now(final=True)
    start(reverse, "failover", last, name="web01", fabric_id=pair.fabric_id, home=True)
    images.qemu_img("convert", "-O", "raw", own, tmp_path / "looked-at")
    assert (tmp_path / "looked-at").read_bytes() == held
