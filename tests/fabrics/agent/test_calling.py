"""An agent is told once where else it may call, and again when it comes anew."""

from typing import Any

import pytest

from secondsite.domain.errors import FabricError
from secondsite.fabrics.agent.calling import AgentCalling
from secondsite.fabrics.agent.link import AgentRefused
from secondsite.fabrics.calling import AgentPort

from .test_at_home import ID, Known

PORT = AgentPort(("192.0.2.9:9446",), "ab" * 32)


class Link:
    """The agents of an appliance, as far as they are asked here."""

    def __init__(self):
        self.agent, self.told = Known(), []
        self.problem: Exception | None = None

    def find(self, _):
        return self.agent

    def ask(self, agent_id, do, seconds, /, **words):
        self.told.append((do, words))
        if self.problem is not None:
            raise self.problem
        return {}


@pytest.fixture
def link() -> Any:
    return Link()


@pytest.fixture
def calling(link, records):
    return AgentCalling(link, records)


def test_it_is_told_once_and_again_when_it_comes_anew_or_the_place_is_another(link, calling):
    calling.tell(ID, PORT)
    calling.tell(ID, PORT)
    place = {"addresses": ["192.0.2.9:9446"], "ca": "ab" * 32}
    assert link.told == [("elsewhere", {"places": [place]})]
    link.agent = Known(hello={"product_uuid": "own", "clock": "later"})
    calling.tell(ID, PORT)
    calling.tell(ID, AgentPort(("192.0.2.10:9446",), "ab" * 32))
    assert len(link.told) == 3


@pytest.mark.parametrize("known", [Known(connected=False), Known(rescue=True), None])
def test_who_is_away_or_in_the_rescue_system_is_not_told(link, calling, known):
    link.agent = known
    calling.tell(ID, PORT)
    assert link.told == []


def test_one_that_stands_still_is_told_later(link, calling, records):
    records.change(ID, last="v1")
    calling.tell(ID, PORT)
    assert link.told == []
    records.change(ID, last=None)
    link.problem = AgentRefused("file systems stand still", "busy")
    with pytest.raises(FabricError):
        calling.tell(ID, PORT)
    link.problem = None
    calling.tell(ID, PORT)
    assert len(link.told) == 2


def test_one_that_does_not_understand_it_is_not_asked_again_and_again(link, calling):
    link.problem = AgentRefused("This agent knows no elsewhere.", "unknown")
    calling.tell(ID, PORT)
    calling.tell(ID, PORT)
    assert len(link.told) == 1
