"""A machine that came home, and that its owner defined anew on its old disks before the commit: what it wrote
since lies in the run only, and stays."""

import os
import subprocess

import pytest

from rig import dying
from rig.appliances import runs
from rig.eventually import eventually
from rig.noise import noise
from secondsite.domain import errors
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import HeldDisk, HeldResources
from secondsite.fabrics.simulated.host.host import Host
from secondsite.fabrics.simulated.hosting import SimulatedHosting
from secondsite.fabrics.simulated.power import SimulatedInventory
from secondsite.ground import seams
from secondsite.ground.units import MiB
from secondsite.wire.control.orders import (
    CommitPoint,
    FabricMachine,
    Kind,
    Nothing,
    RemoveReplica,
    ShutDown,
    StopReplica,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def home(pair):
    """The machine runs at home on the run of its failback, with what it wrote there since; its pair, its
    point, its old record, its content."""
    pair.source.write(pair.fabric_id, 0, noise(MiB))
    pair.protect().synchronized()
    old = Host(pair.source.root).records.need(pair.fabric_id)
    away = runs.fail_over(pair, pair.point_now())
    reverse = runs.turned(pair, away)
    pair.target.write(away, 2 * MiB, noise(MiB, seed=3))
    pair.target.do(Kind.SHUT_DOWN, ShutDown(fabric_id=away), pair.machine_id)
    point_id = reverse.point_now(final=True)
    reverse.pause()
    runs.start(reverse, "failover", point_id, name=pair.name, fabric_id=pair.fabric_id, home=True)
    pair.source.write(pair.fabric_id, 4 * MiB, noise(MiB, seed=4))
    return pair, point_id, old.definition, pair.source.read(pair.fabric_id)


def defined(pair, definition):
    """As its owner does with a file of the definition; the machine starts on it."""
    pair.source.fabric.power.stop(pair.fabric_id)
    records = Host(pair.source.root).records
    with records.lock(pair.fabric_id, "owner"):
        records.save(records.need(pair.fabric_id).having(definition=definition, nodes={}))
    pair.source.replica(pair.machine_id).replica.close()
    pair.source.fabric.power.start(pair.fabric_id)


def committed(pair, point_id):
    pair.source.do(Kind.COMMIT_POINT, CommitPoint(point_id=point_id), pair.machine_id)


def consolidated(pair):
    return pair.source.order(Kind.CONSOLIDATE, FabricMachine(fabric_id=pair.fabric_id), pair.machine_id)


def refused(pair, kind, payload):
    problem = pair.source.order(kind, payload, pair.machine_id).problem
    return problem is not None and "it came home" in problem.message


@pytest.mark.parametrize("before_the_point", [True, False])
def test_a_commit_deletes_nothing_of_a_machine_that_was_defined_anew_on_its_old_disks(home, before_the_point):
    pair, point_id, old, newest = home
    if not before_the_point:
        committed(pair, point_id)
    came = Host(pair.source.root).records.need(pair.fabric_id).definition
    points = pair.source.replica(pair.machine_id).replica.point_ids
    defined(pair, old)
    assert pair.source.read(pair.fabric_id) != newest
    assert refused(pair, Kind.COMMIT_POINT, CommitPoint(point_id=point_id))
    assert refused(pair, Kind.CONSOLIDATE, FabricMachine(fabric_id=pair.fabric_id))
    assert pair.source.replica(pair.machine_id).replica.point_ids == points
    defined(pair, came)
    committed(pair, point_id)
    assert consolidated(pair).problem is None
    assert pair.source.read(pair.fabric_id) == newest
    assert pair.definition().disks[0].path == old.disks[0].path


def test_a_machine_that_runs_on_its_old_disks_whatever_its_definition_says_now_is_not_merged(home):
    pair, point_id, old, _ = home
    committed(pair, point_id)
    pair.source.fabric.power.stop(pair.fabric_id)
    pipe = subprocess.PIPE
    with subprocess.Popen(["qemu-io", old.disks[0].path], stdin=pipe, stdout=pipe) as writes:
        assert writes.stdin is not None
        assert writes.stdout is not None
        writes.stdin.write(b"write 5M 64k\n")
        writes.stdin.flush()
        writes.stdout.readline()
        assert refused(pair, Kind.CONSOLIDATE, FabricMachine(fabric_id=pair.fabric_id))


@pytest.mark.parametrize(
    "seam", ["appliance.run.merging", "appliance.run.consolidated", "appliance.replica.removed"]
)
def test_a_merge_that_was_cut_off_by_a_kill_is_ended_by_a_repeat(home, seam):
    pair, point_id, old, newest = home
    committed(pair, point_id)
    with seams.armed(dying.at(seam)), pytest.raises(dying.Killed):
        consolidated(pair)
    pair.source.restart()
    for _ in range(2):
        assert consolidated(pair).problem is None
    assert pair.source.read(pair.fabric_id) == newest
    assert pair.definition().disks[0].path == old.disks[0].path
    assert pair.source.appliance.state.facts("merging/") == {}


def test_after_a_merge_that_failed_before_it_began_a_definition_on_the_old_disks_is_seen_too(home):
    pair, point_id, old, _ = home
    committed(pair, point_id)
    simulated.dial(pair.source.root, [simulated.Fault(method="hosting.consolidate", code="fabric-error")])
    assert consolidated(pair).problem is not None
    simulated.dial(pair.source.root, [])
    defined(pair, old)
    assert refused(pair, Kind.CONSOLIDATE, FabricMachine(fabric_id=pair.fabric_id))


@pytest.fixture
def vetoes(monkeypatch):
    """What the hypervisor was told last of the old disks, by the machine's id: which, and the files above
    them."""
    told = {}

    def withhold(_, definition, disks=(), above=None):
        told[definition.fabric_id] = set(disks), above

    hosting = SimulatedHosting
    monkeypatch.setattr(hosting, "withhold", withhold)
    monkeypatch.setattr(hosting, "release", lambda _, fabric_id: told.pop(fabric_id, None))
    return told


def looked(pair, vetoes):
    """What was told once it has looked: it passes a replica over that others work with."""
    pair.source.appliance.second_copies.look()
    return vetoes


def test_until_the_commit_nobody_else_may_write_below_the_disks_of_a_machine_that_came_home(vetoes, home):
    pair, point_id, _, _ = home
    (overlay,) = pair.source.replica(pair.machine_id).replica.files.run("failover").glob("*.qcow2")
    for _ in range(2):
        vetoes.clear()
        pair.source.restart()
        eventually(lambda: looked(pair, vetoes), 20)
        assert vetoes == {pair.fabric_id: ({"vda"}, {"vda": overlay})}
    committed(pair, point_id)
    with seams.armed(dying.at("appliance.run.merging")), pytest.raises(dying.Killed):
        consolidated(pair)
    pair.source.restart()
    pair.source.appliance.second_copies.look()
    assert vetoes == {}, "it may be on its own disks already"
    assert consolidated(pair).problem is None
    pair.source.appliance.second_copies.look()
    assert vetoes == {}


@pytest.mark.parametrize("way", ["cancelled", "ended"])
def test_the_veto_for_a_machine_that_came_home_ends_with_a_cancel_or_with_its_protection(vetoes, home, way):
    pair, _, _, _ = home
    eventually(lambda: looked(pair, vetoes), 20)
    assert vetoes[pair.fabric_id]
    if way == "ended":
        ended = RemoveReplica(keep_running=True)
        pair.source.do(Kind.REMOVE_REPLICA, ended, pair.machine_id)
        assert vetoes == {}
    else:
        pair.source.do(
            Kind.STOP_REPLICA, StopReplica(run="failover", fabric_id=pair.fabric_id), pair.machine_id
        )
        eventually(lambda: looked(pair, vetoes) == {pair.fabric_id: ({"vda"}, None)}, 20)
        assert vetoes == {pair.fabric_id: ({"vda"}, None)}, "as while it is protected back"


def told(pair):
    """The findings that concern the disks of the machine that came home, and whether it runs."""
    pair.source.appliance.power_watch.look()
    codes = ("failed-over-machine-off", "failed-over-machine-redefined", "old-disks-written")
    found = pair.source.replica(pair.machine_id).findings.all()
    return {each.code: each.what for each in found if each.code in codes}


@pytest.mark.parametrize("runs_on", ["nothing", "its old disks"])
def test_a_machine_at_home_that_was_defined_on_its_old_disks_is_told_and_nobody_is_to_start_it(home, runs_on):
    pair, _, old, _ = home
    came = Host(pair.source.root).records.need(pair.fabric_id).definition
    eventually(lambda: told(pair) == {}, 20)
    defined(pair, old)
    if runs_on == "nothing":
        pair.source.fabric.power.stop(pair.fabric_id)
    codes = {"failed-over-machine-redefined", *(["failed-over-machine-off"] if runs_on == "nothing" else [])}
    eventually(lambda: set(told(pair)) == codes, 20)
    said = told(pair)["failed-over-machine-redefined"]
    assert ("is off, and its stored definition has" in said) is (runs_on == "nothing")
    assert f"vda on {old.disks[0].path}" in said
    assert f"vda on {came.disks[0].path}" in said
    defined(pair, came)
    eventually(lambda: told(pair) == {}, 20)


def test_while_it_runs_on_the_disks_it_came_home_with_the_refusal_speaks_of_its_definition_only(
    home, monkeypatch
):
    """It was told that it had the old disks, while only the definition of its next start said so."""
    pair, point_id, old, _ = home
    overlay = Host(pair.source.root).records.need(pair.fabric_id).definition.disks[0].path
    now, next_time = HeldDisk("vda", overlay, True, False), HeldDisk("vda", old.disks[0].path, False, True)
    held = HeldResources((now, next_time), frozenset())
    monkeypatch.setattr(SimulatedInventory, "holding", lambda *_: held)
    problem = pair.source.order(Kind.COMMIT_POINT, CommitPoint(point_id=point_id), pair.machine_id).problem
    assert "runs on the disks that it came home with, but its stored definition has vda on" in problem.message
    assert f"(vda on {overlay})" in problem.do
    assert "shut it down" not in problem.do
    eventually(lambda: set(told(pair)) == {"failed-over-machine-redefined"}, 20)


def wrote(path):
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", "write 5M 64k", path], check=True, capture_output=True)


@pytest.mark.parametrize("before_the_point", [True, False])
def test_no_commit_merges_into_old_disks_that_somebody_wrote_to_until_that_is_accepted(
    home, before_the_point
):
    pair, point_id, old, _ = home
    if not before_the_point:
        committed(pair, point_id)
    pair.source.fabric.power.stop(pair.fabric_id)
    pair.source.replica(pair.machine_id).replica.close()
    eventually(lambda: "old-disks-written" not in told(pair), 20)
    wrote(old.disks[0].path)
    pair.source.fabric.power.start(pair.fabric_id)
    pair.source.restart()
    pair.source.do(Kind.LIST_POINTS, Nothing(), pair.machine_id)  # which takes such files as they are
    eventually(lambda: f"vda on {old.disks[0].path}" in told(pair).get("old-disks-written", ""), 20)
    mixed = pair.source.read(pair.fabric_id)
    points = pair.source.replica(pair.machine_id).replica.point_ids
    for kind, payload in (
        (Kind.COMMIT_POINT, CommitPoint(point_id=point_id)),
        (Kind.CONSOLIDATE, FabricMachine(fabric_id=pair.fabric_id)),
    ):
        problem = pair.source.order(kind, payload, pair.machine_id).problem
        assert "Somebody wrote to files below the disks" in problem.message
    assert pair.source.replica(pair.machine_id).replica.point_ids == points
    noted = pair.source.replica(pair.machine_id).replica.files.run_bases("failover")
    assert str(noted) in problem.do
    noted.unlink()
    committed(pair, point_id)
    assert consolidated(pair).problem is None
    assert pair.source.read(pair.fabric_id) == mixed


def test_what_our_own_merge_wrote_before_it_failed_is_not_held_against_a_repeat(home, monkeypatch):
    pair, point_id, old, newest = home
    committed(pair, point_id)

    def fails(*_):
        os.utime(old.disks[0].path)
        raise errors.FabricError("the merge failed", do="again")

    with monkeypatch.context() as patched:
        patched.setattr(SimulatedHosting, "consolidate", fails)
        assert consolidated(pair).problem is not None
    assert consolidated(pair).problem is None
    assert pair.source.read(pair.fabric_id) == newest


def test_disks_that_were_withdrawn_from_a_run_of_the_replica_itself_are_forbidden_to_nobody(vetoes, pair):
    """The run was merged down; the next one has its disks at the same paths."""
    pair.protect().synchronized()
    reverse = runs.turned(pair, runs.fail_over(pair, pair.point_now()))
    forth = runs.turned(reverse, runs.fail_over(reverse, reverse.point_now()))
    withdrawn = forth.target.replica(forth.machine_id).setup.existing_fabric_id
    watch = forth.target.appliance.second_copies
    watch.look()
    assert withdrawn not in vetoes
    runs.fail_over(forth, forth.point_now())
    (overlay,) = forth.target.replica(forth.machine_id).replica.files.run("failover").glob("*.qcow2")
    eventually(lambda: (watch.look(), vetoes.get(withdrawn))[1], 20)
    assert vetoes[withdrawn] == ({""}, {"vda": overlay})
