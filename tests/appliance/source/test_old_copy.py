"""At most one copy runs: the old copy of a machine that was failed over stays off, whatever its host does,
and is seen when it runs all the same."""

import contextlib
import json
from datetime import UTC, datetime

import pytest

from rig.appliances.runs import fail_over, start, turned
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.shared import HomeFull
from secondsite.appliance.source import fence
from secondsite.domain import errors
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState
from secondsite.fabrics.simulated.host.host import Host
from secondsite.ground import seams
from secondsite.ground.units import KiB
from secondsite.wire.control.checks import CheckSource
from secondsite.wire.control.orders import (
    AcceptCycles,
    CommitPoint,
    FabricMachine,
    Kind,
    PreCopy,
    RemoveMachine,
    RemoveReplica,
    Restart,
    RunCycle,
    ShutDown,
    StartAnyway,
    StopReplica,
    StopReplication,
    Withdraw,
)

pytestmark = pytest.mark.slow

TWO_COPIES = "source-running-after-failover"


def off(site, fabric_id):
    site.fabric.power.shut_down(fabric_id, 5)
    eventually(lambda: site.fabric.power.state(fabric_id) is PowerState.OFF)


def power(site, fabric_id):
    return site.fabric.power.state(fabric_id)


def starts_with_host(site, fabric_id):
    return site.fabric.power.starts_with_host(fabric_id)


def codes(pair):
    return {finding.code for finding in pair.source_status().findings}


def marked(pair, **marks):
    """Its owner did something to the machine."""
    records = Host(pair.source.root).records
    with records.lock(pair.fabric_id, "a deed of the test"):
        records.save(records.need(pair.fabric_id).having(**marks))


@pytest.fixture
def protected(pair):
    """A machine that starts with its host."""
    simulated.set_autostart(pair.source.root, pair.fabric_id)
    return pair.protect().synchronized()


def planned(pair):
    """As a planned failover does it; what the machine is at the other site."""
    pair.source.do(Kind.SHUT_DOWN, ShutDown(fabric_id=pair.fabric_id), pair.machine_id)
    return fail_over(pair, pair.point_now(final=True))


def unplanned(pair):
    """The vault reaches the target only."""
    return start(pair, "failover", pair.point_now())["fabric_id"]


def taken_back(pair, away):
    """The copy at the other site goes, and the replica takes cycles again."""
    pair.target.do(Kind.STOP_REPLICA, StopReplica(run="failover", fabric_id=away), pair.machine_id)
    pair.target.do(Kind.ACCEPT_CYCLES, AcceptCycles(accepting=True), pair.machine_id)


def test_a_host_that_reboots_after_a_planned_failover_does_not_start_the_old_copy(protected):
    planned(protected)
    protected.source.stop()
    simulated.reboot(protected.source.root)
    assert power(protected.source, protected.fabric_id) is PowerState.OFF
    protected.source.start()
    simulated.reboot(protected.source.root)
    assert power(protected.source, protected.fabric_id) is PowerState.OFF
    assert protected.source_status().fenced


def test_an_old_copy_that_its_owner_defines_as_it_was_before_is_fenced_anew(protected, monkeypatch):
    monkeypatch.setattr("secondsite.appliance.source.fence.AGAIN_SECONDS", 0.5)
    planned(protected)
    eventually(lambda: protected.source_status().fenced, 30)
    marked(protected, start_forbidden=False, starts_with_host=True)
    eventually(lambda: not starts_with_host(protected.source, protected.fabric_id), 30)
    with pytest.raises(errors.FabricError, match="its start here is forbidden"):
        protected.source.fabric.power.start(protected.fabric_id)


