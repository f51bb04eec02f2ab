"""A machine of its own from a recovery point: it is what the point holds, and nobody's but its owner's; and
after whatever goes wrong nothing is left of it."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rig.eventually import eventually
from rig.images import raw
from rig.noise import noise
from secondsite.appliance import orders
from secondsite.appliance.orders.points import copy_checks, restored_copy
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState
from secondsite.ground import seams
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
        (asked(point_id, folder, name="other", network="lan"), "not-possible-now", "no network 'lan'"),
        (asked(point_id, folder / "gone"), "not-found", "no folder of this host"),
        (asked(point_id, "images"), "not-found", "no folder of this host"),
        (asked(point_id, pair.target.config.store), "not-possible-now", "lies in"),
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


def test_one_that_cannot_be_started_stays_and_says_why(pair, folder):
    pair.protect().synchronized()
    simulated.dial(pair.target.root, [simulated.Fault(method="power.start", nth=1, code="fabric-error")])
    report = pair.target.order(
        Kind.RESTORE_COPY, asked(pair.point_now(), folder, start=True), pair.machine_id
    )
    assert "and is off" in report.sentence
    assert "could not be started: " in report.sentence
    assert [each.power for each in copies(pair)] == [PowerState.OFF]


def test_a_full_folder_is_told_before_and_nothing_is_left(pair, folder, monkeypatch):
    pair.protect().synchronized()
    monkeypatch.setattr(copy_checks, "SPARE_BYTES", 1 << 60)
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


def held_at(seam, there, go_on):
    """A seam's watcher that waits at the first reach of this one."""

    def wait(name):
        if name == f"appliance.copy.{seam}" and not there.is_set():
            there.set()
            assert go_on.wait(20)

    return wait


def end_of(pair, wanted):
    return pair.target.order(
        Kind.END_RESTORE_COPY, FabricMachine(fabric_id=wanted.fabric_id), pair.machine_id
    )


@pytest.mark.parametrize("seam", ["noted", "written", "made"])
def test_a_copy_that_is_given_up_ends_at_once_and_leaves_nothing(pair, folder, seam):
    pair.source.write(pair.fabric_id, 0, noise(4 * MiB))
    pair.protect().synchronized()
    wanted = asked(pair.point_now(), folder, start=True)
    there, go_on = threading.Event(), threading.Event()
    with seams.armed(held_at(seam, there, go_on)), ThreadPoolExecutor() as pool:
        making = pool.submit(pair.target.order, Kind.RESTORE_COPY, wanted, pair.machine_id)
        assert there.wait(20)
        ending = pool.submit(end_of, pair, wanted)
        eventually(lambda: pair.target.appliance.state.facts(restored_copy.GIVEN_UP))
        go_on.set()
        assert "nothing of the copy stays" in ending.result(20).sentence
        assert making.result(20).problem is not None
    assert nothing_is_left(pair, folder)


def test_one_that_is_given_up_before_its_turn_is_never_made(pair, folder):
    """It was made, and started, after its job had said that nothing was left."""
    pair.protect().synchronized()
    wanted = asked(pair.point_now(), folder, start=True)
    end_of(pair, wanted)
    assert "was given up" in refused(pair, wanted).message
    assert nothing_is_left(pair, folder)


def test_of_two_with_one_name_one_is_made_and_keeps_its_disks(pair, folder):
    """The other one's clean-up removed them, under a machine that ran."""
    pair.protect().synchronized()
    point_id = pair.point_now()
    there, go_on = threading.Event(), threading.Event()
    with seams.armed(held_at("noted", there, go_on)), ThreadPoolExecutor() as pool:
        wanted = asked(point_id, folder, start=True)
        making = pool.submit(pair.target.order, Kind.RESTORE_COPY, wanted, pair.machine_id)
        assert there.wait(20)
        assert "is being made" in refused(pair, asked(point_id, folder, start=True)).message
        go_on.set()
        assert making.result(20).problem is None
    assert [each.power for each in copies(pair)] == [PowerState.RUNNING]
    assert [each.name for each in folder.iterdir()] == ["web01-old-vda.qcow2"]


def test_a_file_that_somebody_puts_there_meanwhile_stays(pair, folder):
    pair.protect().synchronized()
    goal = folder / "web01-old-vda.qcow2"

    def put(name):
        if name == "appliance.copy.noted":
            goal.write_text("somebody's")

    with seams.armed(put):
        assert "is not overwritten" in refused(pair, asked(pair.point_now(), folder)).message
    assert (goal.read_text(), [*folder.iterdir()]) == ("somebody's", [goal])


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "x" * 240, "two words", "line\nfeed", ""])
def test_a_name_that_is_no_files_is_no_machines_either(pair, folder, name):
    pair.protect().synchronized()
    wanted = asked(pair.point_now(), folder).model_copy(update={"name": name})
    assert refused(pair, wanted).code == "invalid-argument"
    assert nothing_is_left(pair, folder)


def test_a_folder_that_only_the_service_sees_is_none_of_the_host(pair, folder, monkeypatch, tmp_path):
    """Its own /tmp: the machine was made, and its disks were nowhere."""
    pair.protect().synchronized()
    table = tmp_path / "mountinfo"
    table.write_text("1 0 0:1 / / rw - ext4 /dev/other rw\n")
    monkeypatch.setattr(copy_checks, "HOST", table)
    assert "no folder of this host" in refused(pair, asked(pair.point_now(), folder)).message
    long = asked(pair.point_now(), f"/{'x' * 300}")
    assert "no folder of this host" in refused(pair, long).message


@pytest.mark.parametrize("is_noted", [True, False])
def test_what_a_killed_process_left_is_removed_without_a_vault(pair, folder, is_noted):
    pair.protect().synchronized()
    wanted = asked(pair.point_now(), folder)
    note = restored_copy.Note(name="web01-old", files={"vda": str(folder / "web01-old-vda.qcow2")})
    for part in note.parts.values():
        part.write_text("half" if is_noted else "")
        note.goals["vda"].hardlink_to(part)
    inodes = {key: part.stat().st_ino for key, part in note.parts.items()} if is_noted else {}
    left = note.model_copy(update={"inodes": inodes}).model_dump_json()
    pair.target.appliance.state.put_fact(restored_copy.KEY + wanted.fabric_id, left)
    orders.remove_left_over(pair.target.appliance.desk._parts)  # noqa: SLF001
    assert nothing_is_left(pair, folder)
