"""Which disks a machine needs to come home, and who it is once its owner has it again."""

from types import SimpleNamespace
from typing import Any

import pytest

from secondsite.fabrics.agent.nothing_here import NoHosting
from secondsite.fabrics.agent.other_server import OtherServer
from secondsite.fabrics.agent.tracking import AgentTracking
from tests.fabrics.agent.support_known import ID, Known

KEYS = {"sda": "wwn:1", "sdb": "wwn:2"}


class Link:
    """Its rescue system offers no disk."""

    def find(self, _):
        return Known(rescue=True)

    def other_disks(self, _):
        return None

    def ask(self, *_, **__):
        return {"disks": []}


@pytest.fixture
def other(records):
    link: Any = Link()
    return OtherServer(link, records)


def test_only_the_disks_that_are_replicated_come_home(records, other):
    records.change(ID, keys=KEYS, replicated=("sda",))
    assert dict(other.lent(ID).disks) == {"sda": "wwn:1"}


def test_of_one_that_was_withdrawn_by_a_former_release_those_that_it_told_last(records, other):
    told: Any = SimpleNamespace(disks=[SimpleNamespace(key="sdb")])
    found = records.get(ID).model_copy(update={"keys": KEYS, "told": told})
    assert found.coming_home == {"sdb": "wwn:2"}


def test_one_whose_protection_ended_while_its_copy_ran_is_not_let_go_on_by_that(records):
    records.change(ID, start_forbidden=True, withdrawn=True)
    definition: Any = SimpleNamespace(fabric_id=ID)
    NoHosting(records).restore(definition, None)
    nobody: Any = None
    AgentTracking(nobody, records, nobody).disable(ID)
    assert records.get(ID).start_forbidden


def test_one_that_is_protected_anew_may_be_switched_on(records):
    records.change(ID, start_forbidden=True, withdrawn=True)
    nobody: Any = None
    tracking = AgentTracking(nobody, records, nobody)
    tracking.enable(ID, "ours")
    assert not records.get(ID).is_failed_over
    records.change(ID, start_forbidden=True)
    tracking.enable(ID, "ours")
    assert records.get(ID).start_forbidden
