"""A machine that stands still for its last view works on as soon as its agent can be told so."""

import pytest

from secondsite.domain.errors import FabricError
from secondsite.fabrics.agent.last_views import LastViews
from secondsite.fabrics.agent.link import AgentAway
from secondsite.fabrics.agent.power import AgentPower
from secondsite.fabrics.agent.records import Records
from secondsite.fabrics.interface import PowerState
from tests.fabrics.agent.support_known import ID, Known


class Link:
    """One agent, whose machine stands still until it is told to work on."""

    def __init__(self):
        self.agent, self.stands = Known(), "last-1"

    def known(self):
        return [self.agent]

    def find(self, agent_id):
        return self.agent

    def goes(self):
        self.agent = Known(connected=False)

    def comes(self):
        self.agent = Known()

    def ask(self, agent_id, do, seconds, /, **words):
        if not self.agent.connected:
            raise AgentAway("The agent of server is away.")
        if do == "thaw" and words["name"] == self.stands:
            assert words["start_services"]
            self.stands = ""
        return {"standing": {"name": self.stands, "last": True} if self.stands else None}


class Hosting:
    def is_rescued(self, fabric_id):
        return False

    def lends(self, fabric_id):
        return False


@pytest.fixture
def link():
    return Link()


@pytest.fixture
def records(records):
    records.change(ID, last="last-1", base="before")
    return records


@pytest.fixture
def views(link, records, tmp_path):
    return LastViews(link, records, tmp_path / "last")


@pytest.fixture
def power(link, records, views):
    return AgentPower(link, records, views, Hosting())  # type: ignore[arg-type]


def test_one_whose_agent_was_away_when_its_move_was_given_up_works_on_once_it_answers(link, views, power):
    link.goes()
    assert power.cannot_start(ID) is not None, "its copy, if one was started, is not removed"
    with pytest.raises(FabricError, match="works on as soon as it does"):
        power.start(ID)
    views.look()
    assert link.stands
    link.comes()
    views.look()
    assert not link.stands


def test_another_process_of_the_appliance_lets_it_go_on_as_well(link, records, power, tmp_path):
    link.goes()
    with pytest.raises(FabricError):
        power.start(ID)
    link.comes()
    LastViews(link, Records(tmp_path / "machines"), tmp_path / "last").look()
    assert not link.stands


@pytest.mark.parametrize("since", [{"start_forbidden": True}, {"withdrawn": True}, {"wanted_back": False}])
def test_one_whose_copy_may_run_elsewhere_since_then_is_not_let_go_on(link, records, views, power, since):
    link.goes()
    with pytest.raises(FabricError):
        power.start(ID)
    records.change(ID, **since)
    link.comes()
    views.look()
    assert link.stands


def test_one_that_goes_before_it_heard_that_its_changes_arrived_may_run(link, power):
    assert power.state(ID) is PowerState.OFF
    link.goes()
    with pytest.raises(AgentAway):
        power.state(ID)


def test_one_whose_last_changes_have_arrived_is_not_called_away_for_a_moment(link, records, views, power):
    records.change(ID, base="last-1")
    views.acknowledge(ID, "last-1")
    link.goes()
    assert power.state(ID) is PowerState.OFF
    assert power.cannot_start(ID) is not None
    with pytest.raises(FabricError, match="nobody can start it"):
        power.start(ID)
    assert not records.get(ID).wanted_back


def test_nobody_is_let_go_on_who_was_not_asked_for(link, views):
    views.look()
    assert link.stands


def test_one_that_was_started_anew_meanwhile_is_asked_for_nothing_more(link, records, views, power):
    link.goes()
    with pytest.raises(FabricError):
        power.start(ID)
    link.comes()
    link.stands = ""
    views.look()
    assert not records.get(ID).wanted_back
