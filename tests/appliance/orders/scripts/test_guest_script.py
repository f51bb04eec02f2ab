"""A script of the site's folder inside a machine, by its guest agent: its text goes there, once."""

import json
import uuid

import pytest

from rig.appliances import Pair
from rig.appliances.runs import start
from secondsite.appliance.orders.scripts import guest_script
from secondsite.fabrics import simulated
from secondsite.fabrics.scripting import MOST_OF_A_SCRIPT
from secondsite.wire.common.cards import CardAddress
from secondsite.wire.control.orders import Kind
from secondsite.wire.control.proofs import Prove
from secondsite.wire.control.scripts import CheckScripts, GuestOfScript, RunGuestScript
from tests.appliance.orders.scripts.support_scripts import payload, write

pytestmark = pytest.mark.slow


@pytest.fixture
def drilled(sites, folder):
    """A drill's machine at a site with scripts; `drilled(**traits)` is its pair and its id."""

    def made(**traits):
        a, b = sites[0], sites[1].restart(script_folder=folder)
        pair = Pair(a, b, a.make_machine(**{"shows": "login: ", **traits})).protect().synchronized()
        return pair, start(pair, "drill", pair.point_now())["fabric_id"]

    return made


def inside(fabric_id, name="script"):
    return RunGuestScript(**dict(payload(name)), guest=GuestOfScript(fabric_id=fabric_id, name="db01"))


def told(pair, fabric_id):
    path = pair.target.root / "scripts" / fabric_id
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def problem(site, wanted):
    report = site.order(Kind.RUN_GUEST_SCRIPT, wanted)
    assert report.problem is not None, report
    return report.problem.message


@pytest.mark.parametrize(
    ("status", "said"),
    [(0, "script in db01 succeeded after "), (7, "script in db01 failed with status 7 after "),
     (None, "script in db01 was killed after 20 s")],
)  # fmt: skip
def test_how_it_ended_there_is_told(drilled, folder, status, said):
    pair, fabric_id = drilled(script_status=status)
    write(folder, "echo shop", mode=0o644)
    report = pair.target.order(Kind.RUN_GUEST_SCRIPT, inside(fabric_id))
    assert report.problem is None
    assert report.sentence.startswith(said)
    assert report.facts["exit_status"] == status
    ((context),) = told(pair, fabric_id)
    assert (context["plan"], context["action"]) == ("shop", "Traffic")


def test_its_first_line_names_what_reads_it_in_the_guest(drilled, folder):
    pair, fabric_id = drilled()
    path = folder / "script"
    path.write_text("#!/usr/bin/env -S python3 -u\nprint('shop')\n")
    report = pair.target.order(Kind.RUN_GUEST_SCRIPT, inside(fabric_id))
    assert report.facts["output"] == "/usr/bin/env -S python3 -u"
    path.write_text("echo shop\n")
    report = pair.target.order(Kind.RUN_GUEST_SCRIPT, inside(fabric_id))
    assert report.facts["output"] == "/bin/sh"


def test_an_order_that_is_repeated_after_it_began_does_not_run_it_again(drilled, folder):
    pair, fabric_id = drilled()
    write(folder, "echo shop")
    order_id = uuid.uuid4().hex
    simulated.dial(
        pair.target.root, [simulated.Fault(method="scripting.run", code="fabric-error", when="after")]
    )
    assert pair.target.order(Kind.RUN_GUEST_SCRIPT, inside(fabric_id), order_id=order_id).problem is not None
    simulated.dial(pair.target.root, [])
    pair.target.restart()
    again = pair.target.order(Kind.RUN_GUEST_SCRIPT, inside(fabric_id), order_id=order_id)
    assert again.problem is not None or again.facts["interrupted"]
    assert len(told(pair, fabric_id)) == 1


def test_what_the_folder_does_not_vouch_for_is_refused_as_at_the_appliance(drilled, folder):
    pair, fabric_id = drilled()
    assert "No such file" in problem(pair.target, inside(fabric_id))
    path = write(folder, "true", mode=0o777)
    assert problem(pair.target, inside(fabric_id)) == f"{path} can be written by others than its owner."
    path.chmod(0o600)
    path.write_bytes(b"#" * (MOST_OF_A_SCRIPT + 1))
    assert "larger than" in problem(pair.target, inside(fabric_id))
    path.write_bytes(b"#!/bin/sh\r\ntrue\r\n")
    assert "Windows line endings" in problem(pair.target, inside(fabric_id))
    checked = pair.target.order(Kind.CHECK_SCRIPTS, CheckScripts(names=(), in_guests=("script",)))
    assert checked.facts["knows_guests"] is True
    assert "Windows line endings" in checked.facts["problems"][0]
    assert told(pair, fabric_id) == []


def test_a_machine_without_an_agent_and_one_that_is_gone_run_nothing(drilled, folder):
    pair, fabric_id = drilled(guest_agent=False)
    write(folder, "true")
    assert "it has no channel for a guest agent" in problem(pair.target, inside(fabric_id))
    gone = inside("11111111-2222-4333-8444-555555555555")
    assert pair.target.order(Kind.RUN_GUEST_SCRIPT, gone).problem.code == "not-found"


def test_an_agent_that_stays_silent_is_not_waited_for_without_end(drilled, folder, monkeypatch):
    monkeypatch.setattr(guest_script, "AGENT_SECONDS", 0.1)
    pair, fabric_id = drilled()
    write(folder, "true")
    pair.target.fabric.power.stop(fabric_id)
    assert "its guest agent did not answer within" in problem(pair.target, inside(fabric_id))
    assert told(pair, fabric_id) == []


def test_in_a_machine_that_is_not_ours_nothing_is_run_and_no_address_is_given(sites, folder):
    """Whoever holds the vault ran the site's scripts in guests that were never protected, and changed
    their addresses."""
    site = sites[1].restart(script_folder=folder)
    fabric_id = site.make_machine("payroll", guest_agent=True, shows="login: ")
    write(folder, "true")
    assert "payroll at this site carries no secondsite tag" in problem(site, inside(fabric_id))
    card = CardAddress(key="net0", mac=site.definition(fabric_id).nics[0].mac, address="10.66.0.6/24")
    wanted = Prove(fabric_id=fabric_id, name="payroll", wait_seconds=0, addresses=(card,))
    report = site.order(Kind.PROVE, wanted)
    assert report.problem is not None
    assert report.problem.code == "not-ours"
    assert site.fabric.addressing.told(fabric_id) == {}
