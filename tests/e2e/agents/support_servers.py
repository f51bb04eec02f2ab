"""A real server, whose agent was installed as its owner would do it."""

import contextlib
import shutil
import tempfile
from pathlib import Path

from demo.physical import AGENT, HOST, INSTALL, served
from guestkit.server import Server
from rig.eventually import eventually
from secondsite.fabrics.agent.link import Agents

BOOT_SECONDS, PATIENCE = 400.0, 120.0


@contextlib.contextmanager
def installed_server(*options):
    """It is on, and its agent is connected to these agents' appliance; `options` of the install."""
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="secondsite-", dir="/var/tmp"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        agents = Agents(folder / "agents", ("127.0.0.1", 0))
        agents.start()
        stack.callback(agents.close)
        server = Server.make(folder / "server")
        stack.callback(server.cut_power)
        server.switch_on()
        server.wait_for(b"HELD", BOOT_SECONDS)
        install = " ".join([" install", *options, ""])
        with served(AGENT) as port:
            line = INSTALL.replace(" install ", install).format(
                host=HOST, port=port, agents=agents.port, key=agents.new_key()
            )
            status, said = server.run(line)
        assert status == 0, said
        eventually(lambda: any(each.connected for each in agents.known()), PATIENCE)
        yield server, agents
