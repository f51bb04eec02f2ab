"""A real server with a fence is switched on again after it was failed over: its database stays off until it
may work."""

import contextlib
import shutil
import tempfile
from pathlib import Path

import pytest

from demo.physical import AGENT, HOST, INSTALL, served
from guestkit.server import Server
from rig.eventually import eventually
from secondsite.fabrics.agent.link import Agents

from .support_agents import needs_agent

pytestmark = [needs_agent, pytest.mark.slow, pytest.mark.every(by="all"), pytest.mark.timeout(1200)]
BOOT_SECONDS, PATIENCE = 400.0, 120.0
WHY = "it was failed over, and runs at the other site."


@contextlib.contextmanager
def fenced_server():
    """It is on, with an agent and a fence; its appliance says what stands in the list why it may not work."""
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="secondsite-", dir="/var/tmp"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        agents = Agents(folder / "agents", ("127.0.0.1", 0))
        agents.start()
        stack.callback(agents.close)
        why = [""]
        agents.answer_fences(lambda agent_id, product: why[0])
        server = Server.make(folder / "server")
        stack.callback(server.cut_power)
        server.switch_on()
        server.wait_for(b"HELD", BOOT_SECONDS)
        with served(AGENT) as port:
            line = INSTALL.replace(" install ", " install --fence ")
            status, said = server.run(
                line.format(host=HOST, port=port, agents=agents.port, key=agents.new_key())
            )
        assert status == 0, said
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
