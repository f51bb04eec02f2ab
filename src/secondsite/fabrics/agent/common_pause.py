"""One instant of several machines: their file systems are frozen together."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

from ..interface import Freeze
from .conversation import Agents, Conversation


class AgentCommonPause:
    def __init__(self, agents: Agents) -> None:
        self._agents = agents

    @contextmanager
    def freeze(self, fabric_ids: Sequence[str]) -> Iterator[Mapping[str, Freeze]]:
        """The pause itself freezes all file systems; scripts before it are those of each machine's own
        points."""
        yield {each: Freeze(reason="Scripts run for points of one machine only.") for each in fabric_ids}

    @contextmanager
    def pause(self, fabric_ids: Sequence[str], budget_seconds: float) -> Iterator[datetime]:
        name = f"common-{secrets.token_hex(4)}"
        with ExitStack() as stack:
            for fabric_id in fabric_ids:
                agent = Conversation(self._agents, fabric_id)
                agent.freeze(name, budget_seconds)
                stack.callback(agent.thaw, name)
            yield datetime.now(UTC)
