"""Which machine has the next cycle when there is more to do than is done in time."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from rig.appliances import Pair, policy
from rig.eventually import eventually
from rig.noise import noise
from secondsite.appliance.shared import FairTurns, Peers, State
from secondsite.appliance.source import Replication, machine
from secondsite.appliance.source import progress as progresses
from secondsite.appliance.source.idle import Rounds
from secondsite.appliance.source.machine import Source
from secondsite.fabrics.interface import AcknowledgedDisks, Fabric, PowerState, Unwritten
from secondsite.wire.common.sync_mode import SyncMode
from secondsite.wire.control.setups import SourceSetup
from tests.support.instants import now, until_processed

Made = Callable[..., Source]


@pytest.fixture
def made(tmp_path) -> Iterator[Made]:
    """Sources that are whole at their target, by the pause of their policy and how long ago they were
    served."""
    state = State(tmp_path / "state.db")

    def make(cycle_seconds: float, served_seconds_ago: float, **of_policy: float) -> Source:
        setup = SourceSetup(
            machine_id="m1", machine_name="web01", fabric_id="f1", epoch=1, disks=("vda",),
            target_appliance_id="b",
            target_addresses=("127.0.0.1:1",), sync=SyncMode.COPY,
            policy=policy(cycle_seconds=cycle_seconds,
            **{"crash_consistent_every_seconds": 300, **of_policy}),
        )  # fmt: skip
        progress = progresses.fresh(setup).model_copy(update={"passes": {}, "point_at": datetime.now(UTC)})
        source = Source(setup, progress, state)
        source.started = time.monotonic() - served_seconds_ago
        source.looked = time.monotonic()
        source.saw(PowerState.RUNNING)
        return source

    yield make
    state.close()


def rest(source: Source) -> Source:
    source.tidy = True
    source.rested(datetime.now(UTC), time.monotonic())
    return source


def test_a_cycle_is_not_due_before_the_pause_and_then_late_by_its_share(made):
    assert made(5, served_seconds_ago=4).late is None
    assert made(5, served_seconds_ago=10).late == pytest.approx(1, abs=0.1)
    assert made(300, served_seconds_ago=330).late == pytest.approx(0.1, abs=0.01)


def test_a_machine_with_a_short_pause_goes_before_one_that_is_later_by_the_clock_alone(made):
    short, long = made(5, served_seconds_ago=10), made(300, served_seconds_ago=330)
    assert short.late is not None
    assert long.late is not None
    assert short.late > long.late


def test_a_machine_that_hurries_or_was_never_served_goes_first(made):
    hurried = made(300, served_seconds_ago=1)
    hurried.hurry()
    assert hurried.late == math.inf


def test_a_machine_whose_disks_prove_nothing_is_compared_for_a_share_of_the_time_until_it_is_started(
    made, monkeypatch
):
    source = made(5, served_seconds_ago=10)
    source.saw(PowerState.OFF)
    source.compared()
    assert source.late is not None, "what was no comparison at rest lets nobody wait"
    source.compares_at_rest()
    assert source.late is not None, "its views follow one another"
    monkeypatch.setattr(machine, "COMPARED_AGAIN", 1e12)
    source.compared()
    assert source.late is None
    source.saw(PowerState.RUNNING)
    assert source.late is not None


def test_a_machine_that_rests_needs_no_cycle_of_its_own_before_its_look_is_due(made):
    source = rest(made(5, served_seconds_ago=100))
    source.started -= 100
    assert source.late is None
    source.looked -= 2 * machine.LONGEST_REST_SECONDS
    assert source.late is not None
    assert source.late > 0.5
    assert source.may_rest


@pytest.mark.parametrize("point_at", [None, timedelta(days=1), timedelta(seconds=-301)])
def test_a_machine_that_rests_needs_one_for_a_point_also_where_nobody_knows_when_the_last_was(made, point_at):
    source = rest(made(5, served_seconds_ago=1))
    at = None if point_at is None else datetime.now(UTC) + point_at
    source.progress = source.progress.model_copy(update={"point_at": at})
    assert source.late is not None
    assert source.point_due(datetime.now(UTC))


def test_a_paused_machine_is_never_late(made):
    source = made(5, served_seconds_ago=100)
    source.progress = source.progress.model_copy(update={"paused": True})
    assert source.late is None


@pytest.mark.slow
def test_a_machine_whose_own_look_is_late_is_told_of_all_the_same(pair, monkeypatch):
    """With 900 machines that rested such looks came minutes late, and the second site was as old."""
    pair.protect().synchronized()
    source = pair.source.appliance.replication.get(pair.machine_id)
    eventually(lambda: source.rests, 20)
    with monkeypatch.context() as busy:
        busy.setattr(Replication, "_serve", lambda *_: time.sleep(0.01))
        busy.setattr(source, "_longest_rest_seconds", 0.01)
        for _ in range(3):
            until_processed(pair, now())
        assert source.late is not None
        pair.source.write(pair.fabric_id, 0, noise(4096))
        eventually(lambda: not source.rests, 20)
    until_processed(pair, now())
    assert pair.point_bytes(pair.point_now()) == pair.source.read(pair.fabric_id)


@pytest.mark.slow
def test_a_machine_that_writes_has_its_cycles_although_rounds_of_others_never_end(make_site, monkeypatch):
    """As with a worker busy with whole disks, and so many that rest that one round is due when another
    ends."""
    a, b = make_site("a", cycles_at_once=1).start(), make_site("b").start()
    rests, writes = (Pair(a, b, a.make_machine(name), name=name).protect() for name in ("web1", "web2"))
    for pair in (rests, writes):
        pair.synchronized()
    source = a.appliance.replication.get(rests.machine_id)
    eventually(lambda: source.rests, 20)
    ask = a.fabric.tracking.all_unwritten

    def busy(asked: Sequence[AcknowledgedDisks]) -> Mapping[str, Unwritten]:
        time.sleep(1.5 * source.pause_seconds)
        found: Mapping[str, Unwritten] = ask(asked)
        return found

    monkeypatch.setattr(a.fabric.tracking, "all_unwritten", busy)
    until_processed(rests, now())
    for _ in range(3):
        a.write(writes.fabric_id, 0, noise(4096))
        until_processed(writes, now())
    until_processed(rests, now())
    assert writes.point_bytes(writes.point_now()) == a.read(writes.fabric_id)


@pytest.mark.parametrize(("other_due_in_seconds", "is_woken"), [(60, False), (0.5, True)])
def test_a_round_wakes_another_worker_only_if_a_machine_beside_it_is_due_soon(
    made, other_due_in_seconds, is_woken
):
    """To wake one for each round of one machine was a tenth of what that took."""
    resting = rest(made(5, served_seconds_ago=0))
    resting.started -= 10
    beside = made(300, served_seconds_ago=300 - other_due_in_seconds)
    beside.setup = beside.setup.model_copy(update={"machine_id": "m2"})
    wakes: list[str] = []
    nobody = Rounds(Fabric, Peers, FairTurns(1), lambda _: None, lambda _, __: None)  # type: ignore[arg-type]
    # Nothing can be asked of classes: a round that failed is one.
    assert nobody.serve([resting, beside], lambda: wakes.append("woken"))
    assert bool(wakes) is is_woken
