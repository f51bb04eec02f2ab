"""Tells the agents of a site where else they may call, once their machine was moved to another site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import structlog

from ..calling import AgentPort
from .conversation import Agents, Conversation
from .link import AgentRefused
from .records import Records

BUSY: Final = "busy"

log = structlog.get_logger(__name__)


class AgentCalling:
    """An agent keeps what it is told, and is told again when it comes anew. An older one, which does not
    understand it, is not asked again before."""

    def __init__(self, agents: Agents, records: Records) -> None:
        self._agents = agents
        self._records = records
        self._told: dict[str, tuple[Mapping[str, Any], AgentPort]] = {}

    def tell(self, fabric_id: str, port: AgentPort) -> None:
        """A machine that stands still, or runs from the rescue system, is told another time."""
        agent = self._agents.find(fabric_id)
        if agent is None or not agent.connected or agent.rescue:
            return
        if self._records.get(fabric_id).last is not None:
            return
        if self._told.get(fabric_id) != (agent.hello, port):
            try:
                Conversation(self._agents, fabric_id).calls_also(port)
            except AgentRefused as refused:
                if refused.code == BUSY:
                    raise
                log.warning("agent.not-told", fabric_id=fabric_id, problem=refused.message)
            self._told[fabric_id] = agent.hello, port
