"""What an appliance was told, and what it has done, outlives its process."""

import uuid

import pytest

from secondsite.appliance.control.generations import DRILL_KEY, KEY, Generations
from secondsite.appliance.process import Appliance
from secondsite.appliance.shared import State
from secondsite.domain import errors
from secondsite.wire.control import Order
from secondsite.wire.control.orders import Kind


def order(**numbers):
    return Order(order_id=uuid.uuid4().hex, kind=Kind.PAUSE_REPLICATION, machine_id="m1", **numbers)


@pytest.mark.parametrize(("name", "key"), [("generation", KEY), ("drill_generation", DRILL_KEY)])
def test_the_highest_number_of_a_machine_is_durable_before_its_order_is_carried_out(tmp_path, name, key):
    Generations(State(tmp_path / "state.db")).admit(order(**{name: 5}))
    after_a_kill = Generations(State(tmp_path / "state.db"))
    assert after_a_kill.all(key) == {"m1": 5}
    after_a_kill.admit(order(**{name: 5}))
    with pytest.raises(errors.StaleOrder, match="orders of generation 5"):
        after_a_kill.admit(order(**{name: 4}))


def test_what_an_order_came_to_is_durable_before_it_is_said(make_site):
    """The vault asks again where the answer was lost, and gets the same one."""
    site, asked = make_site("a"), order()
    appliance = Appliance(site.config, site.fabric)
    said = appliance.desk.perform(asked)
    assert State(site.config.state_file).report(asked.order_id) == said
    appliance.desk.stop()
    appliance.state.close()
