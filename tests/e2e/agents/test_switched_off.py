"""A server whose last changes have arrived elsewhere never works on, however its agent ends; one whose last
changes have not works on. The server is a real one, with the agent under its unit."""

import contextlib
import socket
import uuid

import pytest

from demo.physical import HOST
from rig.eventually import eventually
from secondsite.fabrics.agent.conversation import Conversation, LastHold

from .support_agents import needs_agent
from .support_servers import PATIENCE, installed_server

pytestmark = [
    needs_agent, pytest.mark.slow, pytest.mark.every(by="all"), pytest.mark.timeout(900)
]  # fmt: skip
HOLD = LastHold(seconds=600.0, grace_seconds=60.0)
ENDS = (
    "kill -KILL $(systemctl show -p MainPID --value secondsite-agent)",
    "kill -TERM $(systemctl show -p MainPID --value secondsite-agent)",
    "systemctl stop secondsite-agent",
    "systemctl restart secondsite-agent",
)


@contextlib.contextmanager
def running_server():
    """It is on, and its agent is asked."""
    with installed_server() as (server, agents):
        [known] = agents.known()
        yield server, Conversation(agents, known.agent_id)


def last_view(agent):
    """A last view of the server, whose services are stopped then."""
    first, last = f"first-{uuid.uuid4().hex[:8]}", f"last-{uuid.uuid4().hex[:8]}"
    agent.open_live("", first)
    agent.close_view()
    agent.acknowledge(first)
    agent.open_frozen(first, last, first, last=HOLD)
    assert agent.standing() == last
    return last


@contextlib.contextmanager
def hand_in(server):
    """What carries out a line of shell in the server once its services are stopped and its disks stand
    still: a process in no unit that is stopped."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(PATIENCE)
        port = listening.getsockname()[1]
        follow = f'exec 3<>/dev/tcp/{HOST}/{port}; read -r line <&3; eval "$line"'
        status, said = server.run(
            f"systemd-run --scope --quiet bash -c '{follow}' </dev/null >/dev/null 2>&1 &"
        )
        assert status == 0, said
        connection, _ = listening.accept()
        with connection:
            yield lambda line: connection.sendall(f"{line}\n".encode())


@pytest.mark.parametrize("end", ENDS)
def test_once_its_last_changes_were_acknowledged_the_end_of_its_agent_switches_the_server_off(end):
    with running_server() as (server, agent), hand_in(server) as carry_out:
        agent.acknowledge(last_view(agent))
        rows = len(server.rows())
        carry_out(end)
        eventually(lambda: not server.is_on(), PATIENCE)
        assert len(server.rows()) == rows, "it worked on"


def test_before_that_the_death_of_its_agent_lets_the_server_work_on():
    with running_server() as (server, agent), hand_in(server) as carry_out:
        last_view(agent)
        rows = len(server.rows())
        carry_out(ENDS[0])
        eventually(lambda: len(server.rows()) > rows, PATIENCE)
        assert server.is_on()
