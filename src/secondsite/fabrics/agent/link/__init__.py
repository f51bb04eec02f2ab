"""The link to agents: they dial this appliance by mutual TLS, are asked, and give their disks to read.

Its rooms:

    agents        all of it: who is known, who is here, questions, readers
    registry      who may come in, for the process and for a person's commands
    authority     the appliance's CA for agents
    keys          registration keys
    records       what is kept of each agent
    listener      the port
    admission     what a caller wants
    guests        agents of another appliance whose machines were started here
    upgrades      which agents a person wants upgraded
    upgrading     hands them the program
    enrolling     lets an agent in by its key
    conversation  questions and answers of one agent
    tending       what is due while an agent is here
    other_disks   what a person decided of machines that come home to other disks
    presence      who is here; two machines with one certificate
    readers       local sockets, joined to connections that the agent dials
    splice        moves bytes between both
    stream        TLS that one thread reads while others write
    words         the lines that are said
    errors        why an answer does not come, or is no
"""

from .agents import Agents, KnownAgent
from .errors import AgentAway, AgentRefused
from .other_disks import OtherDisks
from .presence import Double, Hardware
from .records import Record
from .registry import Registry
from .upgrades import Upgrade
from .words import FENCED

__all__ = [
    "FENCED", "AgentAway", "AgentRefused", "Agents", "Double", "Hardware", "KnownAgent", "OtherDisks",
    "Record", "Registry", "Upgrade",
]  # fmt: skip