@pytest.mark.parametrize("shape", [Withdraw, RemoveMachine])
@pytest.mark.parametrize("with_tag", [True, False])
def test_what_its_owner_defines_where_a_machine_left_its_disks_is_reported_and_does_not_start(
    protected, monkeypatch, with_tag, shape
):
    """It went on to a further site, and nobody looked at what was defined here afterwards: two ran. What is
    left is withdrawn at home, and removed elsewhere."""
    monkeypatch.setattr("secondsite.appliance.source.old_copies.LOOK_SECONDS", 0.2)
    found = protected.source.fabric.inventory.get(protected.fabric_id)
    planned(protected)
    kind = Kind.WITHDRAW if shape is Withdraw else Kind.REMOVE_MACHINE
    gone = shape(fabric_id=protected.fabric_id, stays=True)
    protected.source.do(kind, gone, protected.machine_id)
    copies = protected.source.appliance.replication.old_copies
    eventually(lambda: [each.power for each in copies.statuses()] == ["missing"], 20)
    protected.source.fabric.hosting.restore(found.definition, protected.machine_id if with_tag else None)
    eventually(lambda: [(each.power, each.fenced) for each in copies.statuses()] == [("off", True)], 20)
    if with_tag:  # what has none is its owner's, and is told once it is on
        with pytest.raises(errors.FabricError, match="its start here is forbidden"):
            protected.source.fabric.power.start(protected.fabric_id)
    protected.source.restart()
    copies = protected.source.appliance.replication.old_copies
    eventually(lambda: [each.fenced for each in copies.statuses()] == [True], 20)
    again = shape(fabric_id=protected.fabric_id)
    if with_tag:
        protected.source.do(kind, again, protected.machine_id)
        eventually(lambda: copies.statuses() == (), 20)


@pytest.mark.parametrize("with_tag", [True, False])
def test_where_a_machine_left_its_disks_its_owner_may_start_it_once_its_protection_has_ended(
    protected, with_tag
):
    found = protected.source.fabric.inventory.get(protected.fabric_id)
    planned(protected)
    gone = RemoveMachine(fabric_id=protected.fabric_id, stays=True)
    protected.source.do(Kind.REMOVE_MACHINE, gone, protected.machine_id)
    protected.source.fabric.hosting.restore(found.definition, protected.machine_id if with_tag else None)
    ended = RemoveReplica(ended=True, fabric_id=protected.fabric_id)
    for _ in range(2):
        protected.source.do(Kind.REMOVE_REPLICA, ended, protected.machine_id)
    copies = protected.source.appliance.replication.old_copies
    eventually(lambda: copies.statuses() == (), 20)
    assert protected.source.fabric.inventory.tag(protected.fabric_id) is None
    protected.source.fabric.power.start(protected.fabric_id)


def test_a_cancelled_failover_gives_autostart_back(protected):
    away = planned(protected)
    taken_back(protected, away)
    for _ in range(2):
        protected.source.do(Kind.RESTART, Restart(fabric_id=protected.fabric_id), protected.machine_id)
    assert starts_with_host(protected.source, protected.fabric_id)
    assert not protected.source_status().fenced
    simulated.reboot(protected.source.root)
    assert power(protected.source, protected.fabric_id) is PowerState.RUNNING


def test_a_cancel_leaves_a_machine_off_that_its_owner_has_off_and_replicates_it_again(protected):
    protected.source.fabric.power.stop(protected.fabric_id)
    asked = ShutDown(fabric_id=protected.fabric_id)
    assert protected.source.do(Kind.SHUT_DOWN, asked, protected.machine_id)["already"]
    taken_back(protected, fail_over(protected, protected.point_now(final=True)))
    restart = Restart(fabric_id=protected.fabric_id, start=False)
    fact = protected.source.do(Kind.RESTART, restart, protected.machine_id)
    assert (fact["power"], power(protected.source, protected.fabric_id)) == ("off", PowerState.OFF)
    status = protected.source_status()
    assert (status.fenced, status.running) == (False, True)
    assert starts_with_host(protected.source, protected.fabric_id)


def test_a_cancel_says_that_it_started_only_what_was_off(protected):
    asked = Restart(fabric_id=protected.fabric_id)
    ran = protected.source.order(Kind.RESTART, asked, protected.machine_id)
    protected.source.fabric.power.stop(protected.fabric_id)
    off = protected.source.order(Kind.RESTART, asked, protected.machine_id)
    assert [each.sentence.partition(" and ")[0] for each in (ran, off)] == [
        "the machine was running already",
        "started the machine",
    ]


