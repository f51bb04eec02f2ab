"""The network that the drills of several machines share: made by the first, removed by the last, never
again by a late order."""

import uuid

import pytest

from rig import dying
from rig.appliances import runs
from secondsite.appliance.orders.networks import drill_networks
from secondsite.domain.networks import served_addresses
from secondsite.ground import seams
from secondsite.wire.common.machines import NetworkService, ServedHost
from secondsite.wire.control import Order
from secondsite.wire.control.orders import CreateNetwork, DrillNetwork, Kind, RemoveReplica

pytestmark = pytest.mark.slow
SHARED = CreateNetwork(name="ss-shared", drill="run")
OTHER = "the-other-machine"


def names(site):
    return [network.name for network in site.fabric.networks.list()]


def numbered(kind, machine_id, number, payload=SHARED):
    return Order(
        order_id=uuid.uuid4().hex, kind=kind, machine_id=machine_id, drill_generation=number,
        payload=payload.model_dump(mode="json"),
    )  # fmt: skip


def test_it_stands_until_the_last_machine_has_left(pair):
    for machine_id in (pair.machine_id, OTHER, OTHER):
        pair.target.do(Kind.CREATE_NETWORK, SHARED, machine_id)
    pair.target.do(Kind.REMOVE_NETWORK, SHARED, pair.machine_id)
    assert names(pair.target) == ["ss-shared"]
    for _ in range(2):
        pair.target.do(Kind.REMOVE_NETWORK, SHARED, OTHER)
    assert names(pair.target) == []
    assert pair.target.appliance.state.facts("drill-network/") == {}


BY_RUN = SHARED.model_copy(update={"run": "run-of-a-plan"})


def test_the_run_of_a_plan_uses_it_like_a_machine_and_comes_back_no_more(pair):
    pair.target.do(Kind.CREATE_NETWORK, BY_RUN)
    assert names(pair.target) == ["ss-shared"]
    for machine_id in (pair.machine_id, OTHER):
        pair.target.do(Kind.CREATE_NETWORK, SHARED, machine_id)
    pair.target.do(Kind.REMOVE_NETWORK, SHARED, pair.machine_id)
    pair.target.do(Kind.REMOVE_NETWORK, SHARED, OTHER)
    assert names(pair.target) == ["ss-shared"]
    for _ in range(2):
        pair.target.do(Kind.REMOVE_NETWORK, BY_RUN)
    assert names(pair.target) == []
    late = pair.target.order(Kind.CREATE_NETWORK, BY_RUN)
    assert late.problem.code == "stale-order"
    assert (names(pair.target), pair.target.appliance.state.facts("drill-network/")) == ([], {})


def test_a_machine_that_stays_keeps_it_after_the_run(pair):
    for order, machine_id in ((BY_RUN, None), (SHARED, OTHER)):
        pair.target.do(Kind.CREATE_NETWORK, order, machine_id)
    pair.target.do(Kind.REMOVE_NETWORK, BY_RUN)
    assert names(pair.target) == ["ss-shared"]
    pair.target.do(Kind.REMOVE_NETWORK, SHARED, OTHER)
    assert names(pair.target) == []


def test_a_forgotten_drill_leaves_it_to_the_machine_that_still_uses_it(pair):
    pair.protect().synchronized()
    for machine_id in (pair.machine_id, OTHER):
        pair.target.do(Kind.CREATE_NETWORK, SHARED, machine_id)
    runs.start(pair, "drill", pair.point_now())
    pair.target.do(Kind.REMOVE_REPLICA, RemoveReplica(keep_running=True, ended=True), pair.machine_id)
    assert names(pair.target) == ["ss-shared"]
    pair.target.do(Kind.REMOVE_NETWORK, SHARED, OTHER)
    assert names(pair.target) == []


def test_an_order_to_make_it_that_comes_after_the_clean_up_is_refused(pair):
    perform = pair.target.perform
    assert perform(numbered(Kind.CREATE_NETWORK, OTHER, 1)).problem is None
    assert perform(numbered(Kind.REMOVE_NETWORK, OTHER, 2)).problem is None
    assert perform(numbered(Kind.CREATE_NETWORK, OTHER, 1)).problem.code == "stale-order"
    assert names(pair.target) == []


def test_a_machine_of_a_new_drill_leaves_what_its_last_one_left_over(pair):
    again = CreateNetwork(name="ss-again", drill="next")
    pair.target.do(Kind.CREATE_NETWORK, SHARED, OTHER)
    pair.target.do(Kind.CREATE_NETWORK, again, OTHER)
    assert names(pair.target) == ["ss-again"]


@pytest.mark.parametrize("user", [(SHARED, OTHER), (BY_RUN, None)], ids=["machine", "run"])
@pytest.mark.parametrize("seam", ["appliance.network.entered", "appliance.network.removed"])
def test_a_kill_in_between_leaves_nothing_after_the_clean_up(pair, seam, user):
    entering = seam.endswith("entered")
    if not entering:
        pair.target.do(Kind.CREATE_NETWORK, *user)
    kind = Kind.CREATE_NETWORK if entering else Kind.REMOVE_NETWORK
    with seams.armed(dying.at(seam)), pytest.raises(dying.Killed):
        pair.target.order(kind, *user)
    pair.target.stop()
    pair.target.start()
    pair.target.do(Kind.REMOVE_NETWORK, *user)
    assert (names(pair.target), pair.target.appliance.state.facts("drill-network/")) == ([], {})


SERVED = CreateNetwork(
    name="ss-shared",
    drill="run",
    serving=NetworkService(subnet="10.9.8.0/24", hosts=(ServedHost(name="db01", mac="52:54:00:00:00:02"),)),
)


