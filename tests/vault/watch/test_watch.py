"""What the vault notices by itself."""

import dataclasses
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import secondsite
from secondsite.domain import errors
from secondsite.domain import health as catalogue
from secondsite.domain.health import Health
from secondsite.domain.lifecycle import DrillState, State, Verb
from secondsite.domain.policies import ReplicationPolicy
from secondsite.ground.lived_time import LivedClock
from secondsite.vault.facade.shared import machine_shapes
from secondsite.vault.health import findings
from secondsite.vault.health.findings import Situation
from secondsite.vault.store import ApplianceRecord, DrillRecord, StatusRecord
from secondsite.vault.watch.housekeeping import Housekeeping
from secondsite.wire.common.findings import FindingShape
from secondsite.wire.control import Hello, Status
from secondsite.wire.control.statuses import OldCopyStatus
from secondsite.wire.rest import JobAccepted
from tests.support import statements
from tests.support.vault import NOW, machine, point, replica_status, source_status
from tests.vault.support_intake import Intake


@pytest.fixture
def heard():
    return []


def test_the_numbers_of_orders_that_a_machines_appliances_saw_are_kept(store, clock):
    facts = Intake(store, lambda _signal: None, clock)
    for said in ({"m1": 4, "nobody": 9}, {"m1": 3}):
        facts.status("appliance-a", Status(generations=said))
    facts.status("appliance-c", Status(generations={"m1": 99}))
    with store.reading() as tx:
        assert tx.statuses.generation("m1") == 4


@pytest.fixture
def facts(store, heard, clock):
    return Intake(store, partial(told_of_machines, heard), clock)


def told_of_machines(heard, key):
    if key.startswith("machine/"):
        heard.append(key)


def hello(appliance_id="appliance-a"):
    return Hello(
        appliance_id=appliance_id,
        site="a",
        version="1",
        fabric_kind="simulated",
        accelerated=False,
        data_addresses=(),
    )


def stored(store):
    with store.reading() as tx:
        return tx.statuses.get("m1")


def test_a_vault_that_starts_has_no_connections(store, facts):
    facts.start()
    with store.reading() as tx:
        assert not any(appliance.connected for appliance in tx.appliances.list())


@pytest.mark.parametrize(("elsewhere", "seconds"), [(None, 60), (lambda _appliance_id: False, 20)])
def test_figures_are_written_so_often_as_other_processes_need_them_but_known_at_once(
    store, heard, clock, elsewhere, seconds
):
    facts: Any = Intake(store, partial(told_of_machines, heard), clock, elsewhere)
    facts.connected(hello())
    facts.status("appliance-a", Status(sources=(source_status(last_seq=1),)))
    clock.now += timedelta(seconds=seconds - 1)
    facts.status("appliance-a", Status(sources=(source_status(last_seq=2),)))
    assert (stored(store).source.last_seq, heard) == (1, ["machine/m1"])
    with store.reading() as tx:
        assert facts.latest(tx, "m1").source.last_seq == 2
    clock.now += timedelta(seconds=1)
    facts.status("appliance-a", Status(sources=(source_status(last_seq=3),)))
    assert (stored(store).source.last_seq, heard) == (3, ["machine/m1"])


@pytest.mark.parametrize("power", ["running", "off"])
def test_that_a_source_runs_although_its_machine_was_failed_over_outlives_the_vault(
    store, facts, clock, power
):
    facts.connected(hello())
    facts.status("appliance-a", Status(sources=(source_status(power=power, last_seq=1),)))
    with store.transaction() as tx:
        left = tx.machines.put(
            dataclasses.replace(tx.machines.get("m1"), state=State.FAILED_OVER, failed_over_at=clock.now)
        )
    for seconds in (6, 6):
        clock.now += timedelta(seconds=seconds)
        facts.status("appliance-a", Status(sources=(source_status(power=power, last_seq=2),)))
    killed = situation(machine=left, status=stored(store))
    assert codes(killed) == (["source-running-after-failover"] if power == "running" else [])
    assert stored(store).source.last_seq == (2 if power == "running" else 1), (
        "others are not written more often"
    )


