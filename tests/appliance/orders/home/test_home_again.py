"""Coming home brings the same machine home: its own cards and networks, whatever it had at the other site."""

import pytest

from rig import images
from rig.appliances import Pair
from rig.appliances.runs import back, start
from rig.errors import OrderFailed
from rig.noise import noise
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import MissingPart, Obstacle, PowerState
from secondsite.fabrics.simulated.host import faults
from secondsite.fabrics.simulated.host.host import Host
from secondsite.fabrics.simulated.hosting import SimulatedHosting
from secondsite.ground.units import MiB
from secondsite.rescue import START, trusted
from secondsite.wire.common.sync_mode import SyncMode
from secondsite.wire.control.cards import LocalCard
from secondsite.wire.control.checks import CheckTarget, HomeCards
from secondsite.wire.control.orders import AcceptCycles, CommitPoint, Kind, ShutDown, StartReplica
from secondsite.wire.control.rescue_manifest import KeepRescueManifest, RescueMachine

pytestmark = pytest.mark.slow


def with_two_cards(sites, first="storage"):
    a, b = sites
    fabric_id = simulated.make_machine(a.root, "web01", [4 * MiB], networks=[first, "lan"], vcpus=3)
    a.fabric.power.start(fabric_id)
    return Pair(a, b, fabric_id).protect().synchronized()


def nics(site, fabric_id):
    return [(nic.mac, nic.network) for nic in site.definition(fabric_id).nics]


def went(pair):
    """The machine runs at the other site with its second card only; its definition at home, and its id
    there."""
    home = pair.definition()
    point_id = pair.point_now()
    pair.pause()
    by_mac = {home.nics[0].mac: None, home.nics[1].mac: "lan-b"}
    away = start(pair, "failover", point_id, name="web01", networks_by_mac=by_mac)["fabric_id"]
    pair.target.write(away, MiB, noise(MiB))
    pair.target.do(Kind.COMMIT_POINT, CommitPoint(point_id=point_id), pair.machine_id)
    return home, away


def went_and_returns(pair):
    """The same, and it is protected back; its definition at home."""
    home, away = went(pair)
    reverse = back(pair, away)
    return home, reverse, last_point(pair, reverse, away)


def last_point(pair, reverse, away):
    pair.target.do(Kind.SHUT_DOWN, ShutDown(fabric_id=away), pair.machine_id)
    return reverse.point_now(final=True)


def deleted_at_home(pair):
    """Off first, so that no cycle writes the record once more."""
    pair.pause()
    pair.source.do(Kind.SHUT_DOWN, ShutDown(fabric_id=pair.fabric_id), pair.machine_id)
    host = Host(pair.source.root)
    record = host.records.get(pair.fabric_id)
    assert record is not None
    host.close(record)
    host.records.delete(pair.fabric_id)


def returns_to_new_disks(pair, home, away):
    """Its old copy is gone there."""
    reverse = Pair(pair.target, pair.source, away, pair.machine_id)
    reverse.epoch = pair.epoch + 1
    setup = reverse.replica_setup(definition=home, existing_fabric_id=pair.fabric_id)
    reverse.target.do(Kind.PREPARE_REPLICA, setup, pair.machine_id)
    reverse.source.do(Kind.START_REPLICATION, reverse.source_setup(sync=SyncMode.COPY), pair.machine_id)
    return reverse.synchronized()


def test_a_machine_comes_home_as_it_was_withdrawn(sites):
    pair = with_two_cards(sites)
    home, reverse, point_id = went_and_returns(pair)
    start(reverse, "failover", point_id, name="web01", fabric_id=pair.fabric_id, home=True)
    found = pair.definition()
    assert found.nics == home.nics
    assert (found.vcpus, found.native) == (home.vcpus, home.native)
    assert found.disks[0].path != home.disks[0].path


def test_cards_are_known_by_their_addresses_and_not_by_their_place(sites):
    pair = with_two_cards(sites)
    home, reverse, point_id = went_and_returns(pair)
    by_mac = {nic.mac: nic.network for nic in home.nics}
    by_key = {"net0": "storage", "net1": "lan"}
    made = start(reverse, "failover", point_id, name="web01", networks=by_key, networks_by_mac=by_mac)
    assert (home.nics[1].mac, "lan") in nics(pair.source, made["fabric_id"])


