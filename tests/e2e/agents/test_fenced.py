"""A server whose site was without power while it was failed over asks its appliance before it works."""

import contextlib
import json
import socket
import ssl

import pytest

from rig.eventually import eventually
from secondsite.domain.lifecycle import Verb
from secondsite.fabrics import simulated
from secondsite.fabrics.interface import PowerState
from secondsite.wire import rest
from tests.e2e.agents.support_agents import NAME, PATIENCE, agent_site, needs_agent
from tests.support import command_line

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(300), needs_agent]
HELLO = {"host_name": NAME, "boot_id": "b2", "product_uuid": "", "uptime_seconds": 3.0}


@pytest.fixture(scope="module")
def site():
    with agent_site() as (rig, machine):
        yield rig, machine


@contextlib.contextmanager
def dialled(machine):
    """What its appliance says at its boot, line by line. Raises OSError if it is not there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(machine.folder / "state" / "identity.pem")
    plain = socket.create_connection(("127.0.0.1", machine.port), PATIENCE)
    with context.wrap_socket(plain) as line, line.makefile("rb") as lines:
        line.sendall(json.dumps({"role": "fence", "hello": HELLO}).encode() + b"\n")
        yield lines


def asked(machine):
    """What its appliance says at its boot; None if it does not know, or is not there."""
    with contextlib.suppress(OSError), dialled(machine) as lines:
        return json.loads(lines.readline() or b"{}").get("told")
    return None


def test_a_protected_one_may_work(site):
    rig, machine = site
    (machine.disk.mount / "before").write_bytes(b"1" * 65536)
    command_line.do(rig, "enable-protection", NAME, "--source", "a", "--target", "b", "--policy", "quick")
    rig.new_points(NAME, 1, PATIENCE)
    assert asked(machine) == {"fenced": False, "why": ""}


def test_nobody_answers_who_cannot_know(site):
    rig, machine = site
    machine.kill()
    rig.appliances["a"].kill()
    rig.appliances["b"].kill()
    rig.appliances["a"].start()
    rig.wait_connected(only="a")
    assert asked(machine) is None
    rig.appliances["b"].start()
    assert eventually(lambda: asked(machine), PATIENCE) == {"fenced": False, "why": ""}


def test_one_that_was_failed_over_while_its_site_was_away_may_not(site):
    rig, machine = site
    rig.wait_connected()
    rig.appliances["a"].kill()
    rig.must(Verb.FAILOVER, rest.Failover(machines=[NAME]))
    rig.appliances["a"].start()
    told = eventually(lambda: asked(machine), PATIENCE)
    assert told == {"fenced": True, "why": "it was failed over, and runs at the other site."}


def test_one_that_is_right_works_on_once_its_protection_has_ended(site):
    """Its fence stayed closed, although its copy was off: its next boot had no services, and nobody was
    told."""
    rig, machine = site
    rig.wait_connected()
    rig.must(Verb.COMMIT, rest.Commit(machines=[NAME]))
    machine.start()
    eventually(lambda: rig.codes(NAME).get("source-running-after-failover"), PATIENCE)
    there = simulated.open_fabric(rig.home("appliance-b") / "fabric")
    [copy] = [each for each in there.inventory.list() if each.power is PowerState.RUNNING]
    simulated.kill(rig.home("appliance-b") / "fabric", copy.fabric_id)
    rig.must(Verb.DISABLE_PROTECTION, rest.DisableProtection(machines=[NAME]))
    assert asked(machine) == {"fenced": False, "why": ""}


def test_nobody_is_opened_whose_copy_works_after_its_protection_has_ended(site):
    """The other site refused cycles of what it knows no more: that was taken for "it may work"."""
    with agent_site() as (rig, machine):
        command_line.do(rig, "enable-protection", NAME, "--source", "a", "--target", "b", "--policy", "quick")
        rig.new_points(NAME, 1, PATIENCE)
        machine.kill()
        rig.appliances["a"].kill()
        rig.must(Verb.FAILOVER, rest.Failover(machines=[NAME]))
        rig.must(Verb.COMMIT, rest.Commit(machines=[NAME]))
        rig.must(Verb.DISABLE_PROTECTION, rest.DisableProtection(machines=[NAME], without_site="a"))
        rig.vault.kill()
        rig.appliances["a"].start()
        eventually(lambda: is_refused(machine), PATIENCE)
        assert asked(machine) is None
        rig.vault.start()
        told = eventually(lambda: asked(machine), PATIENCE)
        assert told == {"fenced": True, "why": "it was failed over, and runs at the other site."}


def is_refused(machine):
    """Whether its appliance answers that it does not know."""
    with contextlib.suppress(OSError), dialled(machine) as lines:
        return json.loads(lines.readline() or b"{}").get("code") == "not-yet"
    return False