def test_a_change_of_substance_is_written_and_told_at_once(store, facts, heard):
    facts.status("appliance-b", Status(replicas=(replica_status(),)))
    facts.status("appliance-b", Status(replicas=(replica_status(points=[point(1)]),)))
    assert stored(store).replica.synchronized
    assert heard == ["machine/m1", "machine/m1"]


def test_a_clock_that_differs_is_named_with_its_seconds_since_it_did_and_until_it_does_no_more(
    store, facts, clock
):
    def said():
        with store.reading() as tx:
            found = facts.latest(tx, "m1").source.findings
        return [(finding.what, finding.since) for finding in found if finding.code == "clock-skew"]

    facts.status("appliance-a", Status(sources=(source_status(),), at=clock.now + timedelta(seconds=9)))
    assert said() == []
    facts.status("appliance-a", Status(sources=(source_status(),), at=clock.now + timedelta(hours=1)))
    clock.now += timedelta(seconds=5)
    facts.status("appliance-a", Status(sources=(source_status(),), at=clock.now + timedelta(hours=1)))
    assert said() == [("The clock of the source's appliance is 3600 s ahead of the vault's.", NOW)]
    facts.status("appliance-a", Status(sources=(source_status(),), at=clock.now - timedelta(minutes=2)))
    assert "120 s behind" in said()[0][0]
    with store.reading() as tx:
        status = facts.latest(tx, "m1")
    (found,) = findings.findings(situation(status=status), NOW)
    assert (found.code, found.said_by) == ("clock-skew", None)
    facts.status("appliance-a", Status(sources=(source_status(),), at=clock.now))
    assert said() == []


def test_what_an_appliance_says_of_clocks_is_told_as_its_words(store, facts, clock):
    claimed = FindingShape(code="clock-skew", what="Set yours back.", since=NOW)
    of_source = source_status().model_copy(update={"findings": (claimed,)})
    for ahead in (timedelta(0), timedelta(hours=1)):
        facts.status("appliance-a", Status(sources=(of_source,), at=clock.now + ahead))
        with store.reading() as tx:
            status = facts.latest(tx, "m1")
        told = {each.code: each.told for each in findings.findings(situation(status=status), NOW)}
        assert told.pop("cycle-failed") == "appliance 'x' of site a says: Set yours back."
        assert list(told) == (["clock-skew"] if ahead else [])


def test_what_was_not_written_yet_is_written_when_the_appliance_goes(store, facts):
    facts.connected(hello())
    facts.status("appliance-a", Status(sources=(source_status(last_seq=1),)))
    facts.status("appliance-a", Status(sources=(source_status(last_seq=2),)))
    facts.disconnected("appliance-a")
    assert stored(store).source.last_seq == 2
    with store.reading() as tx:
        assert not tx.appliances.find("appliance-a").connected


def test_after_a_restart_of_the_vault_the_side_that_was_left_does_not_hide_the_present_points(
    store, facts, heard, clock
):
    """The old replica is there still, and its appliance may be the first to be heard, or the only one that
    is left."""
    change(store, epoch=2, source_appliance_id="appliance-b", target_appliance_id="appliance-a")
    facts.status("appliance-a", Status(replicas=(replica_status(epoch=2, points=[point(2, 10)]),)))
    again = Intake(store, partial(told_of_machines, heard), clock)
    for _ in range(2):
        again.status("appliance-b", Status(replicas=(replica_status(epoch=1, points=[point(1, 66)]),)))
    assert stored(store).replica.epoch == 2
    with store.reading() as tx:
        shown = again.latest(tx, "m1").replica
    assert shown is not None
    assert shown.epoch == 2


@pytest.mark.parametrize("turned", [False, True], ids=["while it turns", "once it has turned"])
def test_an_older_epoch_does_not_hide_the_present_one(store, facts, turned):
    if turned:
        change(store, epoch=2, source_appliance_id="appliance-b", target_appliance_id="appliance-a")
    else:
        change(store, state=State.REPROTECTING)
    for _ in range(2):
        facts.status("appliance-b", Status(sources=(source_status(epoch=2),)))
        facts.status("appliance-a", Status(sources=(source_status(epoch=1, power="off"),)))
    assert stored(store).source.epoch == 2


