"""Appliances as real processes, killed with -9 in the middle of what they do."""

import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rig.appliances import Kept, Pair, TinyVault
from rig.eventually import eventually
from rig.images import raw
from rig.noise import noise
from secondsite.datapath.replica.record import record
from secondsite.ground.units import KiB, MiB
from secondsite.wire.control import Order
from secondsite.wire.control.copies import RestoreCopy
from secondsite.wire.control.orders import Drain, FindInstant, Kind, RunCycle, StartReplica
from secondsite.wire.control.proofs import BootPoint
from tests.appliance.support_kept import drill_equals, protect

pytestmark = pytest.mark.slow


@pytest.fixture
def world(make_site, ca):
    """(vault, pair, source process, target process)."""
    vault = TinyVault(ca)
    a, b = make_site("a"), make_site("b")
    processes = [Kept(a, vault), Kept(b, vault)]
    pair = Pair(a, b, a.make_machine())
    yield vault, pair, *processes
    for process in processes:
        process.end()
    vault.stop()


def test_both_appliances_killed_again_and_again_lose_nothing(world):
    vault, pair, source, target = world
    pair.source.write(pair.fabric_id, 0, noise(4 * MiB))
    source.die_at(9)
    target.die_at(7)
    protect(vault, pair)
    for number, reach in enumerate((2, 6, 11, 17)):
        pair.source.write(pair.fabric_id, number * MiB, noise(300 * KiB))
        pair.source.write(pair.fabric_id, 5 * MiB, bytes(256 * KiB) if number % 2 else noise(256 * KiB))
        content = pair.source.read(pair.fabric_id)
        source.die_at(reach)
        target.die_at(reach + 3)
        fact = vault.order("appliance-a", Kind.RUN_CYCLE, RunCycle(), pair.machine_id)
        vault.order("appliance-b", Kind.DRAIN, Drain(seal=False, at_least_seq=fact["seq"]), pair.machine_id)
        drill_equals(vault, pair, fact["point_id"], content, f"drill{number}")
    assert source.deaths >= 3
    assert target.deaths >= 3


def test_appliances_killed_in_cycles_of_a_machine_that_writes_nothing_claim_nothing_false(world):
    vault, pair, source, target = world
    pair.source.write(pair.fabric_id, 0, noise(2 * MiB))
    protect(vault, pair)
    content = pair.source.read(pair.fabric_id)
    for number in range(3):
        source.die_at(1 + number)
        target.die_at(2 + 2 * number)
        fact = vault.order("appliance-a", Kind.RUN_CYCLE, RunCycle(), pair.machine_id)
        vault.order("appliance-b", Kind.DRAIN, Drain(seal=False, at_least_seq=fact["seq"]), pair.machine_id)
    drill_equals(vault, pair, fact["point_id"], content, "silent")
    assert min(source.deaths, target.deaths) >= 2
    pair.source.write(pair.fabric_id, 3 * MiB, noise(4 * KiB))
    content = pair.source.read(pair.fabric_id)
    fact = vault.order("appliance-a", Kind.RUN_CYCLE, RunCycle(), pair.machine_id)
    vault.order("appliance-b", Kind.DRAIN, Drain(seal=False, at_least_seq=fact["seq"]), pair.machine_id)
    drill_equals(vault, pair, fact["point_id"], content, "written")


def processed_since(vault, pair, since):
    eventually(lambda: vault.replicas[pair.machine_id].processed_at > since, 30)


def test_a_target_killed_while_it_keeps_cycles_and_rolls_forward_starts_the_very_instant(world):
    vault, pair, _source, target = world
    protect(vault, pair)
    written = []
    for number, reach in enumerate((1, 4, 6)):
        pair.source.write(pair.fabric_id, number * MiB, noise(200 * KiB))
        began, content = datetime.now(UTC), pair.source.read(pair.fabric_id)
        target.die_at(reach)
        processed_since(vault, pair, began)
        written.append((datetime.now(UTC), content))
        processed_since(vault, pair, written[-1][0])
    deaths = target.deaths
    for number, (at, content) in enumerate(written):
        found = vault.order("appliance-b", Kind.FIND_INSTANT, FindInstant(at=at), pair.machine_id)
        target.die_at(3 + 3 * number)
        payload = StartReplica(
            run=f"drill{number}", point_id=found["point_id"], forward=found["forward"], name=f"drill{number}",
            fabric_id=f"drill{number}-of-{pair.machine_id}",
        )  # fmt: skip
        fact = vault.order("appliance-b", Kind.START_REPLICA, payload, pair.machine_id)
        assert pair.target.read(fact["fabric_id"]) == content
        pair.target.fabric.power.stop(fact["fabric_id"])
    assert deaths >= 2
    assert target.deaths >= deaths + 2


