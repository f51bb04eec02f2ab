"""Whoever is killed while a replica goes to another appliance, at whichever seam: it has one owner then,
and all that was sent."""

import json

import pytest

from rig.appliances import Kept, Pair, TinyVault
from rig.errors import OrderFailed
from rig.eventually import eventually
from rig.noise import noise
from secondsite.ground.units import KiB
from secondsite.wire.control.orders import Drain, Kind, RunCycle, TakeReplica
from tests.appliance.support_kept import protect

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def world(make_site, ca, tmp_path):
    vault = TinyVault(ca)
    sites = [make_site("a"), *(make_site(each, store=tmp_path / "shared" / each) for each in ("b", "c"))]
    kept = [Kept(each, vault) for each in sites]
    yield vault, sites, kept
    for each in kept:
        each.end()
    vault.stop()


def owner(b, machine_id):
    said = b.config.store / "replicas" / machine_id / "owner.json"
    return json.loads(said.read_text())["appliance_id"] if said.exists() else b.appliance_id


def take(vault, pair, taker, tokens):
    """Ordered again after each refusal, as a job that is retried."""
    payload = TakeReplica(
        setup=pair.replica_setup(), former_appliance_id=pair.target.appliance_id, tokens=tokens,
        wait_seconds=5,
    )  # fmt: skip

    def done():
        try:
            vault.order(taker.appliance_id, Kind.TAKE_REPLICA, payload, pair.machine_id)
        except OrderFailed as refused:
            print(refused)
            return False
        return True

    eventually(done, 60)


def tokens(b, appliance_id):
    return tuple(json.loads((b.config.store / "owners" / f"{appliance_id}.json").read_text())["tokens"])


def has(vault, appliance_id, machine_id):
    try:
        vault.order(appliance_id, Kind.LIST_POINTS, None, machine_id)
    except OrderFailed:
        return False
    return True


def test_one_owner_has_it_whoever_is_killed_at_whichever_seam(world):
    vault, (a, b, c), (_, at_b, at_c) = world
    pair = Pair(a, b, a.make_machine())
    protect(vault, pair)
    deaths, here, there = 0, (b, at_b), (c, at_c)
    for reach in range(1, 9):
        pair.target = here[0]
        (there[1] if reach % 2 else here[1]).die_at((reach + 1) // 2)
        take(vault, pair, there[0], tokens(b, here[0].appliance_id))
        assert owner(b, pair.machine_id) == there[0].appliance_id
        pair.target = there[0]
        vault.order(a.appliance_id, Kind.START_REPLICATION, pair.source_setup(), pair.machine_id)
        a.write(pair.fabric_id, 0, noise(32 * KiB))
        content = a.read(pair.fabric_id)
        fact = vault.order(a.appliance_id, Kind.RUN_CYCLE, RunCycle(), pair.machine_id)
        drain = Drain(seal=True, at_least_seq=fact["seq"])
        vault.order(there[0].appliance_id, Kind.DRAIN, drain, pair.machine_id)
        assert b.point_bytes(pair.machine_id, fact["point_id"]) == content
        eventually(lambda: not has(vault, here[0].appliance_id, pair.machine_id), 30)  # noqa: B023
        here, there = there, here
        deaths = at_b.deaths + at_c.deaths
    assert deaths >= 3
