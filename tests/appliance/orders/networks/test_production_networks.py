"""A network that a test failover is to use is looked at: whose machines are on it?"""

import pytest

from secondsite.fabrics import simulated
from secondsite.ground.units import MiB
from secondsite.wire.control.checks import CheckTarget
from secondsite.wire.control.orders import Kind, StartReplica

pytestmark = pytest.mark.slow


def warned(pair, network):
    payload = CheckTarget(networks=(network,), test_networks=(network,))
    return pair.target.do(Kind.CHECK_TARGET, payload, pair.machine_id)["obstacles"]


def test_machines_of_the_site_make_it_one_of_production(pair):
    simulated.add_network(pair.target.root, "lan")
    assert warned(pair, "lan") == []
    for number in range(5):
        simulated.make_machine(pair.target.root, f"db0{number}", [4 * MiB], networks=("lan",))
    (found,) = warned(pair, "lan")
    assert "one of production: db00, db01, db02 and 2 other machines" in found["what"]
    assert not found["blocking"]


def test_machines_of_test_failovers_do_not(pair):
    pair.protect().synchronized()
    simulated.add_network(pair.target.root, "lab")
    payload = StartReplica(
        run="drill",
        point_id=pair.point_now(),
        fabric_id="7b6b1c2e-0000-4000-8000-000000000001",
        name="web01-test",
        networks={nic.key: "lab" for nic in pair.definition().nics},
    )
    pair.target.do(Kind.START_REPLICA, payload, pair.machine_id)
    copy = pair.target.fabric.inventory.get(payload.fabric_id)
    assert {nic.network for nic in copy.definition.nics} == {"lab"}
    assert warned(pair, "lab") == []


def test_one_that_leads_on_is_warned_of_and_one_that_does_not_is_not(pair):
    simulated.add_network(pair.target.root, "lab")
    assert warned(pair, "lab") == []
    simulated.add_network(
        pair.target.root, "lan", leads_to=("card eth0", "its host, which is in 10.2.0.0/24")
    )
    (found,) = warned(pair, "lan")
    assert (
        "not isolated: a test machine on it can reach card eth0, its host, which is in 10.2.0.0/24"
        in found["what"]
    )
    assert not found["blocking"]
