"""Machines of their own for the acts, which change their states."""

import tempfile
from pathlib import Path

import pytest

from rig import Rig
from secondsite.wire import rest
from tests.console.acting import support_keyboard
from tests.console.acting.support_machines import MACHINES, NEW, ODD, bring_home


@pytest.fixture(scope="package")
def rig():
    with tempfile.TemporaryDirectory(prefix="ss-", ignore_cleanup_errors=True) as folder:
        with Rig("simulated", Path(folder) / "rig", forked=True) as rig:
            rig.open(furnish=lambda site: furnish(rig, site))
            with rig.client() as vault:
                fill(vault)
            yield rig


def furnish(rig, site):
    for name in (*MACHINES, NEW, ODD) if site == "a" else ():
        rig.make_simulated(name, site, disk_bytes=(8 << 20,))


def fill(vault):
    """Machines under protection, one that is not, and a plan in which somebody is asked."""
    for job in [vault.machines[name].enable_protection("a", "b") for name in MACHINES]:
        job.wait()
    action = rest.PlanAction(name="Call the help desk", instruction="Tell them.")
    groups = [
        rest.PlanGroupChange(machines=("app05",)),
        rest.PlanGroupChange(machines=("app06",), before=(action,)),
    ]
    vault.plans.create("shop", groups, rto_goal_seconds=3600)


@pytest.fixture(autouse=True)
def at_home(vault):
    """Each machine is protected from a to b, wherever the test before left it: modules run in any order."""
    for each in vault.machines:
        if each.name in MACHINES:
            bring_home(vault.machines[each.name])


@pytest.fixture
def vault(rig):
    with rig.client() as vault:
        yield vault


@pytest.fixture
def keyboard(inside):
    """A tab of the token's holder, and nothing to touch it with but keys."""
    return support_keyboard.Keyboard(inside)
