"""What an appliance says of a guest's addresses: only if it is asked, and bounded, for a guest says what it likes."""

import pytest

from secondsite.appliance.orders.names import addresses
from secondsite.wire.control.orders import MOST_TOLD, FabricMachine, Kind, PowerFact
from tests.appliance.orders.names.support_names import give, mac

MAC = "52:54:00:00:00:01"


def test_only_addresses_of_cards_are_said_and_not_too_many():
    many = [f"10.0.{number // 200}.{number % 200 + 1}" for number in range(900)]
    found = addresses.bounded(
        {MAC: ["x", "fd00::1", *many], "no card": ["10.0.0.1"], "52:54:00:00:00:02": []}
    )
    assert list(found) == [MAC]
    assert found[MAC] == tuple(many[:MOST_TOLD])
    assert PowerFact(power="running", addresses=found).addresses == found


@pytest.mark.slow
def test_a_running_guest_is_asked_only_if_that_is_wanted(sites):
    site = sites[1]
    fabric_id = site.make_machine("web01", guest_agent=True)
    give(site, fabric_id, "10.1.0.5")
    assert site.do(Kind.POWER, FabricMachine(fabric_id=fabric_id))["addresses"] == {}
    told = site.do(Kind.POWER, FabricMachine(fabric_id=fabric_id, tell_addresses=True))
    assert told["addresses"] == {mac(site, fabric_id): ["10.1.0.5"]}
