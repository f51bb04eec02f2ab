"""Which agents are missed, and from when on."""

from types import SimpleNamespace
from typing import Any

import pytest

from secondsite.appliance import agents
from secondsite.appliance.agents import AgentWatch, Ports, moved
from secondsite.appliance.shared import Findings, State, run_key
from secondsite.domain.errors import FabricError, NotFound
from secondsite.fabrics.interface import PowerState
from secondsite.wire.common.machines import AgentIdentity, MachineDefinition

AGENT = "11111111-2222-3333-4444-555555555555"
HERE = "aaaaaaaa-0000-0000-0000-00000000000b"
CODE = "agent-not-registered"
TEN_MINUTES = 600.0


class Calls:
    """The port for agents, as far as it is used here."""

    port, authority = 9446, "ab" * 32

    def __init__(self):
        self.here: frozenset[str] = frozenset()
        self.expected: Any = None

    def expect(self, expected):
        self.expected = expected

    def connected(self):
        return self.here

    def close(self):
        raise AssertionError("whoever opened it closes it")


class Site:
    """A site at which one machine was started."""

    def __init__(self, folder, has_port=True):
        self.at, self.tag_now = 0.0, "m1"
        self.power: PowerState | None = PowerState.RUNNING
        self.calls: Any = Calls()
        self.state, self.findings = State(folder / "appliance.db"), Findings()
        fabric: Any = SimpleNamespace(
            power=SimpleNamespace(state=self.power_state), inventory=SimpleNamespace(tag=self.tag)
        )
        hosted = SimpleNamespace(findings=self.findings)
        host: Any = SimpleNamespace(find=lambda machine_id: hosted if machine_id == "m1" else None)
        replication: Any = SimpleNamespace(find=lambda _: None)
        self.taken = False
        ports = Ports(self.open if has_port else None, ("192.0.2.9",), lambda: self.at)
        self.watch = AgentWatch(fabric, self.state, ports, host, replication, TEN_MINUTES, lambda: self.at)

    def open(self):
        if self.taken:
            raise FabricError("The port is taken.")
        return self.calls

    def power_state(self, _):
        if self.power is None:
            raise FabricError("it does not answer")
        return self.power

    def tag(self, _):
        if self.tag_now is None:
            raise NotFound("no such machine")
        return self.tag_now

    def starts(self, with_agent=True):
        identity = AgentIdentity(agent_id=AGENT, authority="PEM") if with_agent else None
        definition = MachineDefinition(
            fabric_id=AGENT,
            name="db01",
            fabric_kind="agent",
            vcpus=1,
            memory_bytes=1,
            disks=(),
            agent=identity,
        )
        agents.note(self.state, "m1", definition, HERE, "db01")

    def later(self, seconds):
        self.at += seconds
        self.watch.look()
        return self.findings.has(CODE)


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.state.close()


def test_it_is_missed_ten_minutes_after_its_start_and_not_before(site):
    site.starts()
    assert not site.later(0)
    assert not site.later(TEN_MINUTES - 1)
    assert site.later(1)
    [found] = site.findings.all()
    assert f"secondsite-agent call --appliance 192.0.2.9:9446 {'ab' * 32}" in found.what
    assert "within 10 min of its machine's start" in found.what


def test_it_is_missed_as_well_where_the_port_is_taken_and_that_is_tried_again(site):
    site.taken = True
    site.starts()
    site.later(0)
    assert site.later(TEN_MINUTES)
    assert "and cannot come: The port is taken." in site.findings.all()[0].what
    site.taken, site.calls.here = False, frozenset({AGENT})
    assert not site.later(30)
    assert [each.agent_id for each in site.calls.expected] == [AGENT]


def test_that_goes_by_itself_once_it_comes(site):
    site.starts()
    site.later(0)
    assert site.later(TEN_MINUTES)
    site.calls.here = frozenset({AGENT})
    assert not site.later(3)


def test_one_that_came_is_missed_when_it_stops_and_not_while_it_only_dials_again(site):
    site.starts()
    site.calls.here = frozenset({AGENT})
    site.later(0)
    site.calls.here = frozenset()
    assert not site.later(3)
    assert not site.later(120)
    assert site.later(300)
    assert "has been silent for 5 min" in site.findings.all()[0].what


def test_a_machine_that_is_off_or_cannot_be_seen_has_its_ten_minutes_from_its_next_start(site):
    site.starts()
    for power in (PowerState.OFF, None):
        site.power = PowerState.RUNNING
        site.later(0)
        assert not site.later(TEN_MINUTES - 1)
        site.power = power
        assert not site.later(TEN_MINUTES)
        site.power = PowerState.RUNNING
        assert not site.later(TEN_MINUTES)


def test_only_one_with_an_agent_is_expected_and_with_the_hardware_that_it_has_here(site):
    site.starts(with_agent=False)
    assert not site.later(TEN_MINUTES)
    assert site.calls.expected == []
    site.starts()
    site.later(0)
    [expected] = site.calls.expected
    assert (expected.agent_id, expected.hardware, expected.authority) == (AGENT, HERE, "PEM")


@pytest.mark.parametrize("tag", [None, "another"])
def test_one_that_went_home_is_neither_expected_nor_missed(site, tag):
    site.starts()
    site.later(0)
    assert site.later(TEN_MINUTES)
    site.tag_now = tag
    assert not site.later(3)
    assert site.calls.expected == []
    assert moved.known(site.state) == {}


def test_one_whose_owner_removed_it_is_expected_as_long_as_its_failover_stands(site):
    site.starts()
    site.state.put_fact(run_key("m1", "failover"), "{}")
    site.tag_now = None
    site.later(0)
    assert [each.agent_id for each in site.calls.expected] == [AGENT]


def test_what_cannot_be_read_is_forgotten_and_the_others_are_expected(site):
    site.starts()
    site.state.put_fact(moved.PREFIX + "m2", "no JSON")
    site.later(0)
    assert [each.agent_id for each in site.calls.expected] == [AGENT]
    assert [*moved.known(site.state)] == ["m1"]


def test_without_a_port_for_agents_nobody_is_missed(tmp_path):
    site = Site(tmp_path, has_port=False)
    site.starts()
    site.later(0)
    assert not site.later(TEN_MINUTES)
    site.state.close()
