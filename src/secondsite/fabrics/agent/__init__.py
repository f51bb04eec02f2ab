"""The fabric of machines that no hypervisor of ours has: an agent runs inside each of them.

Its rooms:

    link           enrolment, and connections that agents make
    telling        what an agent tells of its machine
    fabric         all protocols over the agents of one appliance
    at_home        agents of machines that run on their own hardware
    conversation   what is asked of an agent, and its answers judged
    records        what is kept of each machine here
    inventory      the machines
    power          whether they run, and what forbids that
    tracking       views of their disks
    collecting     what changed until an instant, read while the machine writes
    digested       digests of them that the agent makes
    last_views     the last view of a machine that is to be switched off
    homecoming     a machine comes home to its own disks
    other_server   a machine comes home to another server
    merging        what a chain has above an old disk goes into it
    rescued        the disks of machines that run from the rescue image, as files
    recovered      agents of machines that were moved here, at an appliance of another platform
    calling        tells agents where else they may call
    common_pause   one instant of several machines
    nothing_here   what a site without a hypervisor does not have
"""

from .fabric import AGENTS, AgentFabric, open_fabric
from .recovered import RecoveredAgents, listening

__all__ = ["AGENTS", "AgentFabric", "RecoveredAgents", "listening", "open_fabric"]
