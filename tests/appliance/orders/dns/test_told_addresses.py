"""What an appliance says of a guest's addresses: only if it is asked, and bounded, for a guest says what
it likes."""

import pytest

from secondsite.appliance.orders.dns import addresses
from secondsite.wire.control.orders import MOST_TOLD, FabricMachine, Kind, PowerFact
from tests.appliance.orders.dns.support_names import NAME, give, mac, updated

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


class Guest:
    """Its agent says these addresses of its card."""

    def __init__(self, inner, mac, *said):
        self._inner, self._mac, self._said = inner, mac, said

    def told(self, _fabric_id):
        return {self._mac: list(self._said)}

    def __getattr__(self, name):
        return getattr(self._inner, name)


@pytest.mark.slow
@pytest.mark.parametrize(
    "said",
    ["evil", "10.2.0.77 ; of the guest", "10.2.0.77\n10.2.0.78", "fd00::1", "224.0.0.1", "255.255.255.255",
    "x" * 100_000],
)  # fmt: skip
def test_what_is_no_address_of_a_machine_reaches_no_name_server(site, server, fabric_id, monkeypatch, said):
    """What the server reads as another address than was sent was sent again, hundreds of times a second,
    until the time was over; what it does not read failed the whole order, with the names of the other
    cards."""
    guest = Guest(site.fabric.addressing, mac(site, fabric_id), said)
    monkeypatch.setattr(site.fabric, "addressing", guest)
    serial = server.serial()
    sentence, (verdict,) = updated(site, fabric_id)
    assert (verdict["address"], server.addresses(NAME)) == ("10.2.0.5", ["10.2.0.5"])
    assert server.serial() == serial + 1
    assert len(sentence) < 100