def test_a_vault_that_was_restored_from_before_a_reprotect_hears_the_sides_that_it_knows(store, facts):
    """The source that it has since begun again is of an earlier epoch than the one that was left at the
    other site."""
    for _ in range(2):
        facts.status("appliance-b", Status(sources=(source_status(epoch=2, power="off"),)))
        facts.status("appliance-a", Status(sources=(source_status(epoch=1),)))
    facts.status("appliance-b", Status(sources=(source_status(epoch=2, power="off"),)))
    assert stored(store).source.epoch == 1


def test_a_reprotect_of_such_a_vault_hears_the_new_source_though_the_old_one_was_of_a_later_epoch(
    store, facts
):
    """Else it waits for its first point for ever."""
    facts.status("appliance-a", Status(sources=(source_status(epoch=3, power="off"),)))
    change(store, state=State.REPROTECTING)
    facts.status("appliance-b", Status(sources=(source_status(epoch=2),)))
    facts.status("appliance-a", Status(sources=(source_status(epoch=3, power="off"),)))
    assert stored(store).source.epoch == 2


def change(store, **changes):
    with store.transaction() as tx:
        tx.machines.put(dataclasses.replace(tx.machines.find("web01"), **changes))


def situation(put_back=False, **changes):
    """Of a machine that is at its target, with its run there, unless that was `put_back` from before its
    failover."""
    ends_at = NOW + timedelta(days=90)
    appliance = ApplianceRecord("x", "x", "a", NOW, ends_at, last_seen_at=NOW, connected=True)
    values = {
        "machine": machine(),
        "status": StatusRecord("m1", source_status(), NOW, replica_status(points=[point(1, 10)]), NOW),
        "policy": ReplicationPolicy("default", rpo_threshold_seconds=60),
        "source": appliance,
        "target": appliance,
    }
    given = Situation(**{**values, **changes})
    replica = given.status.replica
    if replica is None or put_back or given.machine.state not in findings.SHOULD_RUN:
        return given
    runs = replica.model_copy(update={"runs": ("failover",)})
    return dataclasses.replace(given, status=dataclasses.replace(given.status, replica=runs))


def codes(given, now=NOW):
    return [finding.code for finding in findings.findings(given, now)]


def test_a_machine_with_a_young_point_is_healthy():
    assert codes(situation()) == []
    assert findings.overall(machine(), ()) is Health.HEALTHY


def test_an_old_point_exceeds_the_rpo_since_the_threshold_was_passed():
    found = findings.findings(situation(), NOW + timedelta(seconds=85))
    assert [(finding.code, finding.since) for finding in found] == [
        ("rpo-exceeded", NOW + timedelta(seconds=50))
    ]


def test_a_machine_whose_points_are_all_damaged_exceeds_the_rpo_since_the_newest_and_not_since_it_was_made():
    damaged = point(1, 10).model_copy(update={"damaged": ("vda",)})
    status = dataclasses.replace(situation().status, replica=replica_status(points=[damaged]))
    [found] = [
        each for each in findings.findings(situation(status=status), NOW) if each.code == "rpo-exceeded"
    ]
    assert (found.since, "All recovery points are damaged" in found.what) == (damaged.taken_at, True)


@pytest.mark.parametrize("unheard", ["source_at", "replica_at"])
def test_a_vault_that_has_just_started_says_that_a_point_is_old_once_both_sides_have_spoken(unheard):
    """It was killed; what it does not know yet may be that the machine is off, or that there is a newer
    point."""
    started = NOW + timedelta(seconds=100)
    heard = situation().status
    heard = dataclasses.replace(heard, source_at=started, replica_at=started)
    silent = dataclasses.replace(heard, **{unheard: NOW})

    def at(seconds, status):
        return codes(situation(status=status, listens_since=started), started + timedelta(seconds=seconds))

    assert at(1, silent) == []
    assert at(1, heard) == ["rpo-exceeded"]