def test_replication_goes_on_while_the_vault_is_gone_and_tells_it_later(world, ca):
    vault, pair, _source, _target = world
    protect(vault, pair)
    vault.stop()
    replica = pair.target.config.store / "replicas" / pair.machine_id / "replica.json"
    before = replica.stat().st_mtime_ns
    pair.source.write(pair.fabric_id, 0, noise(1 * MiB))
    eventually(lambda: replica.stat().st_mtime_ns > before)
    again = TinyVault(ca, vault.port)
    try:
        eventually(lambda: again.replicas.get(pair.machine_id) is not None, 20)
        processed_since(again, pair, datetime.now(UTC))
    finally:
        again.stop()


def test_the_second_site_alone_starts_the_machine(world):
    vault, pair, source, target = world
    pair.source.write(pair.fabric_id, 0, noise(2 * MiB))
    protect(vault, pair)
    content = pair.source.read(pair.fabric_id)
    fact = vault.order("appliance-a", Kind.RUN_CYCLE, RunCycle(), pair.machine_id)
    vault.order("appliance-b", Kind.DRAIN, Drain(seal=False, at_least_seq=fact["seq"]), pair.machine_id)
    target.kill()
    source.kill()
    drill_equals(vault, pair, fact["point_id"], content, "failover")
    overlay = pair.target.config.store / "replicas" / pair.machine_id / "runs" / "failover" / "vda.qcow2"
    assert raw(overlay) == content


def test_a_target_killed_while_it_boots_a_point_leaves_nothing_and_needs_no_vault_for_that(world):
    vault, pair, _source, target = world
    protect(vault, pair)
    (point,) = vault.replicas[pair.machine_id].points
    payload = BootPoint(
        point_id=point.id, fabric_id="boot-of-web01", name="web01-boot", network="ss-boot-1", wait_seconds=1
    )
    seams = ("appliance.run.opened", "appliance.boot.started")
    for number, seam in enumerate(seams):
        order = Order(
            order_id=f"boot-{number}",
            kind=Kind.BOOT_POINT,
            machine_id=pair.machine_id,
            payload=payload.model_dump(mode="json"),
            deadline_seconds=30,
        )
        target.die_at(1, seam=seam)
        eventually(lambda order=order: vault.send("appliance-b", order), 20)
        eventually(lambda number=number: target.deaths > number, 20)
        eventually(lambda: nothing_booted_is_left(pair), 30)


def test_a_target_killed_while_it_restores_a_copy_makes_one_whole_copy_when_asked_again(world, tmp_path):
    vault, pair, _source, target = world
    folder = tmp_path / "copies"
    folder.mkdir()
    pair.source.write(pair.fabric_id, 0, noise(2 * MiB))
    protect(vault, pair)
    point_id, content = vault.replicas[pair.machine_id].points[-1].id, pair.source.read(pair.fabric_id)
    asked = RestoreCopy(
        point_id=point_id, fabric_id=str(uuid.uuid4()), name="web01-old", folder=str(folder), start=True
    )
    for number, seam in enumerate(("noted", "written", "made", "released")):
        order = Order(
            order_id=f"copy-{number}",
            kind=Kind.RESTORE_COPY,
            machine_id=pair.machine_id,
            payload=asked.model_dump(mode="json"),
            deadline_seconds=60,
        )
        target.die_at(1, seam=f"appliance.copy.{seam}")
        eventually(lambda order=order: vault.send("appliance-b", order), 20)
        eventually(lambda number=number: target.deaths > number, 20)
    fact = vault.order("appliance-b", Kind.RESTORE_COPY, asked, pair.machine_id)
    assert raw(Path(fact["files"]["vda"])) == content
    assert [path.name for path in folder.iterdir()] == ["web01-old-vda.qcow2"]
    (made,) = [each for each in pair.target.fabric.inventory.list() if each.name == "web01-old"]
    assert made.tag is None


def nothing_booted_is_left(pair):
    folder, fabric = pair.target.replica_folder(pair.machine_id), pair.target.fabric
    left = [each.name for each in fabric.inventory.list() if each.name == "web01-boot"]
    left += [each.name for each in fabric.networks.list() if each.tag]
    left += [each.name for each in (folder / "runs").glob("*")]
    return not left and not record.load(folder / "replica.json").runs
