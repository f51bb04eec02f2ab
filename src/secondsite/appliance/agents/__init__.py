"""Agents inside machines, and the second appliance that they call: that of the site to which their machine
was moved.

Its rooms:

    ports      what appliances ask each other about where agents may call
    telling    tells the agents of this site where else they may call
    moved      which agents are expected here, by what was started
    watch      lets them in, and sees which of them do not come
"""

from .moved import note
from .ports import Ports
from .telling import Telling
from .watch import AgentWatch

__all__ = ["AgentWatch", "Ports", "Telling", "note"]
