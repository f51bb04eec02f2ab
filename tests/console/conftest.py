"""A vault with two simulated sites, some machines in different states, and a real browser."""

import tempfile
from pathlib import Path

import pytest

from rig import Rig
from rig.eventually import eventually
from secondsite.wire import rest
from tests.support.console import support_console

MACHINES = ("db01", "web01", "web02", "erp-with-a-name-that-is-rather-long-for-a-narrow-screen")


@pytest.fixture(scope="session")
def rig():
    with tempfile.TemporaryDirectory(prefix="ss-", ignore_cleanup_errors=True) as folder:
        with Rig("simulated", Path(folder) / "rig", forked=True) as rig:
            rig.open(furnish=lambda site: furnish(rig, site))
            with rig.client() as vault:
                fill(vault)
            yield rig


def furnish(rig, site):
    for name in MACHINES if site == "a" else ():
        rig.make_simulated(name, site, disk_bytes=(8 << 20,))


def fill(vault):
    """One of everything that pages show."""
    for job in [vault.machines[name].enable_protection("a", "b") for name in MACHINES]:
        job.wait()
    vault.groups.create("shop", "a", "b", ["db01", "web01"])
    action = rest.PlanAction(name="Tell the help desk", instruction="Call them.")
    groups = [
        rest.PlanGroupChange(machines=("db01",)),
        rest.PlanGroupChange(machines=("web01",), before=(action,)),
    ]
    vault.plans.create("shop", groups, rto_goal_seconds=3600)
    vault.policies.create("gold", rpo_threshold_seconds=600)
    vault.machines["web01"].test_failover(network="create").wait()
    vault.machines["web02"].failover().wait()
    eventually(lambda: next(iter(vault.evidence.list()), None))  # it is written a little later


@pytest.fixture(scope="module")
def browser():
    """Not longer than its module: as long as Playwright is there, an event loop of its own runs in this
    thread, in which no asynchronous test of the modules after it could begin one."""
    support_console.require_axe()
    with support_console.chromium() as browser:
        yield browser


@pytest.fixture
def token(rig):
    return (rig.home("vault") / "token").read_text().strip()


@pytest.fixture
def tab(rig, browser):
    """A tab of a person who is not logged in."""
    tab = support_console.opened(browser, rig.url)
    yield tab
    tab.page.context.close()


@pytest.fixture
def inside(tab, token):
    """A tab of somebody who is logged in."""
    return tab.log_in(token)
