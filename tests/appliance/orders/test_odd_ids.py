"""A machine's id names files and folders at its appliances, which work as root: one that is a path is
refused where it enters."""

import pytest

from secondsite.wire.control import Order, messages
from secondsite.wire.control.adopting import AdoptionRecord
from secondsite.wire.control.orders import Kind, StartReplica, StopReplica, StopReplication
from secondsite.wire.control.rescue_manifest import KeepRescueManifest
from tests.support.instants import now

pytestmark = pytest.mark.slow


@pytest.fixture
def others(tmp_path):
    """A folder that is not ours, with a file."""
    folder = tmp_path / "others"
    folder.mkdir()
    (folder / "file").write_text("worth something")
    return folder


@pytest.mark.parametrize("kind", [Kind.START_REPLICATION, Kind.PREPARE_REPLICA])
def test_an_order_about_a_machine_whose_id_is_a_path_touches_nothing(pair, others, kind):
    site, setup = (
        (pair.source, pair.source_setup())
        if kind is Kind.START_REPLICATION
        else (pair.target, pair.replica_setup())
    )
    made = setup.model_copy(update={"machine_id": str(others)})
    begun = site.order(kind, made, pair.machine_id)
    ended = Order.model_construct(
        order_id="end", kind=Kind.STOP_REPLICATION, machine_id=str(others),
        payload=StopReplication(forget=True).model_dump(),
    )  # fmt: skip
    site.perform(ended)
    assert [each.name for each in others.iterdir()] == ["file"], (
        "what is not ours is gone, or something was added"
    )
    assert begun.problem is not None


def test_what_a_vault_keeps_of_such_a_machine_is_not_written(pair, others):
    record = AdoptionRecord.model_construct(
        id=str(others), name="web01", home_site="a", source_site="a", target_site="b",
        source_appliance_id="a",
        target_appliance_id="b", source_fabric_id="1", target_fabric_id="2", policy="default",
        created_at=now(),
    )  # fmt: skip
    kept = pair.target.order(Kind.KEEP, KeepRescueManifest.model_construct(site="b", records=(record,)))
    assert [each.name for each in others.iterdir()] == ["file"]
    assert kept.problem is not None


@pytest.mark.parametrize("machine_id", ["/etc", "../..", "..", "a/b", "", "a\nb", "a" * 129])
def test_no_vault_can_say_such_an_id(machine_id):
    order = Order.model_construct(order_id="1", kind=str(Kind.STOP_REPLICATION), machine_id=machine_id)
    with pytest.raises(ValueError, match="machine_id"):
        messages.parse(order.model_dump_json())


def test_a_run_whose_name_is_a_path_is_none(pair, others):
    pair.protect().synchronized()
    point_id = pair.status().points[-1].id
    run, copy = str(others / "made"), "11111111-1111-4111-8111-111111111111"
    start = StartReplica(run=run, point_id=point_id, fabric_id=copy, name="copy")
    begun = pair.target.order(Kind.START_REPLICA, start, pair.machine_id)
    added = [each.name for each in others.iterdir()]
    pair.target.order(Kind.STOP_REPLICA, StopReplica(run=run, fabric_id=copy), pair.machine_id)
    assert added == ["file"], begun
    assert [each.name for each in others.iterdir()] == ["file"], (
        "what is not ours is gone, or something was added"
    )
    assert begun.problem is not None


def test_a_disk_whose_key_is_a_path_is_none(pair, others):
    setup = pair.replica_setup()
    (disk,) = setup.definition.disks
    odd = str(others / "made")
    definition = setup.definition.model_copy(update={"disks": (disk.model_copy(update={"key": odd}),)})
    made = setup.model_copy(update={"definition": definition, "disks": (odd,)})
    begun = pair.target.order(Kind.PREPARE_REPLICA, made, pair.machine_id)
    assert [each.name for each in others.iterdir()] == ["file"], "something was added to what is not ours"
    assert begun.problem is not None
