"""An appliance that does not replicate yet, or no more, keeps an old copy from starting before it does
anything else to it."""

import uuid

import pytest

from rig import dying
from rig.appliances.pair import policy
from secondsite.appliance.process import Appliance
from secondsite.fabrics.interface import PowerState
from secondsite.ground import seams
from secondsite.wire.common.sync_mode import SyncMode
from secondsite.wire.control import Order
from secondsite.wire.control.orders import Kind, StopReplication, Withdraw
from secondsite.wire.control.setups import SourceSetup

MACHINE = uuid.uuid4().hex


@pytest.fixture
def site(make_site):
    """Nothing of its appliance works by itself."""
    return make_site("a")


@pytest.fixture
def appliance(site):
    made = Appliance(site.config, site.fabric)
    yield made
    made.desk.stop()
    made.state.close()


@pytest.fixture
def fabric_id(site):
    found = site.make_machine()
    site.fabric.tracking.enable(found, MACHINE)
    return found


def ordered(appliance, kind, payload):
    body = payload.model_dump(mode="json")
    return appliance.perform(Order(order_id=uuid.uuid4().hex, kind=kind, machine_id=MACHINE, payload=body))


def test_an_old_copy_that_runs_where_nothing_is_replicated_is_fenced_when_it_is_not_let_go(
    site, appliance, fabric_id
):
    site.fabric.power.allow_start(fabric_id, MACHINE, with_host=True)
    refused = ordered(appliance, Kind.STOP_REPLICATION, StopReplication(forget=True, given_up=True)).problem
    assert "web01 runs at this site" in refused.message
    assert site.fabric.inventory.get(fabric_id).start_forbidden
    assert not site.fabric.power.starts_with_host(fabric_id)


def test_the_power_of_an_old_copy_is_cut_behind_its_fence(site, appliance, fabric_id):
    setup = SourceSetup(
        machine_id=MACHINE, machine_name="web01", fabric_id=fabric_id, epoch=1, disks=("vda",),
        target_appliance_id="appliance-b", target_addresses=(), policy=policy(), sync=SyncMode.COPY
    )  # fmt: skip
    assert ordered(appliance, Kind.START_REPLICATION, setup).problem is None
    with seams.armed(dying.at("appliance.machine.stopped")), pytest.raises(dying.Killed):
        ordered(appliance, Kind.WITHDRAW, Withdraw(fabric_id=fabric_id))
    assert site.fabric.power.state(fabric_id) is PowerState.OFF
    assert site.fabric.inventory.get(fabric_id).start_forbidden
    assert appliance.replication.fences.find(MACHINE)


@pytest.mark.parametrize(("obeys", "told"), [
    (True, ", which ran and was shut down;"),
    (False, ", which ran and did not shut down within 1 min: its power was cut;"),
])  # fmt: skip
def test_an_old_copy_that_runs_is_asked_to_shut_down_and_told(
    site, appliance, fabric_id, monkeypatch, obeys, told
):
    power = site.fabric.power
    shut_down = power.shut_down
    monkeypatch.setattr(power, "shut_down", lambda of, grace: obeys and shut_down(of, grace))
    report = ordered(appliance, Kind.WITHDRAW, Withdraw(fabric_id=fabric_id))
    assert told in report.sentence
    assert site.fabric.inventory.get(fabric_id) is None
