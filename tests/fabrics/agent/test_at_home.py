"""The copy of a machine that was failed over has its agent; it is not taken for the machine here."""

from dataclasses import dataclass, field

import pytest

from secondsite.domain.errors import FabricError
from secondsite.fabrics.agent.at_home import AgentsAtHome
from secondsite.fabrics.agent.link import Hardware

ID = "11111111-2222-3333-4444-555555555555"

MAKER = "4c4c4544-0032-5910-8047-b8c04f4d3832"
"""As a maker of servers gives."""


@dataclass(frozen=True)
class Known:
    agent_id: str = ID
    name: str = "server"
    connected: bool = True
    heard_at: object = None
    rescue: bool = False
    hello: dict[str, str] = field(default_factory=lambda: {"product_uuid": "own"})
    beside: dict[str, str] | None = None


class Link:
    """The agents of an appliance, as far as they are asked here."""

    def __init__(self):
        self.agent, self.asked = Known(), []

    def find(self, agent_id):
        return next((each for each in self.known() if each.agent_id == agent_id), None)

    def known(self):
        return [self.agent]

    def doubles(self):
        return []

    def ask(self, agent_id, do, seconds, /, **words):
        self.asked.append(do)
        return {}

    def readers(self, agent_id):
        raise AssertionError("nobody reads")


@pytest.fixture
def link():
    return Link()


@pytest.fixture
def agents(link, records):
    found = AgentsAtHome(link, records)
    assert found.known()[0].connected
    records.change(ID, tag="ours")
    return found


def test_on_other_hardware_it_counts_as_away_and_is_asked_nothing(link, agents):
    link.agent = Known(hello={"product_uuid": ID})
    assert not agents.known()[0].connected
    with pytest.raises(FabricError, match="other hardware"):
        agents.ask(ID, "shut-down", 1.0)
    with pytest.raises(FabricError):
        agents.readers(ID)
    assert link.asked == []
    link.agent = Known()
    assert agents.known()[0].connected
    agents.ask(ID, "status", 1.0)
    assert link.asked == ["status"]


def test_that_stays_so_after_it_was_withdrawn(link, agents, records):
    records.change(ID, tag=None, withdrawn=True)
    link.agent = Known(hello={"product_uuid": ID})
    assert not agents.known()[0].connected


def test_a_machine_that_is_not_protected_may_be_on_whatever_hardware(link, agents, records):
    records.change(ID, tag=None)
    link.agent = Known(hello={"product_uuid": "new"})
    assert agents.known()[0].connected
    records.change(ID, tag="ours")
    assert agents.known()[0].connected


def test_the_rescue_system_and_a_machine_without_that_number_are_as_they_are(link, agents):
    link.agent = Known(rescue=True, hello={"product_uuid": "other"})
    assert agents.known()[0].connected
    link.agent = Known(hello={})
    assert agents.known()[0].connected


def test_beside_its_rescue_system_only_its_own_hardware_is_the_machine(link, agents):
    link.agent = Known(rescue=True, beside={"product_uuid": "own"})
    assert agents.find(ID).beside is not None
    link.agent = Known(rescue=True, beside={"product_uuid": "other"})
    assert agents.find(ID).beside is None


def test_who_was_failed_over_must_not_work_here_but_its_copy_and_one_that_comes_home_may(agents, records):
    assert agents.forbids(ID, "own") == ""
    records.change(ID, start_forbidden=True)
    assert "runs at the other site" in agents.forbids(ID, "own")
    assert agents.forbids(ID, "other") == ""
    assert "runs at the other site" in agents.forbids(ID, "4c4c4544-0032-5910-8047-b8c04f4d3832")
    records.change(ID, start_forbidden=False, withdrawn=True)
    assert agents.forbids(ID, "own")


def test_who_comes_home_must_not_work_before_its_disks_are_whole(agents, records):
    records.change(ID, home={"sda": "/overlay"})
    assert "not whole" in agents.forbids(ID, "own")
    records.change(ID, stands_alone=True)
    assert agents.forbids(ID, "own") == ""


def test_a_server_whose_place_another_one_took_must_not_work_as_long_as_it_is_protected(agents, records):
    records.change(ID, hardware="new", replaced=("own",))
    assert "another server" in agents.forbids(ID, "own")
    assert agents.forbids(ID, "new") == ""
    assert agents.hardware(ID, "own") is Hardware.REPLACED
    records.change(ID, tag=None, replaced=())
    assert agents.hardware(ID, "own") is Hardware.OWN


def test_whose_the_hardware_is_follows_from_where_the_machine_is(agents, records):
    assert agents.hardware(ID, "own") is Hardware.OWN
    assert agents.hardware(ID, "other") is Hardware.OTHER
    records.change(ID, start_forbidden=True)
    assert agents.hardware(ID, "own") is Hardware.OWN
    assert agents.hardware(ID, "other") is Hardware.COPY
    assert agents.hardware(ID, "") is Hardware.OWN


def test_one_whose_protection_ended_while_it_was_failed_over_stays_apart_from_its_copy(link, agents, records):
    """The copy called, was let in, and its number was taken for the machine's: the server's fence opened."""
    records.change(ID, start_forbidden=True, tag=None)
    copy = "22222222-2222-5222-8222-222222222222"
    for product, found in ((copy, Hardware.COPY), (MAKER, Hardware.STRANGE), ("own", Hardware.OWN)):
        assert agents.hardware(ID, product) is found
    link.agent = Known(hello={"product_uuid": copy})
    assert not agents.known()[0].connected
    assert records.get(ID).hardware == "own"
    assert agents.forbids(ID, copy) == ""
    for product in ("own", MAKER):
        assert "runs at the other site" in agents.forbids(ID, product)


def test_a_server_whose_rescue_system_told_no_number_comes_home(agents, records):
    records.change(ID, hardware=None, replaced=("old",), home={"sda": "/overlay"}, stands_alone=True)
    assert agents.hardware(ID, "own") is Hardware.OWN
    assert agents.hardware(ID, "old") is Hardware.REPLACED


def test_one_that_has_no_number_does_not_take_that_of_its_copy(link, agents, records):
    records.change(ID, hardware=None, start_forbidden=True)
    link.agent = Known(hello={"product_uuid": ID})
    assert not agents.known()[0].connected
    assert records.get(ID).hardware is None
