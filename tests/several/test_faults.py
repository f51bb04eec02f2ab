"""One of two vault processes dies, stops or is cut off in the midst of a batch: the other goes on, and
nothing is done twice."""

import contextlib
import os
import signal

import pytest

from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.domain.lifecycle import Verb
from secondsite.wire import rest
from tests.several.support_several import seconds_until

pytestmark = [pytest.mark.every(parts=2), pytest.mark.slow, pytest.mark.longest, pytest.mark.timeout(400)]

MACHINES = tuple(f"vm{number:02}" for number in range(12))
GOES_ON_SECONDS = 20
"""Ten, on a host that has nothing else to do."""
LEASE_SECONDS = 5.0


@pytest.fixture
def vaults(several):
    several.open(MACHINES)
    return several


class Batch:
    """All machines fail over, as `asked` is told; watched through `watched`."""

    def __init__(self, vaults, asked, watched):
        self.vaults, self.watched = vaults, watched
        request = rest.PlannedFailover(machines=MACHINES)
        self.job_id = vaults.start(asked, Verb.PLANNED_FAILOVER, request).id
        eventually(self.done, 180)

    def done(self):
        """How many machines have arrived; None if nobody says it."""
        with contextlib.suppress(errors.VaultUnreachable, errors.StoreUnavailable):
            with self.vaults.client(self.watched) as vault:
                return sum(each.state == "planned_failed_over" for each in vault.machines)
        return None

    def goes_on_within(self, fault):
        before = self.done()
        assert before < len(MACHINES), "the fault would come too late"
        wanted = min(before + 2, len(MACHINES))  # whoever looks late has seen nearly all of them arrive
        seconds = seconds_until(lambda: (self.done() or 0) >= wanted, 60)
        print(f"{fault}: {before} of {len(MACHINES)} had arrived; the next two within {seconds:.1f} s")
        assert seconds < GOES_ON_SECONDS
        return seconds

    def ends_with_each_effect_once(self):
        seconds = seconds_until(lambda: self.vaults.ended(self.watched, self.job_id))
        print(f"all had arrived {seconds:.1f} s after that")
        assert {name: self.vaults.copies(name) for name in MACHINES} == {name: ["b"] for name in MACHINES}
        counted = self.vaults.carried_out("a") + self.vaults.carried_out("b")
        assert {order: times for order, times in counted.items() if times > 1} == {}


@pytest.mark.parametrize("victim", ["first", "second"])
def test_one_is_killed_and_the_other_ends_all_its_jobs(vaults, victim):
    survivor = vaults.other(victim)
    vaults.gather(victim)
    batch = Batch(vaults, asked=victim, watched=survivor)
    vaults.vaults[victim].kill()
    batch.goes_on_within(f"{victim} killed")
    batch.ends_with_each_effect_once()
    assert {vaults.holder("a"), vaults.holder("b")} == {survivor}


def test_one_that_stood_still_for_longer_than_its_lease_writes_nothing_of_what_it_began(vaults):
    victim = vaults.holder("b")
    vaults.gather(victim)
    batch = Batch(vaults, asked=victim, watched=vaults.other(victim))
    os.kill(vaults.vaults[victim].pid, signal.SIGSTOP)
    batch.goes_on_within("stopped")
    eventually(lambda: vaults.holder("b") != victim, 20)
    os.kill(vaults.vaults[victim].pid, signal.SIGCONT)
    batch.ends_with_each_effect_once()
    eventually(lambda: vaults.ready(victim) == 200, 30)
    with vaults.client(victim) as one, vaults.client(vaults.other(victim)) as other:
        assert {each.name: each.state for each in one.machines} == {
            each.name: each.state for each in other.machines
        }
        assert all(each.connected for each in one.appliances)


@pytest.mark.parametrize("how", ["silent", "cut"])
def test_one_that_lost_its_database_sends_appliances_and_callers_away(vaults, how):
    victim = vaults.holder("b")
    survivor = vaults.other(victim)
    vaults.gather(victim)
    batch = Batch(vaults, asked=survivor, watched=survivor)
    line = vaults.lines[victim]
    if how == "silent":
        line.moving.clear()
    else:
        line.cut()
    batch.goes_on_within(f"database {how}")
    moved = seconds_until(lambda: {vaults.holder("a"), vaults.holder("b")} == {survivor}, 20)
    print(f"database {how}: appliances had moved {moved:.1f} s later")
    eventually(lambda: vaults.ready(victim) == 503, 10)
    with vaults.client(victim) as vault, pytest.raises(errors.StoreUnavailable) as refused:
        vault.sites["a"].show()
    assert "another of the vault's processes" in refused.value.do
    batch.ends_with_each_effect_once()
    line.up = True
    line.moving.set()
    eventually(lambda: vaults.ready(victim) == 200, 30)
    with vaults.client(victim) as vault:
        assert all(each.connected for each in vault.appliances)


def test_postgresql_is_restarted_and_both_go_on(vaults):
    batch = Batch(vaults, asked="first", watched="second")
    vaults.postgres.stop(signal.SIGQUIT)
    vaults.postgres.start()
    batch.goes_on_within("PostgreSQL restarted")
    batch.ends_with_each_effect_once()
