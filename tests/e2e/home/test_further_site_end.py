"""A machine that went from a to b and on to c, whose protection ends there: a site that is neither its home
nor where it runs keeps nothing of it, neither a definition that starts nor a replica."""

import pytest

from rig import Rig
from rig.eventually import eventually
from secondsite.fabrics.interface import PowerState
from secondsite.fabrics.simulated import open_fabric
from tests.support import command_line, policies

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
TO_C = ("--location", "alternate", "--target-appliance", "appliance-c")


@pytest.fixture
def rig(tmp_path):
    with Rig("simulated", tmp_path / "rig", forked=True) as rig:
        rig.open(furnish=lambda site: furnish(rig, site))
        rig.add_site("c")
        command_line.told(rig, "mapping", "create", f"b/{rig.bridge('b')}", f"c/{rig.bridge('c')}")
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        places = ("--source", "a", "--target", "b", "--policy", "quick")
        command_line.do(rig, "enable-protection", "web01", *places)
        moves(rig)
        command_line.do(rig, "reprotect", "web01", *TO_C)
        yield rig


def furnish(rig, site):
    if site == "a":
        rig.make_simulated("web01", site)


def moves(rig):
    for verb in ("planned-failover", "commit"):
        command_line.do(rig, verb, "web01")


def defined(rig, site):
    found = open_fabric(rig.home(f"appliance-{site}") / "fabric").inventory.list()
    return {each.name: each.power for each in found}


def replicas(rig, site):
    """The files of replicas, but for those in the trash."""
    store = rig.home(f"appliance-{site}") / "store"
    return [each for each in store.rglob("*.qcow2") if "trash" not in each.relative_to(store).parts]


def test_neither_a_definition_nor_a_replica_stays_at_b(rig):
    moves(rig)
    assert replicas(rig, "b")
    command_line.do(rig, "disable-protection", "web01")
    eventually(lambda: defined(rig, "a") == {"web01": PowerState.OFF})  # a job of its own
    assert defined(rig, "b") == {}
    assert replicas(rig, "b") == []
    assert defined(rig, "c") == {"web01": PowerState.RUNNING}
