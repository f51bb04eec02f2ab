"""A machine that a former vault left in the middle of a failover, off at both sites: a new one says so,
and it goes on either way."""

import pytest

from rig.eventually import eventually
from secondsite.appliance import orders
from secondsite.domain import errors
from secondsite.domain.lifecycle import State
from secondsite.wire.control.orders import Kind
from tests.vault.facade.nouns.adoption.support_adoption import states

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
BOTH = {"web01": "protected", "db01": "protected"}


@pytest.fixture
def left(furnished, monkeypatch):
    """web01 was shut down for a failover whose start was refused. Then its vault was lost."""

    def refuses(_context, _payload):
        raise errors.FabricError("It was told to fail.")

    with monkeypatch.context() as patch:
        patch.setitem(orders.HANDLERS, Kind.START_REPLICA, refuses)
        furnished.run("failover", "web01", shut_down_source=True, fails=True)
    assert furnished.machine().state is State.FAILOVER_FAILED
    furnished.lose_vault()
    furnished.new_vault()
    return furnished


def test_it_is_a_finding_and_it_can_be_started_where_it_was(left, monkeypatch):
    source = left.sites["a"]
    for name in "ab":
        left.enroll_again(name, monkeypatch)
        assert states(left.adopt(name)) == BOTH
    record = left.record()

    def found():
        return [each.what for each in left.machine().findings if each.code == "record-is-behind"]

    eventually(found, within_seconds=30)
    assert "'secondsite machine resynchronize web01'" in found()[0]
    left.run("resynchronize", "web01")
    eventually(lambda: not source.source_status(record.id).fenced, within_seconds=30)
    source.fabric.power.start(record.source_fabric_id)
    before = source.source_status(record.id).last_seq
    eventually(lambda: source.source_status(record.id).last_seq > before + 1, within_seconds=30)
    eventually(lambda: not found(), within_seconds=30)
    assert left.machine().state is State.PROTECTED
