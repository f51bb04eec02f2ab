"""What a target takes of cycles that do not fit it: nothing, and it says why."""

import uuid
from datetime import UTC, datetime

import pytest

from rig.appliances import DISK_BYTES, Pair
from secondsite.appliance.process import Appliance
from secondsite.appliance.source.fence import REFUSALS
from secondsite.datapath.cycles import CycleDisk, CycleHeader
from secondsite.datapath.errors import CycleRefused
from secondsite.ground import usage
from secondsite.wire.control import Order
from secondsite.wire.control.orders import Kind


@pytest.fixture
def target(make_site):
    """With a new replica; nothing of the appliance works by itself."""
    site = make_site("b")
    pair = Pair(site, site, site.make_machine(running=False))
    made = Appliance(site.config, site.fabric)
    setup = pair.replica_setup(source_appliance_id="appliance-a").model_dump(mode="json")
    order = Order(
        order_id=uuid.uuid4().hex, kind=Kind.PREPARE_REPLICA, machine_id=pair.machine_id, payload=setup
    )
    assert made.perform(order).problem is None
    yield made, pair
    made.desk.stop()
    made.host.stop()
    made.state.close()


def offered(target, **changes):
    appliance, pair = target
    disks = tuple(CycleDisk(each.key, DISK_BYTES) for each in pair.definition().disks)
    values = {"machine_id": pair.machine_id, "epoch": 1, "seq": 1, "base_seq": None, "disks": disks}
    header = CycleHeader(**{**values, "taken_at": datetime.now(UTC).isoformat(), **changes})
    return appliance.admission.accept("appliance-a", header)


def refusal(target, **changes):
    with pytest.raises(CycleRefused) as refused:
        offered(target, **changes)
    return refused.value.code


def test_a_cycle_that_continues_what_is_there_is_taken(target):
    assert not offered(target).already


def test_one_that_builds_on_what_never_came_is_not(target):
    assert refusal(target, seq=6, base_seq=5) == "out-of-order"


def test_one_of_another_epoch_is_not_and_a_newer_one_fences_nothing(target):
    """The target's database was put back from before a round trip: the machine in production was forbidden to
    start, and no other copy ran."""
    assert refusal(target, epoch=0) == "wrong-epoch"
    assert refusal(target, epoch=2) == "records-behind"
    assert "wrong-epoch" in REFUSALS
    assert "records-behind" not in REFUSALS


def test_the_last_of_a_store_is_for_starts(target, monkeypatch):
    monkeypatch.setattr(usage, "free_bytes", lambda _folder: 0)
    assert refusal(target) == "target-disk-full"
