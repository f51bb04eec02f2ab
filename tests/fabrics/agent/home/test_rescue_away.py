"""A rescue system that is away, as long as it may come back by itself, and then."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from secondsite.domain import errors
from secondsite.fabrics.agent.homecoming import AgentHosting
from secondsite.fabrics.agent.last_views import LastViews
from secondsite.fabrics.agent.link import AgentAway
from secondsite.fabrics.agent.rescued import RescuedDisks, exports
from secondsite.fabrics.agent.rescued import disks as rescued_disks
from secondsite.fabrics.agent.rescued.exports import Exports
from secondsite.fabrics.agent.tracking import AgentTracking
from tests.fabrics.agent.support_known import ID, Known

MACHINE: Any = SimpleNamespace(fabric_id=ID, name="server")


class Link:
    """One agent, which is asked in vain."""

    def __init__(self):
        self.agent, self.asked = Known(connected=False), []

    def find(self, agent_id):
        return self.agent

    def known(self):
        return [self.agent]

    def ask(self, agent_id, do, seconds, /, **words):
        self.asked.append(do)
        raise AgentAway("The agent of server left.")


@pytest.fixture
def link():
    return Link()


@pytest.fixture
def rescued(link, tmp_path):
    return RescuedDisks(tmp_path / "rescued", cast(Any, link))


@pytest.fixture
def hosting(link, records, rescued, tmp_path):
    return AgentHosting(link, records, cast(LastViews, None), rescued, tmp_path / "merge", None)


def test_one_that_lends_disks_is_waited_for_and_then_told_as_any_other(hosting, rescued, monkeypatch):
    with pytest.raises(errors.MachineAway):
        rescued.attach(ID, {"sda": "wwn:1"})
    with pytest.raises(errors.MachineAway) as raised:
        hosting.check(MACHINE)
    assert "rescue image" in raised.value.do
    monkeypatch.setattr(rescued_disks, "COMING_SECONDS", 0.0)
    [found] = hosting.check(MACHINE)
    assert "does not run from the rescue image" in found.what


def test_a_machine_that_never_lent_any_is_not_waited_for(hosting):
    [found] = hosting.check(MACHINE)
    assert found.blocking


def test_what_it_does_not_answer_is_no_matter_of_the_machines_own_system(rescued):
    with pytest.raises(errors.MachineAway) as raised:
        rescued.attach(ID, {"sda": "wwn:1"})
    assert "systemctl" not in raised.value.do


def test_one_that_has_come_home_lends_nothing_any_more(link, hosting, records):
    link.agent = Known(rescue=True)
    records.change(ID, tag="machine", stands_alone=True)
    hosting.attach(ID)
    assert link.asked == []


def test_a_rescue_system_is_not_asked_to_close_a_view(link, records, tmp_path):
    tracking = AgentTracking(link, records, LastViews(link, records, tmp_path / "last"))
    link.agent = Known(rescue=True)
    tracking.end_left_over(ID)
    assert link.asked == []
    link.agent = Known()
    tracking.end_left_over(ID)
    assert link.asked == ["close"]


def test_an_appliance_that_may_not_mount_is_told_the_command_alone(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise errors.StoreFull("The storage daemon refused.", do="Look elsewhere.")

    monkeypatch.setattr(exports, "DEVICE", tmp_path)
    monkeypatch.setattr(Exports, "_export", refused)
    with pytest.raises(errors.FabricError) as raised:
        Exports(tmp_path / ID).begin(tmp_path / "socket", {"sda": "wwn:1"}, {})
    assert "Look elsewhere" not in raised.value.message
    assert "systemctl daemon-reload && systemctl restart secondsite-appliance" in raised.value.do
