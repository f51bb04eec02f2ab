"""A pause of ours, for a common point, is waited for; an owner's is told."""

from types import SimpleNamespace

from secondsite.appliance.orders import group_pauses
from secondsite.fabrics.interface import PowerState


def context(*states, left_seconds=60.0):
    """A machine whose power is these one after the other, the last one for ever."""
    told = list(states)
    power = SimpleNamespace(state=lambda _fabric_id: told.pop(0) if len(told) > 1 else told[0])
    return SimpleNamespace(fabric=SimpleNamespace(power=power), left_seconds=lambda: left_seconds)


def test_a_machine_that_goes_on_was_not_paused_by_its_owner():
    paused, running = PowerState.PAUSED, PowerState.RUNNING
    assert group_pauses.power(context(paused, paused, running), "m1") is running


def test_a_machine_that_stays_paused_is_told_as_that_and_no_longer_waited_for_than_its_order_may_take():
    assert group_pauses.power(context(PowerState.PAUSED, left_seconds=0.2), "m1") is PowerState.PAUSED