def test_a_side_that_does_not_speak_hides_no_old_point_for_long():
    started = NOW + timedelta(seconds=25)
    given = situation(listens_since=started)
    found = [codes(given, started + findings.SPOKEN_WITHIN * share) for share in (0, 0.9, 1, 2)]
    assert found == [[], [], ["rpo-exceeded"], ["rpo-exceeded"]]


def test_a_clock_that_is_set_back_after_the_start_hides_no_old_point():
    assert codes(situation(listens_since=NOW + timedelta(days=1)), NOW + timedelta(seconds=85)) == [
        "rpo-exceeded"
    ]


def test_a_machine_that_is_off_and_whose_last_change_was_sent_keeps_its_rpo():
    now = NOW + timedelta(seconds=85)
    off = source_status(power="off", sent_at=now, last_seq=1)
    status = dataclasses.replace(situation().status, source=off)
    assert codes(situation(status=status), now) == []


def test_an_appliance_that_is_away_is_a_finding_but_not_at_a_site_that_was_left():
    ends_at = NOW + timedelta(days=90)
    away = ApplianceRecord("x", "x", "a", NOW, ends_at, last_seen_at=NOW, connected=False)
    assert codes(situation(source=away, target=away)) == ["appliance-unreachable"] * 2
    left = machine(state=State.COMMITTED)
    off = dataclasses.replace(situation().status, source=source_status(power="off"))
    assert codes(situation(machine=left, source=away, status=off)) == []


@pytest.mark.parametrize("side", ["source_at", "replica_at"])
def test_an_appliance_that_is_connected_and_says_nothing_of_the_machine_has_forgotten_it(side):
    """Its database was lost: nothing is replicated, and for as long as the RPO's threshold nothing else
    would tell."""
    now = NOW + timedelta(seconds=100)
    spoke = dataclasses.replace(situation().status, source_at=now, replica_at=now)
    silent, fresh = dataclasses.replace(spoke, **{side: NOW}), ReplicationPolicy("default")
    assert codes(situation(status=spoke, policy=fresh), now) == []
    assert codes(situation(status=silent, policy=fresh), now) == ["forgotten"]
    assert codes(situation(status=silent, policy=fresh, listens_since=now), now) == [], "it was not asked yet"
    left = machine(state=State.DISABLE_FAILED)
    assert codes(situation(machine=left, status=silent, policy=fresh), now) == [], "nor need it know it"


def test_the_machine_is_looked_at_again_when_its_appliance_may_be_silent_for_too_long():
    given = situation(policy=ReplicationPolicy("default"))
    assert findings.steady_until(given, NOW) == NOW + findings.SILENT
    assert findings.steady_until(given, NOW + findings.SILENT * 2) is None


def test_a_source_that_runs_after_the_failover_is_critical():
    left = machine(state=State.FAILED_OVER, failed_over_at=NOW - timedelta(seconds=5))
    assert codes(situation(machine=left)) == ["not-protected", "source-running-after-failover"]
    before = dataclasses.replace(situation().status, source_at=NOW - timedelta(minutes=1))
    assert codes(situation(machine=left, status=before)) == ["not-protected"]


def test_of_a_source_that_runs_while_the_failed_over_machine_is_off_it_is_told_that_nothing_else_runs():
    left = machine(state=State.COMMITTED, failed_over_at=NOW - timedelta(seconds=5))
    off = FindingShape(code="failed-over-machine-off", what="web01 is off.", since=NOW)
    replica = situation().status.replica.model_copy(update={"findings": (off,), "runs": ("failover",)})
    status = dataclasses.replace(situation().status, replica=replica)
    told = {each.code: each.do for each in findings.findings(situation(machine=left, status=status), NOW)}
    assert "is the only one that runs" in told["source-running-after-failover"]


AT_ITS_TARGET = (State.FAILED_OVER, State.PLANNED_FAILED_OVER, State.COMMITTED)


