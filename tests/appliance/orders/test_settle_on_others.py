"""Nothing is copied to what a replica stands on, or to a disk of a machine that was withdrawn, by whatever
path it is named: no machine that is defined need have it."""

import os
import stat

import pytest

from rig import loop_devices
from rig.appliances import Pair
from rig.appliances.runs import fail_over, turned
from rig.errors import OrderFailed
from secondsite.wire.control.orders import CommitPoint, DiskPlace, Kind, Settle, Withdraw

pytestmark = pytest.mark.slow


@pytest.fixture
def nodes(tmp_path):
    """Makes a device of a file: its path, and another node and a link that lead to it."""
    made = []

    def make(file):
        device = loop_devices.begin(file)
        made.append(device)
        alias, link = tmp_path / f"alias{len(made)}", tmp_path / f"link{len(made)}"
        os.mknod(alias, stat.S_IFBLK | 0o600, os.stat(device).st_rdev)
        link.symlink_to(device)
        return device, alias, link

    yield make
    for each in made:
        loop_devices.end(each)


def refusal(site, fabric_id, machine_id, place):
    payload = Settle(fabric_id=fabric_id, place=DiskPlace(place=str(place), format="raw"))
    for kind in (Kind.SETTLE, Kind.CHECK_SETTLE):
        with pytest.raises(OrderFailed) as refused:
            site.do(kind, payload, machine_id)
    return str(refused.value)


def committed(pair):
    """Its machine runs at the target for good."""
    point = pair.protect().synchronized().point_now()
    away = fail_over(pair, point)
    pair.target.do(Kind.COMMIT_POINT, CommitPoint(point_id=point), pair.machine_id)
    return away


@pytest.fixture
def settling(pair):
    """Another machine, which runs at the site a for good and is to leave the store: what settles it there."""
    other = Pair(pair.target, pair.source, pair.target.make_machine("w2"), name="w2")
    away = committed(other)

    def refused(place):
        return refusal(pair.source, away, other.machine_id, place)

    return refused


def test_what_a_replica_stands_on_is_refused_by_the_name_of_its_machine(pair, settling, nodes):
    base = pair.source.disk_path(pair.fabric_id)
    reverse = turned(pair, committed(pair))
    point = reverse.point_now()
    content = reverse.point_bytes(point)
    for place in (base, *nodes(base)):
        assert f"{place} is below the replica of web01" in settling(place)
    assert reverse.point_bytes(point) == content


def test_a_disk_of_a_withdrawn_machine_is_refused_by_its_name(pair, settling, nodes):
    disk, away = pair.source.disk_path(pair.fabric_id), committed(pair)
    assert away
    pair.source.do(Kind.WITHDRAW, Withdraw(fabric_id=pair.fabric_id), pair.machine_id)
    for place in (disk, *nodes(disk)):
        assert f"{place} is a disk of web01, which was withdrawn here" in settling(place)


def test_a_device_that_is_a_file_of_a_store_is_refused(pair, settling, nodes):
    file = pair.source.config.store / "of-somebody.raw"
    file.write_bytes(bytes(1 << 20))
    for place in nodes(file):
        assert f"{place} lies in the store {pair.source.config.store}" in settling(place)
