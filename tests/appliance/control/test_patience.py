"""Orders that meet a machine whose agent is away."""

import threading
from typing import Any

import pytest

from secondsite.appliance.control import patience
from secondsite.appliance.orders import Context
from secondsite.domain import errors
from secondsite.wire.control import Order
from secondsite.wire.control.orders import Kind, Pace

PARTS: Any = None
AWAY = errors.MachineAway("The agent of db01 does not answer.")
FAR = 3600.0


def order(kind=Kind.RESTART, deadline_seconds=FAR, **payload):
    return Order(order_id="1", kind=kind, payload=payload, deadline_seconds=deadline_seconds)


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(patience, "LOOK_SECONDS", 0.001)


class Machine:
    """Is away for so many looks."""

    def __init__(self, looks):
        self.looks = looks

    def act(self):
        self.looks -= 1
        if self.looks >= 0:
            raise AWAY
        return "done"


def perform(given, machine, stopping=None, require_current=lambda: None):
    told = []
    context = Context(given, PARTS, lambda _, said: told.append(said), require_current)
    return patience.perform(context, machine.act, stopping or threading.Event()), told


def test_it_is_waited_for_and_the_vault_is_told(at_once):
    done, told = perform(order(), Machine(3))
    assert done == "done"
    assert told == ["waiting for it, at most 4 min: The agent of db01 does not answer."] * 3


def test_it_is_not_waited_for_without_end(at_once, monkeypatch):
    monkeypatch.setattr(patience, "MOST_SECONDS", {Kind.RESTART: 0.05})
    with pytest.raises(errors.MachineAway):
        perform(order(), Machine(10**9))


def test_an_order_that_was_overtaken_meanwhile_ends(at_once):
    def overtaken():
        raise errors.StaleOrder("A later verb has the machine.")

    with pytest.raises(errors.StaleOrder):
        perform(order(), Machine(10**9), require_current=overtaken)


def test_an_appliance_that_stops_waits_for_nobody():
    stopping = threading.Event()
    stopping.set()
    with pytest.raises(errors.MachineAway):
        perform(order(), Machine(10**9), stopping)


@pytest.mark.parametrize("problem", [errors.FabricError("No."), errors.NotFound("No.")])
def test_what_does_not_pass_by_itself_is_told_at_once(problem):
    def act():
        raise problem

    with pytest.raises(type(problem)):
        patience.perform(Context(order(), PARTS), act, threading.Event())


@pytest.mark.parametrize(
    ("given", "waits", "pace"),
    [
        (order(Kind.POWER), 0, None),
        (order(Kind.POWER, patient=True), 240, Pace.GUEST),
        (order(Kind.RESTART), 240, Pace.GUEST),
        (order(Kind.RESTART, 60), 45, Pace.GUEST),
        (order(Kind.PREPARE_REPLICA), 120, None),
        (order(Kind.SHUT_DOWN), 0, None),
        (order("of-a-newer-vault"), 0, None),
    ],
)
def test_only_orders_that_bring_a_machine_back_or_home_wait(given, waits, pace):
    assert patience.seconds(given) == waits
    assert patience.pace(given) is pace
