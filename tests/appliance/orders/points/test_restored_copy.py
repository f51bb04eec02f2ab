"""A machine of its own from a recovery point: it is what the point holds, and nobody's but its owner's; and
after whatever goes wrong nothing is left of it."""

import threading
import uuid
from pathlib import Path

import pytest

from rig.eventually import eventually
from rig.images import raw
from rig.noise import noise
from secondsite.appliance.orders.points import restored_copy
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState
from secondsite.ground import seams
from secondsite.ground.threads import worker
from secondsite.ground.units import MiB
from secondsite.wire.control.copies import RestoreCopy
from secondsite.wire.control.orders import FabricMachine, Kind

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "copies").mkdir()
    return tmp_path / "copies"


def asked(point_id, folder, **more):
    values = {"fabric_id": str(uuid.uuid4()), "name": "web01-old", "folder": str(folder), **more}
    return RestoreCopy(point_id=point_id, **values)


def restore(pair, wanted):
    return pair.target.do(Kind.RESTORE_COPY, wanted, pair.machine_id)


def refused(pair, wanted):
    report = pair.target.order(Kind.RESTORE_COPY, wanted, pair.machine_id)
    assert report.problem is not None
    return report.problem


def copies(pair):
    return [each for each in pair.target.fabric.inventory.list() if each.name == "web01-old"]


def nothing_is_left(pair, folder):
    assert (copies(pair), list(folder.iterdir())) == ([], [])
    assert pair.target.appliance.state.facts(restored_copy.KEY) == {}
    return True


def test_it_is_what_the_point_holds_and_nobodys_but_its_owners(pair, folder):
    pair.source.write(pair.fabric_id, 0, noise(2 * MiB))
    pair.protect().synchronized()
    old, point_id = pair.source.read(pair.fabric_id), pair.point_now()
    pair.source.write(pair.fabric_id, 0, noise(1 * MiB))
    pair.point_now()
    fact = restore(pair, asked(point_id, folder))
    (made,) = copies(pair)
    assert (made.tag, made.power, made.fabric_id) == (None, PowerState.OFF, fact["fabric_id"])
    assert {key: raw(Path(path)) for key, path in fact["files"].items()} == {"vda": old}
    assert [each.name for each in folder.iterdir()] == ["web01-old-vda.qcow2"]
    assert pair.target.appliance.host.get(pair.machine_id).replica.state.runs == ()
    assert pair.target.appliance.state.facts(restored_copy.KEY) == {}
    pair.point_now()


def test_it_has_new_cards_on_the_network_that_was_named_and_runs_if_asked(pair, folder):
    simulated.add_network(pair.target.root, "lan")
    pair.protect().synchronized()
    restore(pair, asked(pair.point_now(), folder, network="lan", start=True))
    (made,) = copies(pair)
    own = {nic.mac for nic in pair.source.definition(pair.fabric_id).nics}
    assert (made.power, made.tag) == (PowerState.RUNNING, None)
    assert {nic.network for nic in made.definition.nics} == {"lan"}
    assert own
    assert own.isdisjoint({nic.mac for nic in made.definition.nics})


def test_an_order_whose_answer_was_lost_makes_no_other(pair, folder):
    pair.protect().synchronized()
    wanted = asked(pair.point_now(), folder)
    assert restore(pair, wanted)["files"] == restore(pair, wanted)["files"]
    assert len(copies(pair)) == 1
    assert (
        "stays"
        in pair.target.order(
            Kind.END_RESTORE_COPY, FabricMachine(fabric_id=wanted.fabric_id), pair.machine_id
        ).sentence
    )


def test_what_cannot_be_is_told_before_anything_is_copied(pair, folder):
    pair.protect().synchronized()
    point_id = pair.point_now()
    (folder / "web01-old-vda.qcow2").write_text("somebody's")
    for wanted, code, said in (
        (asked(point_id, folder), "already-exists", "is not overwritten"),
        (asked(point_id, folder, name="other", network="lan"), "not-found", "no network 'lan'"),
        (asked(point_id, folder / "gone"), "not-found", "no folder of this host"),
        (asked(point_id, "images"), "not-found", "no folder of this host"),
        (asked(point_id, pair.target.config.store), "not-possible-now", "lies in the store"),
        (asked("20200101T000000Z-1.1", folder), "not-found", "no recovery point"),
    ):
        problem = refused(pair, wanted)
        assert (problem.code, said in problem.message) == (code, True), problem
    assert (folder / "web01-old-vda.qcow2").read_text() == "somebody's"
    assert [each.name for each in folder.iterdir()] == ["web01-old-vda.qcow2"]
    assert copies(pair) == []


def test_a_name_that_a_machine_of_the_site_has_is_refused(pair, folder):
    simulated.make_machine(pair.target.root, "Web01-Old", [4 * MiB])
    pair.protect().synchronized()
    assert "is named 'Web01-Old'" in refused(pair, asked(pair.point_now(), folder)).message


def test_a_full_folder_is_told_before_and_nothing_is_left(pair, folder, monkeypatch):
    pair.protect().synchronized()
    monkeypatch.setattr(restored_copy, "SPARE_BYTES", 1 << 60)
    assert "has" in refused(pair, asked(pair.point_now(), folder)).message
    assert nothing_is_left(pair, folder)


@pytest.mark.parametrize("seam", ["noted", "written", "made", "released"])
def test_what_fails_on_the_way_leaves_nothing_or_the_whole(pair, folder, seam):
    pair.protect().synchronized()
    wanted = asked(pair.point_now(), folder, start=True)

    def fail(name):
        if name == f"appliance.copy.{seam}":
            raise OSError("no more")

    with seams.armed(fail):
        assert pair.target.order(Kind.RESTORE_COPY, wanted, pair.machine_id).problem is not None
    if seam == "released":
        assert [each.tag for each in copies(pair)] == [None]
        assert pair.target.appliance.state.facts(restored_copy.KEY) == {}
    else:
        assert nothing_is_left(pair, folder)
    assert restore(pair, wanted)["name"] == "web01-old"


def test_a_copy_that_is_given_up_ends_at_once_and_leaves_nothing(pair, folder):
    pair.source.write(pair.fabric_id, 0, noise(4 * MiB))
    pair.protect().synchronized()
    wanted = asked(pair.point_now(), folder)
    there, go_on = threading.Event(), threading.Event()

    def wait(name):
        if name == "appliance.copy.noted":
            there.set()
            assert go_on.wait(20)

    with seams.armed(wait):
        working = worker("copy", lambda: pair.target.order(Kind.RESTORE_COPY, wanted, pair.machine_id))
        working.start()
        assert there.wait(20)
        ended = pair.target.order(
            Kind.END_RESTORE_COPY, FabricMachine(fabric_id=wanted.fabric_id), pair.machine_id
        )
        go_on.set()
        working.join(20)
    assert ended.sentence == "nothing is left of the copy"
    assert eventually(lambda: nothing_is_left(pair, folder))
