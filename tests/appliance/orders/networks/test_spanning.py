"""A network that spans hosts at one of them: with the owner's segment only, the same addresses at each, and
made anew after a restart of the host."""

import pytest

from rig import dying
from rig.eventually import eventually
from secondsite.appliance.orders import mend_networks
from secondsite.fabrics.simulated.networks import LOOPBACK
from secondsite.ground import seams
from secondsite.wire.common.machines import NetworkService, NetworkSpan, ServedHost
from secondsite.wire.control.orders import CreateNetwork, Kind

pytestmark = pytest.mark.slow
OTHER = "the-other-machine"
HOSTS = (
    ServedHost(name="web01", mac="52:54:00:00:00:01"),
    ServedHost(name="db01", mac="52:54:00:00:00:02", address="10.9.8.5"),
    ServedHost(name="app01", mac="52:54:00:00:00:03", address="10.9.8.5"),
)
SPANNED = CreateNetwork(
    name="ss-shared",
    drill="run",
    serving=NetworkService(subnet="10.9.8.0/24", hosts=HOSTS),
    span=NetworkSpan(vni=77, mtu=1450, members=(LOOPBACK, "10.5.0.2")),
)


@pytest.fixture
def at(pair):
    pair.target.restart(drill_segment=LOOPBACK)
    return pair.target


def folder(site):
    return site.root / "networks"


def known(site):
    return sorted(each.name for each in folder(site).iterdir())


WHOLE = ["ss-shared.json", "ss-shared.serving", "ss-shared.spans"]


def test_every_machine_of_the_host_gets_what_the_first_one_got(at):
    first = at.do(Kind.CREATE_NETWORK, SPANNED, OTHER)
    second = at.do(Kind.CREATE_NETWORK, SPANNED, "another")
    assert first["leased"] == second["leased"]
    assert len(set(first["leased"].values())) == 3
    assert "over 2 hosts" in at.order(Kind.CREATE_NETWORK, SPANNED, OTHER).sentence


def test_two_hosts_give_the_same_addresses(at, pair):
    pair.source.restart(drill_segment=LOOPBACK)
    there = pair.source.do(Kind.CREATE_NETWORK, SPANNED, OTHER)
    assert there["leased"] == at.do(Kind.CREATE_NETWORK, SPANNED, "another")["leased"]


@pytest.mark.parametrize("named", [None, "10.5.0.9"])
def test_over_a_segment_that_the_owner_has_not_named_it_is_not_made(pair, named):
    pair.target.restart(drill_segment=named)
    report = pair.target.order(Kind.CREATE_NETWORK, SPANNED, OTHER)
    assert report.problem.code == "not-possible-now"
    assert (named or "not named") in report.problem.message
    pair.target.do(Kind.REMOVE_NETWORK, SPANNED, OTHER)
    assert pair.target.appliance.state.facts("drill-network/") == {}


def test_it_is_made_anew_with_the_host(at):
    at.do(Kind.CREATE_NETWORK, SPANNED, OTHER)
    at.stop()
    for each in folder(at).iterdir():
        each.unlink()
    at.start()
    assert known(at) == WHOLE
    (folder(at) / "ss-shared.spans").unlink()
    mend_networks(at.appliance.state, at.fabric, LOOPBACK)
    assert known(at) == WHOLE


def test_what_somebody_flushed_of_it_is_back_within_seconds(at):
    at.do(Kind.CREATE_NETWORK, SPANNED, OTHER)
    (folder(at) / "ss-shared.spans").unlink()
    eventually(lambda: known(at) == WHOLE, within_seconds=10)


def test_it_goes_whole_with_the_last_machine_and_is_not_made_anew(at):
    for machine_id in (OTHER, "another"):
        at.do(Kind.CREATE_NETWORK, SPANNED, machine_id)
    at.do(Kind.REMOVE_NETWORK, SPANNED, OTHER)
    assert known(at) == WHOLE
    at.do(Kind.REMOVE_NETWORK, SPANNED, "another")
    mend_networks(at.appliance.state, at.fabric, LOOPBACK)
    assert known(at) == []


@pytest.mark.parametrize("seam", ["appliance.network.entered", "appliance.network.made"])
def test_a_kill_while_it_is_made_leaves_nothing_after_the_clean_up(at, seam):
    with seams.armed(dying.at(seam)), pytest.raises(dying.Killed):
        at.order(Kind.CREATE_NETWORK, SPANNED, OTHER)
    at.stop()
    at.start()
    assert known(at) == WHOLE
    at.do(Kind.REMOVE_NETWORK, SPANNED, OTHER)
    assert (known(at), at.appliance.state.facts("drill-network/")) == ([], {})


def test_the_segment_is_reported_with_what_is_wrong_with_it(at):
    at.appliance.capacity.look()
    assert at.appliance.capacity.latest.segment.address == LOOPBACK
    assert at.appliance.capacity.latest.segment.problem is None
    at.restart(drill_segment="203.0.113.9")
    at.appliance.capacity.look()
    assert "No interface of this host" in str(at.appliance.capacity.latest.segment.problem)
