"""A real server with a fence is switched on again after it was failed over: its database stays off until it
may work."""

import contextlib

import pytest

from rig.eventually import eventually

from .support_agents import needs_agent
from .support_servers import BOOT_SECONDS, PATIENCE, installed_server

pytestmark = [needs_agent, pytest.mark.slow, pytest.mark.every(by="all"), pytest.mark.timeout(1200)]
WHY = "it was failed over, and runs at the other site."


@contextlib.contextmanager
def fenced_server():
    """It is on, with an agent and a fence; its appliance says what stands in the list why it may not work."""
    with installed_server("--fence") as (server, agents):
        why = [""]
        agents.answer_fences(lambda agent_id, product: why[0])
        server.run("sync")
        eventually(lambda: hello(agents), PATIENCE)
        yield server, agents, why


def hello(agents):
    [found] = agents.known()
    return found.hello if found.connected else {}


def test_its_database_stays_off_until_it_may_work():
    with fenced_server() as (server, agents, why):
        [known] = agents.known()
        server.cut_power()
        why[0] = WHY
        server.switch_on()
        server.wait_for(f"This machine is fenced: {WHY}".encode(), BOOT_SECONDS)
        eventually(lambda: hello(agents).get("fenced"), PATIENCE)
        assert server.held() is None
        agents.ask(known.agent_id, "unfence", 60.0)
        server.wait_for(b"HELD", BOOT_SECONDS)
        eventually(lambda: hello(agents) and "fenced" not in hello(agents), PATIENCE)
        assert server.run("systemctl is-active --quiet multi-user.target")[0] == 0
