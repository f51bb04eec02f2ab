"""What is known of the power of machines with an agent, and when one is called off."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from secondsite.domain.errors import FabricError
from secondsite.fabrics.agent import power as power_module
from secondsite.fabrics.agent.link import AgentAway
from secondsite.fabrics.agent.power import AgentPower
from secondsite.fabrics.interface import PowerState

from .support_known import ID, Known


class Link:
    """One agent, which goes as it is told to when its machine is to be shut down."""

    def __init__(self):
        self.agent, self.goes, self.asked = Known(), {}, []

    def find(self, agent_id):
        return self.agent

    def ask(self, agent_id, do, seconds, /, **words):
        if not self.agent.connected:
            raise AgentAway("It is away.")
        self.asked.append(do)
        if do == "shut-down":
            self.agent = dataclasses.replace(self.agent, **self.goes)
        if do == "unfence":
            self.agent = Known()
        return {}


class Hosting:
    """Merges; its machine restarts at the second time that it is asked to."""

    def __init__(self, link):
        self.link, self.did, self.lent = link, [], False

    def is_rescued(self, fabric_id):
        return self.link.agent.connected and self.link.agent.rescue

    def lends(self, fabric_id):
        return self.lent

    def merge(self, fabric_id, progress):
        self.did.append("merge")

    def restart(self, fabric_id):
        self.did.append("restart")
        if self.did.count("restart") == 1:
            raise FabricError("Somebody writes.")
        self.link.agent = Known()


@pytest.fixture
def link():
    return Link()


@pytest.fixture
def hosting(link):
    return Hosting(link)


@pytest.fixture
def power(link, records, hosting, monkeypatch):
    monkeypatch.setattr(power_module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(power_module, "RESTART_SECONDS", 0.02)
    last_views: Any = SimpleNamespace(stands=lambda _: False, give_back=lambda _: None)
    return AgentPower(link, records, last_views, hosting)


def test_a_machine_whose_agent_ended_in_order_is_off(link, power):
    link.goes = {"connected": False, "said_goodbye": True}
    assert power.shut_down(ID, 1.0)
    assert power.state(ID) is PowerState.OFF


def test_one_whose_connection_was_only_cut_may_run(link, power):
    link.goes = {"connected": False}
    assert not power.shut_down(ID, 0.1)
    with pytest.raises(AgentAway):
        power.state(ID)


def test_one_whose_agent_a_person_revoked_is_gone(link, power):
    link.agent = Known(connected=False)
    with pytest.raises(AgentAway) as raised:
        power.state(ID)
    assert "agents revoke server" in raised.value.do
    link.agent = Known(connected=False, revoked=True)
    assert power.state(ID) is PowerState.MISSING
    link.agent = Known(connected=False, revoked=True, is_shut_out=True)
    assert power.state(ID) is PowerState.RUNNING


def test_of_a_rescue_system_that_is_away_nobody_says_what_to_do_in_the_machines_own_system(
    link, power, hosting
):
    link.agent = Known(connected=False)
    for hosting.lent, words in ((False, "systemctl"), (True, "rescue image")):
        with pytest.raises(AgentAway) as raised:
            power.state(ID)
        assert words in raised.value.do
    assert "systemctl" not in raised.value.do


def test_what_nobody_can_switch_on_from_here_is_told_before_anything_is_done(link, power, records):
    assert power.cannot_start(ID) is None
    link.agent = Known(connected=False)
    records.change(ID, is_off=True)
    told = power.cannot_start(ID)
    assert (told.blocking, "nobody can start it from here" in told.what) == (True, True)
    with pytest.raises(FabricError, match="nobody can start it from here"):
        power.start(ID)


def test_a_machine_that_came_home_is_told_to_restart_until_it_does(link, power, records, hosting):
    link.agent = Known(rescue=True)
    records.change(ID, home={"sda": "/overlay"})
    power.start(ID)
    assert hosting.did == ["merge", "restart", "restart"]


def test_one_that_never_restarts_has_come_home_all_the_same(link, power, records, hosting, monkeypatch):
    monkeypatch.setattr(power_module, "UP_SECONDS", 0.1)
    monkeypatch.setattr(hosting, "restart", lambda _: hosting.did.append("asked"))
    link.agent = Known(rescue=True)
    records.change(ID, home={"sda": "/overlay"})
    power.start(ID)
    assert hosting.did[:2] == ["merge", "asked"]


def test_a_machine_that_runs_from_the_rescue_image_and_may_work_on_starts_from_its_own_disks(
    link, power, hosting
):
    link.agent = Known(rescue=True)
    assert power.cannot_start(ID) is None
    power.start(ID)
    assert hosting.did == ["restart", "restart"]


def test_a_machine_whose_fence_keeps_it_from_working_is_off_and_can_be_let_go_on(link, power):
    link.agent = Known(hello={"fenced": True})
    assert power.state(ID) is PowerState.OFF
    assert power.cannot_start(ID) is None
    power.start(ID)
    assert link.asked == ["unfence"]
    assert power.state(ID) is PowerState.RUNNING


def test_a_server_that_works_beside_its_rescue_system_runs_and_nobody_shuts_down_the_other(
    link, power, records
):
    records.change(ID, withdrawn=True)
    link.agent = Known(rescue=True, beside={})
    assert power.state(ID) is PowerState.RUNNING
    for act in (lambda: power.shut_down(ID, 1.0), lambda: power.stop(ID)):
        with pytest.raises(FabricError, match="on one server"):
            act()
    assert link.asked == []
    link.agent = Known(rescue=True, beside={"fenced": True})
    assert power.state(ID) is PowerState.MISSING


def test_one_that_does_not_go_off_is_not_called_off(link, power, monkeypatch):
    monkeypatch.setattr(power_module, "STOP_SECONDS", 0.05)
    for goes in ({}, {"connected": False}):
        link.goes = goes
        with pytest.raises(FabricError, match="Nobody knows whether server is off"):
            power.stop(ID)
    link.agent, link.goes = Known(), {"connected": False, "said_goodbye": True}
    power.stop(ID)
    link.agent = Known(rescue=True)
    power.stop(ID)
