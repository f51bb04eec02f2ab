"""A store of the release of 2026-11-20, opened by today's data path alone: no vault, no appliance, no
hypervisor."""

from datetime import datetime

import pytest

from secondsite.datapath.disks.storage_daemon import StorageDaemon
from secondsite.datapath.encryption import encryption_key
from secondsite.datapath.replica import Replica
from tests.upgrade import support_upgrade as upgrade
from tests.upgrade.fixture_record import image_digest

RELEASE = "release-2026-11-20"
SAID = upgrade.said_of(RELEASE)
MACHINES = {name: each for name, each in SAID["machines"].items() if each["target_site"] == "b"}
UNCOMMITTED = sorted(name for name, machine in MACHINES.items() if machine["state"] != "committed")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The home of the appliance at site b, at a place where it never was."""
    folder = tmp_path_factory.mktemp("released")
    upgrade.unpack(RELEASE, folder)
    return folder / "appliance-b"


@pytest.fixture(scope="module")
def opened(home):
    """Opens a machine's replica by the machine's name."""
    daemon = StorageDaemon(home / "store" / "daemon")
    key = encryption_key.load(home / "encryption.key")
    yield lambda name: Replica.open(home / "store" / "replicas" / MACHINES[name]["id"], daemon, key=key)
    daemon.stop()


def recorded(name):
    return {point["id"]: point for point in MACHINES[name]["points"]}


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_its_points_are_listed_and_held_as_before(opened, name):
    found = {point.point_id: point for point in opened(name).points()}
    assert {point_id: point.held for point_id, point in found.items()} == {
        point_id: point["held"] for point_id, point in recorded(name).items()
    }
    for point_id, point in recorded(name).items():
        said = found[point_id].manifest
        assert (said.taken_at, said.consistency, said.set_id) == (
            point["taken_at"], point["consistency"], point["set_id"],
        )  # fmt: skip


@pytest.mark.parametrize("name", UNCOMMITTED)
def test_its_points_are_what_was_sealed(opened, name):
    for point_id in recorded(name):
        verdict = opened(name).verify(point_id)
        assert verdict.ok, verdict.sentence


@pytest.mark.parametrize("name", [name for name in UNCOMMITTED if name != "safe01"])
def test_a_run_on_its_oldest_point_has_what_the_release_read_there(opened, name):
    point = min(recorded(name).values(), key=lambda point: (point["epoch"], point["seq"]))
    replica = opened(name)
    disks = replica.open_run("look", point["id"])
    assert {key: image_digest(path) for key, path in disks.items()} == point["disks"]
    replica.close_run("look")


def test_its_journal_leads_to_an_instant_between_two_points(opened):
    replica = opened("web01")
    at = datetime.fromisoformat(SAID["instant"]["at"])
    cycle = next(entry for entry in replica.journal.entries() if entry.taken_at == at)
    before = max((p for p in recorded("web01").values() if p["seq"] < cycle.seq), key=lambda p: p["seq"])
    disks = replica.open_run("instant", before["id"], through_seq=cycle.seq)
    assert {key: image_digest(path) for key, path in disks.items()} == {"vda": SAID["instant"]["vda"]}
    assert recorded("web01")[before["id"]]["disks"] != {"vda": SAID["instant"]["vda"]}
    replica.close_run("instant")