def test_a_machine_that_a_cancel_could_not_start_does_not_start_with_its_host(protected):
    """The copy at the other site may run still, if the cancel had to go on without that site."""
    planned(protected)
    simulated.dial(protected.source.root, [simulated.Fault(method="power.start", nth=1, code="fabric-error")])
    asked = Restart(fabric_id=protected.fabric_id)
    assert protected.source.order(Kind.RESTART, asked, protected.machine_id).problem is not None
    assert protected.source_status().fenced
    simulated.reboot(protected.source.root)
    assert power(protected.source, protected.fabric_id) is PowerState.OFF
    protected.source.do(Kind.RESTART, asked, protected.machine_id)
    assert starts_with_host(protected.source, protected.fabric_id)
    assert not protected.source_status().fenced


@pytest.mark.parametrize("kind", [Kind.RESTART, Kind.START_ANYWAY])
def test_the_watch_forbids_no_start_that_is_under_way_however_long_it_takes(protected, monkeypatch, kind):
    """On a busy host a start took longer than what was enforced before it counts as just done."""
    taken_back(protected, planned(protected))
    monkeypatch.setattr(fence, "AGAIN_SECONDS", 0.0)

    def look(name):
        if name == "appliance.fence.lifted":
            protected.source.appliance.replication.fences.enforce_for(protected.machine_id)

    payload = {
        Kind.RESTART: Restart(fabric_id=protected.fabric_id),
        Kind.START_ANYWAY: StartAnyway(fabric_id=protected.fabric_id, by="alice"),
    }[kind]
    with seams.armed(look):
        protected.source.do(kind, payload, protected.machine_id)
    assert power(protected.source, protected.fabric_id) is PowerState.RUNNING
    assert protected.source_status().fenced == (kind is Kind.START_ANYWAY)


def test_a_machine_that_never_had_autostart_gets_none_from_a_cancel(pair):
    pair.protect().synchronized()
    away = planned(pair)
    taken_back(pair, away)
    pair.source.do(Kind.RESTART, Restart(fabric_id=pair.fabric_id), pair.machine_id)
    assert not starts_with_host(pair.source, pair.fabric_id)


def test_a_source_that_was_never_told_acts_on_the_word_of_its_peer(protected):
    """It stops sending, turns autostart off and tells; it cuts nothing off."""
    unplanned(protected)
    eventually(lambda: protected.source_status().fenced, 20)
    eventually(lambda: not starts_with_host(protected.source, protected.fabric_id), 10)
    eventually(lambda: TWO_COPIES in codes(protected), 30)
    assert "peer-refused" in codes(protected)
    assert power(protected.source, protected.fabric_id) is PowerState.RUNNING
    assert len(Host(protected.source.root).records.need(protected.fabric_id).checkpoints) == 1
    simulated.reboot(protected.source.root)
    assert power(protected.source, protected.fabric_id) is PowerState.OFF
    eventually(lambda: TWO_COPIES not in codes(protected), 30)


def test_a_target_that_takes_cycles_again_ends_what_its_word_began(protected):
    away = unplanned(protected)
    eventually(lambda: protected.source_status().fenced, 20)
    taken_back(protected, away)
    protected.source.write(protected.fabric_id, 0, noise(64 * KiB))
    eventually(lambda: not protected.source_status().fenced, 30)
    assert starts_with_host(protected.source, protected.fabric_id)
    eventually(lambda: codes(protected) == set(), 20)


def test_an_old_copy_is_not_started_by_mistake(protected):
    planned(protected)
    with pytest.raises(Exception, match="failed over"):
        protected.source.fabric.power.start(protected.fabric_id)


def test_a_second_copy_of_a_paused_machine_is_seen_within_half_a_minute(protected):
    """Its owner went round the veto."""
    planned(protected)
    eventually(lambda: protected.source_status().power == "off", 10)
    marked(protected, start_forbidden=False)
    before = datetime.now(UTC)
    protected.source.fabric.power.start(protected.fabric_id)
    eventually(lambda: protected.source_status().power == "running", 30)
    assert protected.source_status().on_since >= before
    eventually(lambda: TWO_COPIES in codes(protected), 5)
    protected.source.fabric.power.stop(protected.fabric_id)
    eventually(lambda: TWO_COPIES not in codes(protected), 30)
    assert protected.source_status().on_since is None


