"""What needs a second person is asked for and granted in the console, by keyboard alone."""

import tempfile
from pathlib import Path

import pytest

from rig import Rig
from tests.console.acting import support_keyboard
from tests.support.console import support_console

pytestmark = support_console.SLOW


@pytest.fixture(scope="module")
def rig():
    with tempfile.TemporaryDirectory(prefix="ss-", ignore_cleanup_errors=True) as folder:
        with Rig("simulated", Path(folder) / "rig", forked=True) as rig:
            rig.open(furnish=lambda site: furnish(rig, site))
            yield rig


def furnish(rig, site):
    rig.make_simulated(f"pair-{site}", site, disk_bytes=(8 << 20,))


def test_another_person_grants_what_one_asked_for(rig, browser, vault):
    vault.machines["pair-a"].enable_protection("a", "b").wait()
    secrets = [vault.tokens.create(name, "operator", person=name).token for name in ("ann", "bob")]
    for name in ("carl", "dora"):
        vault.tokens.create(name, "access_administrator", person=name, valid_seconds=None)
    vault.approvals.require("resynchronize")
    tabs = [support_console.opened(browser, rig.url).log_in(secret) for secret in secrets]
    ann, bob = (support_keyboard.Keyboard(each) for each in tabs)
    ann.open(f"/machines/{vault.machines['pair-a'].show().id}").act("Resynchronize").dialog("ask")
    ann.act("Ask for approval: Resynchronize").says("The request waits for a second person").picture("asked")
    ann.press("Escape").open("/access").says("Withdraw")
    assert ann.page.get_by_role("button", name="Grant").count() == 0
    bob.open("/access").says("Grant")
    bob.says("resynchronize pair-a").reach("Grant request 1").press("Enter").dialog("grant")
    bob.says("pair-a: it was replicated from a to b").act("Grant")
    assert vault.jobs[bob.job()].wait().requested_by == "ann"
    for each in (ann, bob):
        each.is_clean()
        each.page.context.close()
