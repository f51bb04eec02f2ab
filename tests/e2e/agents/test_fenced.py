"""A server whose site was without power while it was failed over asks its appliance before it works."""

import json
import socket
import ssl

import pytest

from rig.eventually import eventually
from secondsite.domain.lifecycle import Verb
from secondsite.wire import rest
from tests.e2e.agents.support_agents import NAME, PATIENCE, agent_site, needs_agent
from tests.support import command_line

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(300), needs_agent]
HELLO = {"host_name": NAME, "boot_id": "b2", "product_uuid": "", "uptime_seconds": 3.0}


@pytest.fixture(scope="module")
def site():
    with agent_site() as (rig, machine):
        yield rig, machine


def asked(machine):
    """What its appliance says at its boot; None if it does not know, or is not there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(machine.folder / "state" / "identity.pem")
    try:
        plain = socket.create_connection(("127.0.0.1", machine.port), PATIENCE)
        with context.wrap_socket(plain) as line, line.makefile("rb") as lines:
            line.sendall(json.dumps({"role": "fence", "hello": HELLO}).encode() + b"\n")
            answer = json.loads(lines.readline() or b"{}")
    except OSError:
        return None
    return answer.get("told")


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