def test_a_paused_source_that_is_off_never_says_running_after_a_restart_of_its_appliance(protected):
    planned(protected)
    protected.source.stop()
    protected.source.start()
    source = protected.source.appliance.replication.get(protected.machine_id)
    said = {source.status().power}

    def is_off():
        said.add(source.status().power)
        return "off" in said

    eventually(is_off, 10)
    assert said <= {"unknown", "off"}


def test_autostart_is_turned_off_after_a_restart_when_the_hypervisor_did_not_answer_at_first(protected):
    deaf = simulated.Fault(method="power.forbid_start", code="fabric-error")
    simulated.dial(protected.source.root, [deaf])
    protected.source.do(Kind.PAUSE_REPLICATION, None, protected.machine_id)
    assert starts_with_host(protected.source, protected.fabric_id)
    protected.source.stop()
    simulated.dial(protected.source.root, [])
    protected.source.start()
    eventually(lambda: not starts_with_host(protected.source, protected.fabric_id), 10)
    protected.source.do(Kind.START_REPLICATION, protected.source_setup(), protected.machine_id)
    assert starts_with_host(protected.source, protected.fabric_id)


@pytest.mark.parametrize("seam", ["decided", "remembered", "lowered"])
def test_an_appliance_that_dies_while_it_fences_a_machine_forgets_neither_the_fence_nor_the_autostart(
    protected, seam
):
    died: list[str] = []

    def die(name):
        if name == f"appliance.fence.{seam}" and not died:
            died.append(name)
            raise RuntimeError("it dies here")

    with seams.armed(die):
        protected.source.order(Kind.PAUSE_REPLICATION, None, protected.machine_id)
        if seam == "lowered":
            protected.source.order(Kind.START_REPLICATION, protected.source_setup(), protected.machine_id)
        assert died
        protected.source.stop()
    protected.source.start()
    eventually(lambda: not starts_with_host(protected.source, protected.fabric_id), 10)
    protected.source.do(Kind.START_REPLICATION, protected.source_setup(), protected.machine_id)
    assert starts_with_host(protected.source, protected.fabric_id)
    assert not protected.source_status().fenced


def test_a_machine_that_came_home_starts_with_its_host_again(protected):
    a, b = protected.source, protected.target
    away = planned(protected)
    reverse = turned(protected, away)
    b.do(Kind.SHUT_DOWN, ShutDown(fabric_id=away), protected.machine_id)
    point_id = reverse.point_now(final=True)
    home = fail_over(reverse, point_id)
    a.do(Kind.COMMIT_POINT, CommitPoint(point_id=point_id), protected.machine_id)
    b.do(Kind.REMOVE_MACHINE, FabricMachine(fabric_id=away), protected.machine_id)
    for _ in range(2):
        a.do(Kind.CONSOLIDATE, FabricMachine(fabric_id=home), protected.machine_id)
    assert starts_with_host(a, home)


def test_when_protection_ends_the_old_copy_may_be_started_by_hand_and_still_not_by_its_host(protected):
    planned(protected)
    report = protected.source.order(Kind.STOP_REPLICATION, StopReplication(forget=True), protected.machine_id)
    assert "autostart stays off" in report.sentence
    assert not starts_with_host(protected.source, protected.fabric_id)
    protected.source.fabric.power.start(protected.fabric_id)


def checked(pair):
    """What the check before protection finds."""
    payload = CheckSource(fabric_id=pair.fabric_id)
    return pair.source.do(Kind.CHECK_SOURCE, payload, pair.machine_id)["obstacles"]


def test_when_protection_of_a_machine_that_runs_here_ends_its_host_starts_it_as_before(protected):
    unplanned(protected)
    eventually(lambda: not starts_with_host(protected.source, protected.fabric_id), 20)
    protected.source.do(Kind.STOP_REPLICATION, StopReplication(forget=True), protected.machine_id)
    assert starts_with_host(protected.source, protected.fabric_id)


