"""An appliance asks its target where agents may call, and does not take any answer."""

from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from secondsite.appliance.agents import Ports, Telling, ports
from secondsite.datapath.channel import Message
from secondsite.datapath.errors import PeerUnreachable, ProtocolViolated
from secondsite.domain.errors import FabricError
from secondsite.fabrics.calling import AgentPort

AUTHORITY = "ab" * 32
THERE = AgentPort(("192.0.2.9:9446", "[2001:db8::9]:9446"), AUTHORITY)


class _Line:
    """A connection to a target that answers so."""

    def __init__(self, fields, hangs_up=False):
        self.fields, self.said, self.hangs_up = fields, [], hangs_up

    def send_message(self, name, **fields):
        self.said.append((name, fields))

    def receive_message(self, *expected, within_seconds):
        if self.hangs_up:
            raise PeerUnreachable("it left", do="wait")
        return Message(expected[0], self.fields)


class _Peers:
    def __init__(self, answer=None):
        self.answer, self.asked, self.hangs_up = answer, 0, False

    @contextmanager
    def connect(self, addresses, name):
        self.asked += 1
        if self.answer is None:
            raise PeerUnreachable("nobody is there", do="wait")
        yield _Line(self.answer, self.hangs_up)


def line_of() -> Any:
    return _Line({})


def peers_of(answer: Any = None) -> Any:
    return _Peers(answer)


def test_what_one_tells_the_other_hears():
    line = line_of()
    calls: Any = SimpleNamespace(port=9446, authority=AUTHORITY)
    own = Ports(lambda: calls, ("192.0.2.9", "[2001:db8::9]"))
    own.look()
    own.answer(line, Message("AGENTS", {}))
    [(name, fields)] = line.said
    assert name == "LISTENS"
    assert ports.asked(peers_of(fields), (), "b") == THERE


def test_one_that_has_none_says_so():
    line = line_of()
    Ports(None, ("192.0.2.9",)).answer(line, Message("AGENTS", {}))
    assert ports.asked(peers_of(line.said[0][1]), (), "b") == ports.NOWHERE


def test_one_that_has_none_now_is_asked_again_soon():
    peers, calling, at = peers_of({}), _Calling(), [1000.0]
    telling = Telling(calling, peers, lambda: [source("m1")], lambda: at[0])
    telling.look()
    peers.answer = {"addresses": THERE.addresses, "authority": AUTHORITY}
    at[0] += 61
    telling.look()
    assert [port for _, port in calling.told] == [THERE]


def test_an_older_one_hangs_up_and_is_not_asked_again_soon():
    peers, calling, at = peers_of({}), _Calling(), [1000.0]
    peers.hangs_up = True
    telling = Telling(calling, peers, lambda: [source("m1")], lambda: at[0])
    for _ in range(3):
        telling.look()
        at[0] += 100
    assert (peers.asked, calling.told) == (1, [])


@pytest.mark.parametrize(
    "said",
    [
        {"addresses": ["192.0.2.9:9446"], "authority": "short"},
        {"addresses": ["no port"], "authority": AUTHORITY},
        {"addresses": ["two words:1"], "authority": AUTHORITY},
        {"addresses": ["x" * 400 + ":1"], "authority": AUTHORITY},
        {"addresses": ["h:1"] * 9, "authority": AUTHORITY},
        {"addresses": 5},
    ],
)
def test_what_is_no_answer_is_refused(said):
    with pytest.raises(ProtocolViolated):
        ports.asked(peers_of(said), (), "b")


# -- telling the agents -------------------------------------------------------------------------------------


class _Calling:
    def __init__(self):
        self.told = []
        self.problem = None

    def tell(self, fabric_id, port):
        self.told.append((fabric_id, port))
        if self.problem:
            raise self.problem


def source(fabric_id: str, **words: Any) -> Any:
    setup = SimpleNamespace(fabric_id=fabric_id, target_appliance_id="b", target_addresses=("b:9445",))
    progress = SimpleNamespace(paused=words.pop("paused", False))
    return SimpleNamespace(machine_id=fabric_id, setup=setup, fenced=False, progress=progress)


@pytest.fixture
def answer():
    return {"addresses": list(THERE.addresses), "authority": AUTHORITY}


def test_all_machines_are_told_and_their_target_is_asked_once(answer):
    peers, calling = peers_of(answer), _Calling()
    Telling(calling, peers, lambda: [source("m1"), source("m2")]).look()
    assert calling.told == [("m1", THERE), ("m2", THERE)]
    assert peers.asked == 1


def test_one_that_does_not_answer_keeps_none_of_the_others_from_it(answer):
    calling = _Calling()
    calling.problem = FabricError("it does not answer")
    Telling(calling, peers_of(answer), lambda: [source("m1"), source("m2")]).look()
    assert len(calling.told) == 2


def test_one_that_was_failed_over_is_told_nothing(answer):
    calling = _Calling()
    Telling(calling, peers_of(answer), lambda: [source("m1", paused=True)]).look()
    assert calling.told == []


def test_a_target_that_is_away_is_asked_again_and_one_that_is_there_after_ten_minutes(answer):
    peers, calling, at = peers_of(), _Calling(), [1000.0]
    telling = Telling(calling, peers, lambda: [source("m1")], lambda: at[0])
    telling.look()
    telling.look()
    assert (peers.asked, calling.told) == (1, [])
    peers.answer, at[0] = answer, at[0] + 61
    telling.look()
    assert (peers.asked, len(calling.told)) == (2, 1)
    peers.answer, at[0] = None, at[0] + 601
    telling.look()
    assert peers.asked == 3
    assert len(calling.told) == 2
