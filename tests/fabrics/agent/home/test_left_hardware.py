"""A machine that came home to another server has left its old one, which anybody may switch on."""

from typing import Any

from secondsite.fabrics.agent.other_server import OtherServer
from tests.fabrics.agent.support_known import ID, Known


class Link:
    """The agents of an appliance, as far as they are asked here."""

    def __init__(self, product):
        self.product = product

    def find(self, _):
        return Known(rescue=True, hello={"product_uuid": self.product})


def settle(records, product):
    link: Any = Link(product)
    records.change(ID, **OtherServer(link, records).settled(ID))
    return records.get(ID)


def test_the_server_that_it_left_is_remembered_until_it_comes_home_to_that(records):
    records.change(ID, hardware="old", others={"sda": "wwn:1"})
    found = settle(records, "new")
    assert (found.hardware, found.replaced) == ("new", ("old",))
    found = settle(records, "newer")
    assert (found.hardware, found.replaced) == ("newer", ("new", "old"))
    found = settle(records, "old")
    assert (found.hardware, found.replaced) == ("old", ("new", "newer"))


def test_its_own_disks_in_another_server_replace_none_and_work_there(records):
    records.change(ID, hardware="old")
    found = settle(records, "new")
    assert (found.hardware, found.replaced) == ("new", ())
    assert settle(records, "").hardware == "new"
    records.change(ID, hardware="new", replaced=("older", "old"))
    found = settle(records, "old")
    assert (found.hardware, found.replaced) == ("old", ("older",)), "it is none of those that it left"


def test_the_server_that_it_left_is_replaced_also_by_one_without_a_number(records):
    records.change(ID, hardware="old", others={"sda": "wwn:1"})
    found = settle(records, "")
    assert (found.hardware, found.replaced) == (None, ("old",))