def test_what_home_wrote_and_never_sent_is_read_from_its_own_disk_until_the_commit(sites, tmp_path):
    """By a program that takes QEMU's lock, as a person's would: `qemu-nbd -r` or `qemu-img convert`."""
    pair = with_two_cards(sites)
    point_id = pair.point_now()
    pair.pause()
    never_sent = noise(MiB)
    pair.source.write(pair.fabric_id, 2 * MiB, never_sent)
    own, held = pair.definition().disks[0].path, pair.source.read(pair.fabric_id)
    away = start(pair, "failover", point_id, name="web01")["fabric_id"]
    pair.target.write(away, 2 * MiB, noise(MiB))
    pair.target.do(Kind.COMMIT_POINT, CommitPoint(point_id=point_id), pair.machine_id)
    reverse = back(pair, away)
    first = reverse.point_now()
    pair.target.write(away, MiB, noise(MiB))
    reverse.point_now()
    reverse.target.drop(reverse.machine_id, first)
    pair.target.do(Kind.SHUT_DOWN, ShutDown(fabric_id=away), pair.machine_id)
    last = reverse.point_now(final=True)
    start(reverse, "failover", last, name="web01", fabric_id=pair.fabric_id, home=True)
    images.qemu_img("convert", "-O", "raw", own, tmp_path / "looked-at")
    assert (tmp_path / "looked-at").read_bytes() == held


def test_made_anew_at_home_it_has_all_the_cards_with_which_it_left(sites):
    pair = with_two_cards(sites)
    home, away = went(pair)
    deleted_at_home(pair)
    reverse = returns_to_new_disks(pair, home, away)
    point_id = last_point(pair, reverse, away)
    written = reverse.point_bytes(point_id)
    by_mac = {home.nics[0].mac: "storage", home.nics[1].mac: "new-lan"}
    start(
        reverse,
        "failover",
        point_id,
        name="web01",
        fabric_id=pair.fabric_id,
        home=True,
        networks_by_mac=by_mac,
    )
    assert nics(pair.source, pair.fabric_id) == [*by_mac.items()]
    assert pair.definition().vcpus == home.vcpus
    assert pair.source.read(pair.fabric_id) == written


def asked_for(pair, home, network):
    """What the check of home says of the network of its one card."""
    card = LocalCard(key="net0", mac=home.nics[0].mac, network=network)
    wanted = CheckTarget(home=HomeCards(fabric_id=pair.fabric_id, cards=(card,)))
    found = pair.source.do(Kind.CHECK_TARGET, wanted, pair.machine_id)["obstacles"]
    return [(each["what"].partition(",")[0], each["blocking"]) for each in found]


def test_networks_of_home_block_what_is_made_anew_and_are_told_of_what_comes_home_as_it_was(sites):
    pair = with_two_cards(sites)
    home = pair.definition()
    missing = [(f"There is no network '{nic.network}' here", False) for nic in home.nics]
    assert asked_for(pair, home, "no-such") == missing
    for name in ("storage", "lan"):
        simulated.add_network(pair.source.root, name)
    assert asked_for(pair, home, "no-such") == []
    deleted_at_home(pair)
    assert asked_for(pair, home, "lan") == []
    assert asked_for(pair, home, "no-such") == [("There is no network 'no-such' here", True)]
    odd = {"active": False, "problem": "The network 'lan' cannot be read. Edit it."}
    pair.source.fabric.networks.add(simulated.add_network(pair.source.root, "lan").model_copy(update=odd))
    card = LocalCard(key="net0", mac=home.nics[0].mac, network="lan")
    wanted = CheckTarget(home=HomeCards(fabric_id=pair.fabric_id, cards=(card,)))
    (found,) = pair.source.do(Kind.CHECK_TARGET, wanted, pair.machine_id)["obstacles"]
    assert (found["do"], found["blocking"]) == (odd["problem"], True)


def kept_ready(pair, reverse, cards=()):
    """What lies in the store at home for whoever starts the machine without a vault."""
    machine = RescueMachine(
        id=pair.machine_id, epoch=reverse.epoch, machine="web01", fabric_id=pair.fabric_id, name="web01",
        cards=cards, home=True
    )  # fmt: skip
    pair.source.do(Kind.KEEP, KeepRescueManifest(site="a", machines=(machine,)))
    return trusted(pair.source.replica_folder(pair.machine_id) / START)


