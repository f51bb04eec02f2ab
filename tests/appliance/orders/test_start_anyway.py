"""The old copy of a machine that was failed over is started all the same: a person says so, this once, and
it is written down."""

import pytest

from rig.appliances.runs import fail_over
from rig.eventually import eventually
from secondsite.appliance import orders
from secondsite.appliance.shared import State
from secondsite.domain import errors
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState
from secondsite.fabrics.simulated.host.host import Host
from secondsite.ground import seams
from secondsite.wire.control.orders import Kind, ShutDown, StartAnyway

pytestmark = pytest.mark.slow


@pytest.fixture
def left(pair):
    """The machine runs at the other site; its old copy is off and fenced."""
    pair.protect().synchronized()
    pair.source.do(Kind.SHUT_DOWN, ShutDown(fabric_id=pair.fabric_id), pair.machine_id)
    fail_over(pair, pair.point_now(final=True))
    return pair


def anyway(pair):
    payload = StartAnyway(fabric_id=pair.fabric_id, by="alice")
    return pair.source.order(Kind.START_ANYWAY, payload, pair.machine_id)


def power(pair):
    return pair.source.fabric.power.state(pair.fabric_id)


def forbidden(pair):
    return Host(pair.source.root).records.need(pair.fabric_id).start_forbidden


def found(pair):
    return {finding.code: finding.what for finding in pair.source_status().findings}


def test_it_starts_once_and_the_fence_stays_and_says_who_did_it(left):
    assert anyway(left).problem is None
    assert power(left) is PowerState.RUNNING
    assert "already running" in anyway(left).sentence
    what = eventually(lambda: found(left).get("source-running-after-failover"), 30)
    assert "It was started anyway on " in what
    assert "by alice" in what
    simulated.reboot(left.source.root)
    assert power(left) is PowerState.OFF
    with pytest.raises(errors.FabricError, match="failed over"):
        left.source.fabric.power.start(left.fabric_id)


def test_a_machine_that_is_not_fenced_is_not_started_anyway(pair):
    pair.protect().synchronized()
    pair.source.fabric.power.stop(pair.fabric_id)
    problem = anyway(pair).problem
    assert problem.code == "not-possible-now"
    assert "not forbidden" in problem.message
    assert power(pair) is PowerState.OFF


def test_a_copy_whose_disks_somebody_else_writes_is_not_started_anyway(left):
    simulated.migrate_away(left.source.root, left.fabric_id)
    assert "in use elsewhere" in anyway(left).problem.message
    assert forbidden(left)


@pytest.mark.parametrize("dies", [True, False])
def test_the_fence_is_up_again_whatever_happens_to_the_start(left, dies):
    def die(name):
        if name == "appliance.fence.lifted":
            raise SystemExit("killed here")

    if dies:
        left.source.stop()
        state = State(left.source.config.state_file)
        with seams.armed(die), pytest.raises(SystemExit):
            orders.start_at_the_site(left.source.fabric, state, left.name, "alice")
        state.close()
        left.source.start()
    else:
        simulated.dial(left.source.root, [simulated.Fault(method="power.start", code="fabric-error")])
        assert anyway(left).problem.code == "fabric-error"
    eventually(lambda: forbidden(left), 10)


def test_at_the_site_it_needs_no_vault(left):
    left.source.stop()
    state = State(left.source.config.state_file)
    assert "against its fence" in orders.start_at_the_site(left.source.fabric, state, left.name, "alice")
    with pytest.raises(errors.NotFound):
        orders.start_at_the_site(left.source.fabric, state, "nosuch", "alice")
    state.close()
    assert power(left) is PowerState.RUNNING
    assert forbidden(left)
    left.source.start()
    assert "by alice" in eventually(lambda: found(left).get("source-running-after-failover"), 30)
