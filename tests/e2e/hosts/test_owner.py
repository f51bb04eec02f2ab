"""The owner of a machine lives with it: acts at random with libvirt's own tools between the product's
verbs, on a real libvirtd at each site."""

import random
import tempfile
from pathlib import Path

import pytest

from chaos.owners.owner import NAME
from chaos.owners.places import AtDaemons
from chaos.owners.walk import Walk
from rig import GuestMachine, Rig
from secondsite.domain.lifecycle import Verb
from tests.e2e import support_e2e as e2e
from tests.support import command_line, libvirtd, policies

pytestmark = [pytest.mark.guest, pytest.mark.slow, pytest.mark.longest, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def daemons():
    with libvirtd.running() as a, libvirtd.running() as b:
        yield {"a": a, "b": b}


@pytest.fixture(scope="module")
def places(daemons):
    return AtDaemons({site: daemon.uri for site, daemon in daemons.items()})


@pytest.fixture(scope="module")
def rig(daemons):
    folder = Path(tempfile.mkdtemp(prefix="secondsite-", dir="/var/tmp"))
    folder.chmod(0o755)
    rig = Rig("libvirt", folder, uri="qemu:///system", forked=True)
    for site, daemon in daemons.items():
        rig.appliances[site].inside = daemon.inside()
        e2e.command_through(rig, site)

    def furnish(site):
        if site == "a":
            uri = daemons["a"].uri
            rig.guests[NAME] = GuestMachine.make(NAME, rig.folder / "images", rig.bridge("a"), uri=uri)

    with rig:
        rig.open(furnish=furnish)
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        e2e.wait_for_record(rig.guests[NAME].console, 3, within_seconds=120)
        command_line.do(rig, "enable-protection", NAME, "--source", "a", "--target", "b", "--policy", "quick")
        rig.new_points(NAME)
        yield rig


def test_what_cost_a_machine_once(rig, places):
    """A lost tag before a move; memory that is saved at home before the failback is committed; a pause
    before a move."""
    walk = Walk(rig, places, random.Random(0))
    walk.step("pause", Verb.PLANNED_FAILOVER)
    walk.step("undefine and define", Verb.PLANNED_FAILOVER)
    walk.step("define anew", Verb.COMMIT)
    walk.come_home()
    walk.step("define anew", Verb.PLANNED_FAILOVER)
    walk.step("managed save", Verb.COMMIT)
    walk.come_home()


@pytest.mark.every(by="test", parts=3)
@pytest.mark.parametrize("seed", range(3))
def test_an_owner_at_random(rig, places, seed):
    Walk(rig, places, random.Random(seed)).go(12)