def test_the_store_at_home_would_start_it_as_it_was_withdrawn(sites):
    pair = with_two_cards(sites)
    home, reverse, _point = went_and_returns(pair)
    ready = kept_ready(pair, reverse)
    assert [(nic["key"], nic["mac"]) for nic in ready["nics"]] == [(nic.key, nic.mac) for nic in home.nics]
    assert ready["networks"] == {"net0": "storage", "net1": "lan"}
    assert (ready["vcpus"], ready["as_it_was"]) == (3, True)


def test_the_store_at_home_would_make_one_that_was_deleted_as_it_left(sites):
    pair = with_two_cards(sites)
    home, away = went(pair)
    deleted_at_home(pair)
    reverse = returns_to_new_disks(pair, home, away)
    reverse.point_now()
    cards = tuple(LocalCard(key=nic.key, mac=nic.mac, network=f"new-{nic.network}") for nic in home.nics)
    ready = kept_ready(pair, reverse, cards)
    assert ready["networks"] == {"net0": "new-storage", "net1": "new-lan"}
    assert [nic["mac"] for nic in ready["nics"]] == [nic.mac for nic in home.nics]
    assert not ready["as_it_was"]


def refuses_to_start(site, nth=None):
    faults.dial(
        site.root,
        [faults.Fault(method="power.start", nth=nth, code="fabric-error", message="No such bridge.")],
    )


def comes_home(pair, reverse, point_id, **options):
    return pair.source.do(
        Kind.START_REPLICA,
        StartReplica(
            run="failover", point_id=point_id, name="web01", fabric_id=pair.fabric_id, home=True, **options
        ),
        reverse.machine_id,
    )


def test_in_need_it_starts_without_the_cards_whose_networks_are_gone(sites):
    pair = with_two_cards(sites)
    home, reverse, point_id = went_and_returns(pair)
    simulated.add_network(pair.source.root, "lan")
    reverse.target.do(Kind.ACCEPT_CYCLES, AcceptCycles(accepting=False), reverse.machine_id)
    refuses_to_start(pair.source, nth=1)
    comes_home(pair, reverse, point_id, without_missing_networks=True)
    assert nics(pair.source, pair.fabric_id) == [(home.nics[1].mac, "lan")]
    assert pair.source.fabric.power.state(pair.fabric_id) is PowerState.RUNNING


def test_a_portgroup_that_is_gone_at_home_blocks_and_in_need_the_card_is_left_out_of_a_start_that_would_work(
    sites,
):
    pair = with_two_cards(sites, "storage/backup")
    home, reverse, point_id = went_and_returns(pair)
    for name in ("storage", "lan"):
        simulated.add_network(pair.source.root, name)
    reverse.target.do(Kind.ACCEPT_CYCLES, AcceptCycles(accepting=False), reverse.machine_id)
    why = "The network 'storage' has no portgroup 'backup' here"
    assert asked_for(pair, home, "lan") == [(why, True)]
    order = StartReplica(
        run="failover", point_id=point_id, name="web01", fabric_id=pair.fabric_id, home=True,
        without_missing_networks=True,
    )  # fmt: skip
    sentence = pair.source.order(Kind.START_REPLICA, order, reverse.machine_id).sentence
    assert f"net0 is not connected: {why[0].lower()}{why[1:]}" in sentence
    assert nics(pair.source, pair.fabric_id) == [(home.nics[1].mac, "lan")]


@pytest.mark.parametrize("in_need", [True, False])
def test_one_that_does_not_start_for_another_reason_keeps_its_cards(sites, in_need):
    pair = with_two_cards(sites)
    home, reverse, point_id = went_and_returns(pair)
    reverse.target.do(Kind.ACCEPT_CYCLES, AcceptCycles(accepting=False), reverse.machine_id)
    refuses_to_start(pair.source)
    with pytest.raises(OrderFailed, match="No such bridge"):
        comes_home(pair, reverse, point_id, without_missing_networks=in_need)
    faults.dial(pair.source.root, [])
    comes_home(pair, reverse, point_id, without_missing_networks=in_need)
    assert pair.definition().nics == home.nics


