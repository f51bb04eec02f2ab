"""Orders to let names point to a machine, as the vault gives them."""

import uuid

from secondsite.appliance.shared import NameServer
from secondsite.wire.common.cards import CardAddress
from secondsite.wire.control import Order
from secondsite.wire.control.names import CardName, UpdateNames
from secondsite.wire.control.orders import Kind

MACHINE = "11111111-2222-4333-8444-555555555555"
NAME = "web01.shop.example"


def settings(server, **more):
    return NameServer.model_validate({**server.settings, **more})


def mac(site, fabric_id):
    return site.definition(fabric_id).nics[0].mac


def payload(site, fabric_id, *names, address="10.2.0.5", try_seconds=3.0):
    wanted = tuple(
        CardName(name=name, key="net0", mac=mac(site, fabric_id), address=address)
        for name in names or (NAME,)
    )
    return UpdateNames(
        fabric_id=fabric_id, machine="web01", names=wanted, wait_seconds=0, try_seconds=try_seconds
    )


def order(asked, generation=1, order_id=None):
    return Order(
        order_id=order_id or uuid.uuid4().hex,
        kind=Kind.UPDATE_NAMES,
        machine_id=MACHINE,
        payload=asked.model_dump(mode="json"),
        deadline_seconds=60,
        generation=generation,
    )


def updated(site, fabric_id, *names, generation=1, **how):
    """The sentence, and what came of each name."""
    report = site.perform(order(payload(site, fabric_id, *names, **how), generation))
    assert report.problem is None, report.problem
    return report.sentence, report.facts["verdicts"]


def missed(site, fabric_id, *names, **how):
    """Why the only name was not changed."""
    _, (verdict,) = updated(site, fabric_id, *names, **how)
    assert verdict["address"] is None, verdict
    return verdict["said"]


def give(site, fabric_id, address):
    """The guest's agent says from now on that its card has this address."""
    card = CardAddress(key="net0", mac=mac(site, fabric_id), address=f"{address}/24")
    site.fabric.addressing.give(fabric_id, card, "m", 1)
