"""Addresses of a failed-over machine that a DHCP server of the site gives: reserved before it starts,
released when it leaves."""

import json
import uuid

import pytest

from rig import dying
from rig.appliances.runs import close
from secondsite.fabrics import simulated
from secondsite.ground import seams
from secondsite.wire.common.cards import CardAddress
from secondsite.wire.control.orders import Kind, StartReplica, StopReplica

pytestmark = pytest.mark.slow
MAC, OTHER = "52:54:00:00:00:01", "52:54:00:00:00:02"


@pytest.fixture
def protected(pair):
    pair.protect().synchronized()
    simulated.add_network(pair.target.root, "lan-b")
    return pair


def serve(pair, **reserved):
    (pair.target.root / "networks" / "lan-b.reserved").write_text(json.dumps(reserved))


def there(pair):
    return dict(pair.target.fabric.networks.reservations("lan-b") or {})


def payload(point_id, address="10.2.0.5/24", run="failover"):
    wanted = CardAddress(key="net0", mac=MAC, address=address)
    return StartReplica(
        run=run, point_id=point_id, fabric_id=str(uuid.uuid5(uuid.NAMESPACE_DNS, "x")), name="Web 01",
        networks={"net0": "lan-b"}, addresses=(wanted,),
    )  # fmt: skip


def start(pair, asked):
    close(pair)
    report = pair.target.order(Kind.START_REPLICA, asked, pair.machine_id)
    assert report.problem is None, report.problem
    return report.sentence


def leave(pair, asked):
    stopped = StopReplica(run="failover", fabric_id=asked.fabric_id)
    report = pair.target.order(Kind.STOP_REPLICA, stopped, pair.machine_id)
    assert report.problem is None, report.problem
    return report.sentence


def test_the_server_gives_the_card_its_address_until_the_machine_leaves(protected):
    serve(protected)
    asked = payload(protected.point_now())
    assert "the DHCP server of lan-b gives 10.2.0.5 to net0" in start(protected, asked)
    assert there(protected) == {MAC: "10.2.0.5"}
    assert "the DHCP server of lan-b has 10.2.0.5 back" in leave(protected, asked)
    assert there(protected) == {}


def test_a_repeat_with_another_address_changes_what_is_ours(protected):
    serve(protected)
    point_id = protected.point_now()
    start(protected, payload(point_id))
    start(protected, payload(point_id, "10.2.0.6/24"))
    assert there(protected) == {MAC: "10.2.0.6"}


def test_what_the_owner_of_the_network_has_set_stays_and_is_said(protected):
    serve(protected, **{MAC: "10.2.0.9"})
    asked = payload(protected.point_now())
    assert "gives 10.2.0.9 to net0, as its owner has set it" in start(protected, asked)
    leave(protected, asked)
    assert there(protected) == {MAC: "10.2.0.9"}


def test_an_address_that_is_another_card_s_stops_no_start(protected):
    serve(protected, **{OTHER: "10.2.0.5"})
    asked = payload(protected.point_now())
    said = start(protected, asked)
    assert said.startswith("started Web 01")
    assert "net0 is not given 10.2.0.5/24 by the DHCP server of lan-b: 10.2.0.5 is another card's" in said
    leave(protected, asked)
    assert there(protected) == {OTHER: "10.2.0.5"}


def test_a_network_without_a_server_is_left_alone_and_so_is_a_card_that_is_not_connected(protected):
    asked = payload(protected.point_now())
    assert "DHCP" not in start(protected, asked)
    leave(protected, asked)
    serve(protected)
    unplugged = asked.model_copy(update={"networks": {"net0": None}})
    assert "DHCP" not in start(protected, unplugged)
    assert there(protected) == {}


def test_an_appliance_that_dies_before_it_reserves_leaves_nothing_behind(protected):
    serve(protected)
    asked = payload(protected.point_now())
    close(protected)
    with seams.armed(dying.at("appliance.reservation.noted")), pytest.raises(dying.Killed):
        protected.target.order(Kind.START_REPLICA, asked, protected.machine_id)
    assert there(protected) == {}
    start(protected, asked)
    assert there(protected) == {MAC: "10.2.0.5"}
    leave(protected, asked)
    assert there(protected) == {}