@pytest.mark.parametrize("state", AT_ITS_TARGET)
def test_a_machine_that_its_target_knows_no_failover_of_runs_nowhere(state):
    """Its store was put back, or a start from another point failed: the appliance has nothing that it
    could look for."""
    left = machine(state=state, failed_over_at=NOW - timedelta(seconds=5))
    off = dataclasses.replace(situation().status, source=source_status(power="off"))
    found = {each.code: each for each in findings.findings(situation(True, machine=left, status=off), NOW)}
    told = found["failed-over-machine-missing"]
    assert "knows of no failover" in told.what
    assert ("cancel-failover web01" in told.do) is (state is State.PLANNED_FAILED_OVER)
    assert ("change-recovery-point web01" in told.do) is (state is not State.COMMITTED)
    assert "with what it wrote there" not in told.do
    assert findings.steady_until(situation(True, machine=left, status=off), NOW) is None
    assert "failed-over-machine-missing" not in codes(situation(machine=left, status=off))


@pytest.mark.parametrize(
    "changes",
    [
        {"failed_over_at": NOW},
        {"state": State.CHANGING_RECOVERY_POINT},
        {"state": State.COMMITTED, "home_site": "b"},
        {"epoch": 2},
    ],
    ids=["not heard since", "while it changes", "home on its own disks", "of another epoch"],
)
def test_what_a_target_says_of_another_time_tells_nothing_of_where_a_machine_runs(changes):
    left = machine(**{"state": State.FAILED_OVER, "failed_over_at": NOW - timedelta(seconds=5), **changes})
    assert "failed-over-machine-missing" not in codes(situation(True, machine=left))


def since_when(left, **said):
    status = dataclasses.replace(situation().status, **said)
    found = {each.code: each for each in findings.findings(situation(machine=left, status=status), NOW)}
    return found["source-running-after-failover"].since


def test_a_second_copy_is_one_since_it_was_started_and_one_that_never_went_off_since_the_failover():
    """By the failover's time nobody found out who had started it."""
    away, started = NOW - timedelta(minutes=9), NOW - timedelta(minutes=2)
    left = machine(state=State.FAILED_OVER, failed_over_at=away)
    assert since_when(left) == away
    assert since_when(left, source=source_status(on_since=started)) == started
    assert since_when(left, source=source_status(on_since=away - timedelta(days=1))) == away
    copy = OldCopyStatus(machine_id=left.id, power="paused", on_since=started)
    assert since_when(left, source=None, old_copy=copy, old_copy_at=NOW) == started
    off = OldCopyStatus(machine_id=left.id, power="off")
    assert since_when(left, old_copy=off, old_copy_at=NOW) == away


@pytest.mark.parametrize(
    ("power", "how"), [("elsewhere", "on another host"), ("paused", "is paused at site a")]
)
def test_an_old_copy_that_its_owner_migrated_or_paused_is_a_second_copy_too(power, how):
    left = machine(state=State.FAILED_OVER, failed_over_at=NOW - timedelta(seconds=5))
    status = dataclasses.replace(situation().status, source=source_status(power=power))
    found = {each.code: each for each in findings.findings(situation(machine=left, status=status), NOW)}
    assert found.keys() == {"not-protected", "source-running-after-failover"}
    assert how in found["source-running-after-failover"].what


@pytest.mark.parametrize(
    "state", [State.PROTECTED, State.FAILOVER_FAILED, State.FAILING_OVER, State.CANCEL_FAILED]
)
def test_a_second_copy_is_critical_in_every_state(state):
    """What the target's appliance runs counts, whatever the vault believes, if it was ever told to start
    it."""
    status, ordered = situation().status, machine(state=state, start_ordered=True)
    running = dataclasses.replace(status, replica=status.replica.model_copy(update={"runs": ("failover",)}))
    assert "source-running-after-failover" in codes(situation(machine=ordered, status=running))
    drill = dataclasses.replace(status, replica=status.replica.model_copy(update={"runs": ("drill",)}))
    assert "source-running-after-failover" not in codes(situation(machine=ordered, status=drill))
    older = dataclasses.replace(running, replica=running.replica.model_copy(update={"epoch": 0}))
    assert "source-running-after-failover" not in codes(situation(machine=ordered, status=older))