def restarted(site):
    site.stop()
    site.start()
    return site


def offered(site):
    """What the simulated network offers."""
    return NetworkService.model_validate_json((site.root / "networks" / "ss-shared.serving").read_bytes())


def test_all_machines_that_use_it_are_named_on_it_and_after_a_restart_again(pair):
    other = NetworkService(subnet="10.9.8.0/24", hosts=(ServedHost(name="web01", mac="52:54:00:00:00:01"),))
    pair.target.do(Kind.CREATE_NETWORK, SERVED, OTHER)
    pair.target.do(Kind.CREATE_NETWORK, SERVED.model_copy(update={"serving": other}), pair.machine_id)
    (pair.target.root / "networks" / "ss-shared.serving").unlink()
    restarted(pair.target)
    assert [host.name for host in offered(pair.target).hosts] == ["db01", "web01"]


def test_the_appliance_starts_although_the_host_lost_the_network_and_the_clean_up_leaves_nothing(pair):
    pair.target.do(Kind.CREATE_NETWORK, SERVED, OTHER)
    pair.target.fabric.networks.remove("ss-shared", "run")
    restarted(pair.target)
    assert names(pair.target) == []
    pair.target.do(Kind.REMOVE_NETWORK, SERVED, OTHER)
    assert pair.target.appliance.state.facts("drill-network/") == {}


def test_the_appliance_starts_although_it_cannot_serve_the_network(pair, monkeypatch):
    """A full file system, or a program that an upgrade took away: all machines of the site stood still."""
    pair.target.do(Kind.CREATE_NETWORK, SERVED, OTHER)

    def fails(*_asked):
        raise OSError(28, "No space left on device", "dnsmasq.log")

    with monkeypatch.context() as patch:
        patch.setattr(type(pair.target.fabric.networks), "serve", fails)
        restarted(pair.target)
    assert pair.target.appliance.state.facts("drill-network/")


def served(name, number, address):
    host = ServedHost(name=name, mac=f"52:54:00:00:00:0{number}", address=address)
    return SHARED.model_copy(update={"serving": NetworkService(subnet="10.9.8.0/24", hosts=(host,))})


def test_a_card_gets_the_address_of_its_failover_and_the_second_that_wants_it_another(pair):
    first = pair.target.do(Kind.CREATE_NETWORK, served("db01", 2, "10.9.8.5"), OTHER)
    second = pair.target.do(Kind.CREATE_NETWORK, served("web01", 1, "10.9.8.5"), pair.machine_id)
    assert first["leased"] == {"52:54:00:00:00:02": "10.9.8.5"}
    (another,) = second["leased"].values()
    assert another != "10.9.8.5"
    assert {host.name: host.address for host in offered(pair.target).hosts} == {
        "db01": "10.9.8.5",
        "web01": another,
    }


def test_an_order_that_comes_twice_gets_the_same_address(pair):
    asked = served("db01", 2, None)
    once = pair.target.do(Kind.CREATE_NETWORK, asked, OTHER)
    assert pair.target.do(Kind.CREATE_NETWORK, asked, OTHER)["leased"] == once["leased"]
    assert len(once["leased"]) == 1


def test_it_says_why_a_card_gets_another_address(pair):
    pair.target.do(Kind.CREATE_NETWORK, served("db01", 2, "10.9.8.5"), OTHER)
    sentence = pair.target.order(
        Kind.CREATE_NETWORK, served("web01", 1, "10.9.8.5"), pair.machine_id
    ).sentence
    assert "instead of 10.9.8.5, which db01 has" in sentence
    apart = pair.target.order(Kind.CREATE_NETWORK, served("web01", 1, "10.2.0.5"), pair.machine_id).sentence
    assert "instead of 10.2.0.5, which is not in 10.9.8.0/24" in apart


def test_of_one_machine_s_cards_that_without_a_wish_leaves_the_other_its_own(pair):
    takes = served_addresses.lease("10.9.8.0/24", "52:54:00:00:00:01", None, {}).address
    hosts = (
        ServedHost(name="db01", mac="52:54:00:00:00:01"),
        ServedHost(name="db01", mac="52:54:00:00:00:02", address=takes),
    )
    asked = SHARED.model_copy(update={"serving": NetworkService(subnet="10.9.8.0/24", hosts=hosts)})
    assert pair.target.do(Kind.CREATE_NETWORK, asked, OTHER)["leased"]["52:54:00:00:00:02"] == takes


def test_a_machine_that_joins_many_reads_only_what_has_come_since_the_one_before(pair, monkeypatch):
    read, plain = [], DrillNetwork.model_validate_json

    def parse(said):
        read.append(said)
        return plain(said)

    monkeypatch.setattr(DrillNetwork, "model_validate_json", parse)
    drill_networks._read.cache_clear()  # noqa: SLF001 what other tests have read
    for number in range(30):
        host = ServedHost(name=f"vm{number:02}", mac=f"52:54:00:00:00:{number:02x}")
        serving = NetworkService(subnet="10.0.0.0/16", hosts=(host,))
        asked = SHARED.model_copy(update={"serving": serving})
        report = pair.target.order(Kind.CREATE_NETWORK, asked, f"m{number}")
    assert len(read) == 30
    said = report.sentence
    assert said.startswith("isolated network ss-shared is there, shared with 29 other machines")
    assert "vm19" in said
    assert said.endswith(" and 10 more")
    for number in range(30):
        pair.target.do(Kind.REMOVE_NETWORK, SHARED, f"m{number}")
    assert names(pair.target) == []
