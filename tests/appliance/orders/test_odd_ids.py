"""A machine's id names files and folders at its appliances, which work as root: one that is a path is refused where it enters."""

import pytest

from secondsite.wire.control import Order, messages
from secondsite.wire.control.orders import Kind, StopReplication

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
        order_id="end", kind=Kind.STOP_REPLICATION, machine_id=str(others), payload=StopReplication(forget=True).model_dump(),
    )  # fmt: skip
    site.perform(ended)
    assert [each.name for each in others.iterdir()] == ["file"], "what is not ours is gone, or something was added"
    assert begun.problem is not None


@pytest.mark.parametrize("machine_id", ["/etc", "../..", "..", "a/b", "", "a\nb", "a" * 129])
def test_no_vault_can_say_such_an_id(machine_id):
    order = Order.model_construct(order_id="1", kind=str(Kind.STOP_REPLICATION), machine_id=machine_id)
    with pytest.raises(ValueError, match="machine_id"):
        messages.parse(order.model_dump_json())