@pytest.mark.parametrize(
    "state", [State.PROTECTED, State.FAILOVER_FAILED, State.FAILING_OVER, State.CANCEL_FAILED]
)
def test_by_a_targets_word_alone_nobody_is_told_to_stop_what_runs_at_the_source(state):
    status = situation().status
    running = dataclasses.replace(status, replica=status.replica.model_copy(update={"runs": ("failover",)}))
    found = {
        each.code: each
        for each in findings.findings(situation(machine=machine(state=state), status=running), NOW)
    }
    assert "source-running-after-failover" not in found
    assert "find out at both sites" in found["record-is-behind"].what
    assert "virsh shutdown" not in " ".join(each.kind.do for each in found.values())


@pytest.mark.parametrize(
    "code",
    ["source-running-after-failover", "record-is-behind", "rpo-exceeded", "drifted", "seed-x"],
)
def test_what_an_appliance_has_no_way_to_know_is_told_as_its_words_and_brings_no_advice_of_ours(code):
    said = FindingShape(code=code, what="Stop it at site a.", since=NOW)
    status = situation().status
    status = dataclasses.replace(status, replica=status.replica.model_copy(update={"findings": (said,)}))
    (found,) = findings.findings(situation(status=status), NOW)
    assert (found.code, found.said_by) == ("cycle-failed", "appliance 'x' of site b")
    assert found.told == "appliance 'x' of site b says: Stop it at site a."


def test_what_is_not_the_vaults_to_find_is_what_appliances_name():
    """Who finds it stands in the catalogue: one that is forgotten there is either believed of anybody, or
    never told."""
    rooms = [
        Path(secondsite.__file__).parent / room for room in ("appliance", "fabrics", "datapath", "ground")
    ]
    texts = [each.read_text() for room in rooms for each in room.rglob("*.py")]
    named = {code for code in catalogue.CATALOGUE for text in texts if f'"{code}"' in text}
    assert named == {code for code, kind in catalogue.CATALOGUE.items() if not kind.by_vault}


def test_a_point_that_is_a_command_is_no_point_of_a_status():
    for odd in ("$(touch${IFS}/tmp/x)", "p1; reboot", "a b", "", "-p1", "x'y", "p1\n"):
        with pytest.raises(ValueError, match="pattern"):
            point(1, 10).model_validate({**point(1, 10).model_dump(), "id": odd})


@pytest.mark.parametrize(
    ("committed", "epoch", "way"),
    [
        (False, 1, "planned-failover web01' is refused, and names the point"),
        (True, 1, "failover web01 --point p1' takes it over as it runs, then 'machine commit'."),
        (True, 2, "then 'machine commit', and, since it is replicated back already, reprotect."),
    ],
)
def test_a_vault_from_before_a_failover_says_so_and_names_the_way_on(committed, epoch, way):
    there = point(1, 10).model_copy(update={"committed": committed})
    replica = replica_status(points=[there]).model_copy(update={"runs": ("failover",)})
    off = source_status(power="off", epoch=epoch)
    status = dataclasses.replace(situation().status, source=off, replica=replica)
    (found,) = (
        each for each in findings.findings(situation(status=status), NOW) if each.code == "record-is-behind"
    )
    assert way in found.what
    known = [machine(start_ordered=True), machine(state=State.FAILED_OVER), machine(epoch=2)]
    assert not any("record-is-behind" in codes(situation(machine=each, status=status)) for each in known)


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        (True, True, ""),
        (True, False, "This was last heard before b stopped answering, and may be otherwise by now."),
        (False, False, "This was last heard before a and b stopped answering, and may be otherwise by now."),
    ],
)
def test_what_a_dark_site_said_of_a_failover_is_told_as_what_was_last_heard(source, target, said):
    replica = replica_status(points=[point(1, 10)]).model_copy(update={"runs": ("failover",)})
    status = dataclasses.replace(situation().status, source=source_status(power="off"), replica=replica)
    seen = situation(status=status)
    sides = {
        "source": dataclasses.replace(seen.source, site="a", connected=source),
        "target": dataclasses.replace(seen.target, site="b", connected=target),
    }
    found = findings.findings(dataclasses.replace(seen, **sides), NOW)
    (told,) = (each.what for each in found if each.code == "record-is-behind")
    assert told.startswith(
        f"{said} Machine 'web01' was failed over" if said else "Machine 'web01' was failed over"
    )


