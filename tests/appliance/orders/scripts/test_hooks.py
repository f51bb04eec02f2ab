"""The script of a hook is told the addresses of its machine as they are when it begins; a guest may say
what it likes."""

import json

import pytest

from secondsite.fabrics.simulated.fabric import SimulatedAddressing
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.scripts import ScriptCard
from tests.appliance.orders.scripts.support_scripts import CONTEXT, payload, write

pytestmark = pytest.mark.slow
MAC = "52:54:00:00:00:01"


def told(site, folder, *, set_address=None, looks_at="m1"):
    """The machine, as the script reads it."""
    write(folder, f"cat >{folder}/told")
    card = ScriptCard(key="net0", mac=MAC, network="lan", address=set_address)
    machine = CONTEXT.machines[0].model_copy(update={"cards": (card,)})
    context = CONTEXT.model_copy(update={"machines": (machine,)})
    asked = payload().model_copy(update={"context": context, "looks_at": looks_at})
    report = site.order(Kind.RUN_SCRIPT, asked)
    assert report.problem is None, report.problem
    (found,) = json.loads((folder / "told").read_text())["machines"]
    return found["addresses"], found["cards"][0]["addresses"]


@pytest.fixture
def says(monkeypatch):
    """What the guest agent says, by MAC address; None: it does not answer."""

    def says(found):
        monkeypatch.setattr(SimulatedAddressing, "told", lambda _self, _fabric_id: found)

    return says


def test_what_the_agent_says_is_told_with_its_card_and_one_that_is_set_comes_first(site, folder, says):
    says({MAC.upper(): ["10.2.0.9", "10.2.0.5", "127.0.0.1", "169.254.1.1"]})
    assert told(site, folder, set_address="10.2.0.5") == (["10.2.0.5", "10.2.0.9"], ["10.2.0.9", "10.2.0.5"])


def test_an_address_that_is_set_and_that_the_guest_has_not_is_not_told(site, folder, says):
    says({MAC: ["10.2.0.9"]})
    assert told(site, folder, set_address="10.2.0.5") == (["10.2.0.9"], ["10.2.0.9"])


def test_of_a_machine_of_which_nobody_says_anything_those_that_are_set_are_told(site, folder):
    assert told(site, folder, set_address="10.2.0.5") == (["10.2.0.5"], [])
    assert told(site, folder) == ([], [])


def test_what_is_no_address_never_reaches_a_script(site, folder, says):
    says({MAC: ["$(reboot)", "10.2.0.9; rm -r /", "fe80::1", "10.2.0.9"]})
    assert told(site, folder)[0] == ["10.2.0.9"]


def test_a_plan_s_script_is_told_of_no_addresses(site, folder, says):
    says({MAC: ["10.2.0.9"]})
    assert told(site, folder, looks_at=None) == ([], [])