@pytest.mark.parametrize("kind", [Kind.WITHDRAW, Kind.REMOVE_MACHINE])
def test_a_copy_whose_removal_ended_half_way_is_not_started_by_its_host(protected, kind):
    """It was never told that it was left: its site was away during the failover."""
    stuck = simulated.Fault(method="hosting.withdraw", code="fabric-error")
    simulated.dial(protected.source.root, [stuck])
    payload = FabricMachine(fabric_id=protected.fabric_id)
    assert protected.source.order(kind, payload, protected.machine_id).problem is not None
    simulated.dial(protected.source.root, [])
    simulated.reboot(protected.source.root)
    assert power(protected.source, protected.fabric_id) is PowerState.OFF
    protected.source.do(kind, payload, protected.machine_id)
    assert protected.source.fabric.inventory.get(protected.fabric_id) is None


def test_the_power_of_a_machine_that_nobody_knows_to_be_left_is_not_cut(protected):
    """Its appliance neither replicates it nor fences it: it may be production."""
    protected.source.do(Kind.STOP_REPLICATION, StopReplication(), protected.machine_id)
    payload = FabricMachine(fabric_id=protected.fabric_id)
    problem = protected.source.order(Kind.REMOVE_MACHINE, payload, protected.machine_id).problem
    assert problem.code == "not-possible-now"
    assert "does not know that it was failed over" in problem.message
    assert power(protected.source, protected.fabric_id) is PowerState.RUNNING
    protected.source.fabric.power.stop(protected.fabric_id)
    protected.source.do(Kind.REMOVE_MACHINE, payload, protected.machine_id)


# -- machines that are not off -------------------------------------------------------------------------


def test_a_machine_that_is_not_surely_ours_keeps_its_power(protected):
    """Without our tag, and on other files than those that were replicated."""
    marked(protected, tag=None, images={})
    orders = [
        (Kind.WITHDRAW, Withdraw(fabric_id=protected.fabric_id)),
        (Kind.SHUT_DOWN, ShutDown(fabric_id=protected.fabric_id, grace_seconds=0.1)),
        (Kind.REMOVE_MACHINE, FabricMachine(fabric_id=protected.fabric_id)),
    ]
    for kind, payload in orders:
        problem = protected.source.order(kind, payload, protected.machine_id).problem
        assert problem.code == "not-ours"
        assert "no secondsite tag" in problem.message
        assert power(protected.source, protected.fabric_id) is PowerState.RUNNING
    assert protected.source_status().running


def test_a_machine_whose_memory_is_saved_is_not_off(protected):
    simulated.save(protected.source.root, protected.fabric_id)
    orders = [
        (Kind.PRE_COPY, PreCopy()),
        (Kind.SHUT_DOWN, ShutDown(fabric_id=protected.fabric_id)),
        (Kind.WITHDRAW, Withdraw(fabric_id=protected.fabric_id)),
    ]
    for kind, payload in orders:
        problem = protected.source.order(kind, payload, protected.machine_id).problem
        assert problem.code == "not-possible-now", kind
        assert "managedsave-remove" in problem.do
    found = checked(protected)
    assert [each["blocking"] for each in found if "is saved" in each["what"]] == [False]
    eventually(lambda: protected.source_status().power == "saved", 30)
    report = protected.source.order(
        Kind.RESTART, Restart(fabric_id=protected.fabric_id), protected.machine_id
    )
    assert "as its owner did (saved)" in report.sentence
    assert Host(protected.source.root).records.need(protected.fabric_id).saved


def test_a_machine_that_lives_elsewhere_is_not_read_and_not_off(protected):
    simulated.migrate_away(protected.source.root, protected.fabric_id)
    no_view = simulated.Fault(method="tracking.open", code="fabric-error", message="A view was opened.")
    simulated.dial(protected.source.root, [no_view])
    what = eventually(
        lambda: {each.code: each.what for each in protected.source_status().findings}.get("machine-missing"),
        30,
    )
    assert "in use elsewhere" in what
    assert [each["blocking"] for each in checked(protected) if "elsewhere" in each["what"]] == [True]
    assert protected.source_status().power == "elsewhere"
    named = {Kind.SHUT_DOWN: ShutDown, Kind.WITHDRAW: Withdraw, Kind.REMOVE_MACHINE: FabricMachine}
    for kind, shape in named.items():
        payload = shape(fabric_id=protected.fabric_id)
        problem = protected.source.order(kind, payload, protected.machine_id).problem
        assert problem.code == "not-possible-now"
    simulated.dial(protected.source.root, [])