def test_a_second_copy_that_its_appliance_reports_too_is_one_finding():
    said = FindingShape(code="source-running-after-failover", what="web01 runs here.", since=NOW)
    status = situation().status
    status = dataclasses.replace(status, source=status.source.model_copy(update={"findings": (said,)}))
    left = machine(state=State.FAILED_OVER, failed_over_at=NOW - timedelta(seconds=5))
    assert codes(situation(machine=left, status=status)) == ["not-protected", "source-running-after-failover"]


def test_an_old_copy_that_an_undone_reprotect_left_is_a_second_copy_when_it_runs(store, facts, heard):
    """No source stands for it. What the target says of it, or of the way back that was undone, does not
    count."""
    left = machine(state=State.COMMITTED, failed_over_at=NOW - timedelta(seconds=5))
    undone = dataclasses.replace(situation().status, source=source_status(epoch=2))
    assert codes(situation(machine=left, status=undone)) == ["not-protected"]
    for appliance in ("appliance-b", "appliance-a"):
        old = OldCopyStatus(machine_id="m1", power="running" if appliance == "appliance-a" else "paused")
        for _ in range(2):
            facts.status(appliance, Status(old_copies=(old,)))
    assert heard == ["machine/m1"]
    facts.status("appliance-a", Status(sources=(source_status(epoch=2),)))
    facts.status("appliance-b", Status(replicas=(replica_status(),)))
    with store.reading() as tx:
        seen = (facts.latest(tx, "m1"), tx.statuses.get("m1"))
    for status in seen:
        assert codes(situation(machine=left, status=status)) == [
            "not-protected",
            "source-running-after-failover",
        ]
    again = dataclasses.replace(left, failed_over_at=NOW + timedelta(days=1))
    assert "source-running-after-failover" not in codes(situation(machine=again, status=seen[0]))


@pytest.mark.parametrize(
    "state", [State.FAILOVER_FAILED, State.CANCEL_FAILED, State.FAILING_OVER, State.CANCELLING]
)
def test_the_only_copy_that_runs_is_no_second_one_whatever_its_appliance_says_of_the_failover(state):
    """Its start at the second site failed, and the advice was to shut down the machine that people use."""
    said = FindingShape(code="source-running-after-failover", what="web01 runs here.", since=NOW)
    status = situation().status
    status = dataclasses.replace(status, source=status.source.model_copy(update={"findings": (said,)}))
    dark = dataclasses.replace(situation().target, connected=False)

    def is_told(**given):
        return "source-running-after-failover" in codes(situation(**{"status": status, **given}))

    ordered, unordered = machine(state=state, start_ordered=True), machine(state=state)
    assert not is_told(machine=ordered)
    assert not is_told(machine=unordered, target=dark)
    assert is_told(machine=ordered, target=dark), "it may run there: nobody can tell"
    runs = status.replica.model_copy(update={"runs": ("failover",)})
    assert is_told(machine=ordered, status=dataclasses.replace(status, replica=runs))


def test_a_cancel_that_failed_is_a_finding():
    assert "cancel-failed" in codes(situation(machine=machine(state=State.CANCEL_FAILED)))


def test_a_failover_that_failed_is_critical_and_tells_what_is_known_of_the_source():
    """Its source may be off, and nothing else said so."""
    left = machine(state=State.FAILOVER_FAILED)
    status = dataclasses.replace(situation().status, source=source_status(power="off"))
    (found,) = findings.findings(situation(machine=left, status=status), NOW)
    assert (found.code, found.kind.severity) == ("failover-failed", "critical")
    assert found.what.endswith("at site a it was last seen off.")
    fenced = dataclasses.replace(status, source=source_status(power="running", fenced=True))
    (found,) = findings.findings(situation(machine=left, status=fenced), NOW)
    assert "'secondsite machine cancel-failover web01'" in found.what
    assert found.what.endswith("it does not start at site a, nor with its host.")
    unknown = dataclasses.replace(status, source=None)
    (found,) = findings.findings(situation(machine=left, status=unknown), NOW)
    assert found.what.endswith("whether it runs at site a is not known.")
    assert findings.overall(left, (found,)) is Health.CRITICAL


