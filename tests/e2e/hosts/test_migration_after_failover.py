"""A machine that was failed over is migrated between the hosts of its second site: until it is reprotected
that is told, and no verb starts a second copy; then it is followed."""

import pytest

from rig import Rig
from rig.eventually import eventually
from secondsite.fabrics import simulated
from secondsite.ground.units import MiB
from tests.support import command_line, policies

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(300)]

FOLLOWED_SECONDS = 30
MOVED = "failed-over-machine-moved"


@pytest.fixture(scope="module")
def rig():
    with Rig("simulated", forked=True) as rig:
        rig.open()
        rig.make_simulated("web01", disk_bytes=(16 * MiB,))
        rig.add_host("b")
        with rig.client() as vault:
            vault.policies.create(**policies.quick().model_dump())
        words = ["--source", "a", "--target", "b", "--target-appliance", "appliance-b", "--policy", "quick"]
        command_line.do(rig, "enable-protection", "web01", *words)
        rig.new_points("web01")
        command_line.do(rig, "failover", "web01", "--shut-down")
        yield rig


@pytest.fixture(scope="module")
def copy(rig):
    (found,) = fabric(rig, "b").inventory.running()
    return found


def root(rig, host):
    return rig.home(f"appliance-{host}") / "fabric"


def fabric(rig, host):
    return simulated.open_fabric(root(rig, host))


def codes(rig):
    return {each.code for each in rig.machine("web01").findings}


def test_it_is_told_where_it_is_and_not_that_it_is_missing(rig, copy):
    simulated.migrate(root(rig, "b"), copy, root(rig, "b2"))
    eventually(lambda: MOVED in codes(rig), FOLLOWED_SECONDS)
    (told,) = [each for each in rig.machine("web01").findings if each.code == MOVED]
    assert "runs at the host of appliance 'appliance-b2' of site b" in told.what
    assert "belong to appliance 'appliance-b'" in told.what
    assert not {"failed-over-machine-missing", "failed-over-machine-off"} & codes(rig)


@pytest.mark.parametrize("words", [("commit",), ("change-recovery-point", "--choice", "latest")])
def test_no_verb_takes_it_there(rig, copy, words):
    tree = command_line.do(rig, words[0], "web01", *words[1:], exit_code=1)
    assert "it is on at the host of appliance 'appliance-b2'" in str(tree)
    assert fabric(rig, "b").inventory.running() == frozenset()
    assert fabric(rig, "b2").inventory.running() == {copy}


def test_nor_while_the_appliance_of_that_host_does_not_run(rig, copy):
    rig.appliances["b2"].stop()
    eventually(lambda: MOVED not in codes(rig), FOLLOWED_SECONDS)
    for verb, *words in (("commit",), ("change-recovery-point", "--choice", "latest")):
        tree = command_line.do(rig, verb, "web01", *words, exit_code=1)
        assert "another host that reaches the store, has its disks open" in str(tree)
    assert fabric(rig, "b2").inventory.running() == {copy}
    rig.appliances["b2"].start()
    eventually(lambda: MOVED in codes(rig), FOLLOWED_SECONDS)


def test_migrated_back_and_reprotected_it_may_be_migrated(rig, copy):
    simulated.migrate(root(rig, "b2"), copy, root(rig, "b"))
    eventually(lambda: MOVED not in codes(rig), FOLLOWED_SECONDS)
    command_line.do(rig, "commit", "web01")
    command_line.do(rig, "reprotect", "web01")
    simulated.migrate(root(rig, "b"), copy, root(rig, "b2"))
    eventually(lambda: rig.machine("web01").source_appliance == "appliance-b2", FOLLOWED_SECONDS)
    rig.new_points("web01", 2)
    eventually(lambda: not rig.machine("web01").findings, FOLLOWED_SECONDS)