def test_a_fence_stays_up_although_the_machine_is_off_and_has_sent_all(pair):
    """The cycle after the refusal found nothing new, asked nobody, and took the fence down: both copies could
    run."""
    pair.protect().synchronized()
    off(pair.source, pair.fabric_id)
    eventually(lambda: pair.source_status().all_sent, within_seconds=20)
    start(pair, "failover", pair.status().points[-1].id)
    pair.source.order(Kind.RUN_CYCLE, RunCycle(), pair.machine_id)
    source = pair.source.appliance.replication.get(pair.machine_id)
    eventually(lambda: source._failures >= 2, within_seconds=30)  # noqa: SLF001 the target was asked again
    assert pair.source_status().fenced


def test_a_withdraw_that_fails_half_way_leaves_the_old_copy_watched(pair):
    """Its guest does not shut down and its QEMU cannot be killed: two copies ran on, and nothing said so."""
    pair.protect().synchronized()
    fail_over(pair, pair.point_now())
    eventually(lambda: TWO_COPIES in codes(pair), within_seconds=20)
    faults = [
        simulated.Fault(method=each, nth=1, code="fabric-error") for each in ("power.stop", "power.shut_down")
    ]
    simulated.dial(pair.source.root, faults)
    asked = Withdraw(fabric_id=pair.fabric_id)
    assert pair.source.order(Kind.WITHDRAW, asked, pair.machine_id).problem is not None
    assert power(pair.source, pair.fabric_id) is PowerState.RUNNING
    for _ in range(2):
        replication = pair.source.appliance.replication
        eventually(
            lambda replication=replication: (
                [each.power for each in replication.old_copies.statuses()] == ["running"]
            ),
            within_seconds=20,
        )
        pair.source.stop()
        pair.source.start()
    pair.source.do(Kind.WITHDRAW, asked, pair.machine_id)
    replication = pair.source.appliance.replication
    eventually(lambda: replication.old_copies.statuses() == (), within_seconds=20)


# -- a home without any room ---------------------------------------------------------------------------


@contextlib.contextmanager
def full_home(pair):
    """Inside, nothing can be written in the home of the source's appliance."""

    @contextlib.contextmanager
    def refused():
        raise HomeFull("No space left for appliance.db.", do="Free space in the appliance's home.")
        yield

    with pytest.MonkeyPatch.context() as home:
        home.setattr(pair.source.appliance.state, "_transaction", refused)
        yield


def test_an_old_copy_is_fenced_although_its_appliances_home_is_full(protected):
    """It said so in its log and let the old copy start."""
    point_id = protected.point_now()
    with full_home(protected):
        start(protected, "failover", point_id)
        eventually(lambda: protected.source_status().fenced, 20)
        eventually(lambda: not starts_with_host(protected.source, protected.fabric_id), 20)
        told = eventually(lambda: whats(protected).get("cycle-failed"), 20)
        assert "is held in memory only: No space left for appliance.db. Free space" in told
        eventually(lambda: TWO_COPIES in codes(protected), 30)
        simulated.reboot(protected.source.root)
        assert power(protected.source, protected.fabric_id) is PowerState.OFF
    state = protected.source.appliance.state
    kept = eventually(lambda: state.fact(f"fence/{protected.machine_id}"), 20)
    assert json.loads(kept)["starts_with_host"] is True
    eventually(lambda: "cycle-failed" not in codes(protected), 20)


def test_a_pause_that_cannot_be_written_keeps_the_old_copy_from_starting_all_the_same(protected):
    with full_home(protected):
        with pytest.raises(HomeFull):
            protected.source.order(Kind.PAUSE_REPLICATION, None, protected.machine_id)
        assert protected.source_status().fenced
        assert not starts_with_host(protected.source, protected.fabric_id)


def whats(pair):
    return {finding.code: finding.what for finding in pair.source_status().findings}