def test_what_the_appliances_report_is_shown_even_if_this_vault_has_no_word_for_it():
    findings = (
        FindingShape(code="peer-unreachable", what="no", since=NOW),
        FindingShape(code="new", what="x", since=NOW),
    )
    status = dataclasses.replace(situation().status, source=source_status(findings=findings))
    assert codes(situation(status=status)) == ["cycle-failed", "peer-unreachable"]


def test_a_machine_is_active_where_it_should_run():
    assert findings.active_site(machine()) == "a"
    assert findings.active_site(machine(state=State.FAILED_OVER)) == "b"
    assert findings.active_site(machine(state=State.DISABLING, failed_over_point_id="p1")) == "b"
    shape = machine_shapes.protected(situation(machine=machine(home_site="b")), (), NOW)
    assert (shape.direction, shape.rpo.seconds, shape.points.count) == ("reverse", 10.0, 1)


class Cleanup:
    def __init__(self, refuse=False):
        self.requests = []
        self.refuse = refuse

    def submit(self, tx, request, requested_by):
        self.requests.append(request)
        if self.refuse:
            raise errors.NotPossibleNow("no")
        return JobAccepted(job_id="j1")


def lived(store, clock):
    """That of a vault which nobody has set the clock of."""
    with store.transaction() as tx:
        tx.lived.put(NOW)
    return LivedClock(clock, lambda: clock.now.timestamp())


@pytest.mark.parametrize("refuse", [False, True])
def test_a_drill_that_is_open_for_two_weeks_is_cleaned_up(store, facts, clock, refuse):
    drill = DrillRecord("p1", "f", "web01-test", None, False, NOW, "j0")
    with store.transaction() as tx:
        tx.machines.put(dataclasses.replace(machine(), drill=drill, drill_state=DrillState.RUNNING))
    cleanup = Cleanup(refuse)
    housekeeping = Housekeeping(store, facts, {Verb.CLEANUP_TEST_FAILOVER: cleanup}, lived(store, clock))
    housekeeping.follow()
    clock.now = NOW + timedelta(days=13, hours=23)
    housekeeping.look()
    assert cleanup.requests == []
    clock.now = NOW + timedelta(days=14)
    housekeeping.look()
    housekeeping.look()
    assert [request.machines for request in cleanup.requests] == [("m1",)]
    assert "14 days" in cleanup.requests[0].notes
    clock.now += timedelta(hours=1)
    housekeeping.look()
    assert len(cleanup.requests) == 2


def test_machines_without_a_drill_are_not_read(store, facts, clock):
    with store.transaction() as tx:
        for number in range(30):
            tx.machines.add(machine(f"id{number}", f"id{number}"))
        asked = statements.noted(tx.session.get_bind().engine)
    Housekeeping(store, facts, {}, lived(store, clock)).look()
    assert asked
    assert not [each for each in asked if "machines.definition" in each]


@pytest.mark.parametrize(("days_left", "told"), [(31, False), (28, False), (26, True), (-1, True)])
def test_a_certificate_that_was_not_renewed_is_told_of_a_month_before_its_end(days_left, told):
    late = ApplianceRecord(
        "x",
        "rome-1",
        "b",
        NOW - timedelta(days=60),
        NOW + timedelta(days=days_left),
        last_seen_at=NOW,
        connected=True,
    )
    assert ("certificate-not-renewed" in codes(situation(target=late))) == told


@pytest.mark.parametrize(("days_left", "told"), [(91, False), (89, True), (-1, True)])
def test_the_end_of_the_cas_own_certificate_is_told_of_90_days_before(days_left, told):
    assert ("ca-ends" in codes(situation(ca_ends_at=NOW + timedelta(days=days_left)))) == told


def test_a_certificate_of_a_day_is_not_told_of_while_it_is_renewed_in_time():
    fresh = ApplianceRecord(
        "x", "rome-1", "b", NOW, NOW + timedelta(hours=9), last_seen_at=NOW, connected=True
    )
    assert codes(situation(target=fresh, source=fresh, certificate_lifetime=timedelta(days=1))) == []