def test_before_it_comes_home_in_need_missing_networks_only_warn(sites):
    pair = with_two_cards(sites)
    home = pair.definition()
    deleted_at_home(pair)
    card = LocalCard(key="net0", mac=home.nics[0].mac, network="no-such")
    wanted = CheckTarget(home_in_need=HomeCards(fabric_id=pair.fabric_id, cards=(card,)))
    (found,) = pair.source.do(Kind.CHECK_TARGET, wanted, pair.machine_id)["obstacles"]
    assert found["what"].startswith("There is no network 'no-such' here")
    assert not found["blocking"]


DISC, FOLDER = (
    MissingPart("disk 1", "/old/cd.iso (cdrom sda)", needed=False, medium=True),
    MissingPart("filesystem 0", "/srv/shared (filesystem shared)", needed=False),
)
FIRMWARE = MissingPart("", "/usr/share/OVMF/gone.fd (loader)", needed=True)


def lacks(monkeypatch, *gone):
    """What the platform would say of a definition that names it; a simulated one names nothing of its
    host."""
    monkeypatch.setattr(SimulatedHosting, "gone", lambda *_: gone)


def test_in_need_it_starts_without_what_else_is_gone_at_home_and_says_so(sites, monkeypatch):
    pair = with_two_cards(sites)
    _, reverse, point_id = went_and_returns(pair)
    reverse.target.do(Kind.ACCEPT_CYCLES, AcceptCycles(accepting=False), reverse.machine_id)
    lacks(monkeypatch, DISC, FOLDER)
    refuses_to_start(pair.source)
    with pytest.raises(OrderFailed, match="No such bridge"):
        comes_home(pair, reverse, point_id)
    refuses_to_start(pair.source, nth=1)
    order = StartReplica(
        run="failover", point_id=point_id, name="web01", fabric_id=pair.fabric_id, home=True,
        without_missing_networks=True
    )  # fmt: skip
    sentence = pair.source.order(Kind.START_REPLICA, order, reverse.machine_id).sentence
    assert f"it runs without what is gone at home: {DISC.what}, {FOLDER.what}" in sentence
    assert pair.source.fabric.power.state(pair.fabric_id) is PowerState.RUNNING


@pytest.mark.parametrize("in_need", [True, False])
def test_what_is_gone_at_home_is_found_before_anything_stops(sites, monkeypatch, in_need):
    pair = with_two_cards(sites)
    home, reverse, _ = went_and_returns(pair)
    for network in home.nics:
        simulated.add_network(pair.source.root, network.network)
    lacks(monkeypatch, DISC, FOLDER, FIRMWARE)
    cards = HomeCards(fabric_id=pair.fabric_id)
    wanted = CheckTarget(home_in_need=cards) if in_need else CheckTarget(home=cards)
    found = pair.source.do(Kind.CHECK_TARGET, wanted, reverse.machine_id)["obstacles"]
    said = {each["what"].partition(" is gone")[0]: each["blocking"] for each in found}
    assert said == {DISC.what: False, FOLDER.what: not in_need, FIRMWARE.what: not in_need}
    assert any("machine failover MACHINE --shut-down" in each["do"] for each in found)


def test_a_host_that_could_not_run_a_machine_made_anew_at_home_says_so_before_anything_stops(
    sites, monkeypatch
):
    """The site was lost with all that it had: its new host lacks what the machine boots from."""
    pair = with_two_cards(sites)
    home, away = went(pair)
    kernel = Obstacle("The machine cannot run here: there is no kernel.", "Put it there.")
    tried = []

    def refuses(_, definition, sizing):
        tried.append(definition.name)
        return [kernel]

    monkeypatch.setattr(SimulatedHosting, "check", refuses)

    def told(returning):
        order = CheckTarget(home=HomeCards(fabric_id=pair.fabric_id))
        found = pair.source.do(Kind.CHECK_TARGET, order, returning.machine_id)["obstacles"]
        return [each["what"] for each in found if each["what"] == kernel.what and each["blocking"]]

    deleted_at_home(pair)
    reverse = returns_to_new_disks(pair, home, away)
    assert told(reverse) == [kernel.what]
    assert tried == [home.name]
