"""The agents of machines that run on their own hardware.

The copy that was started at the other site has the same agent, and calls the same appliance if it reaches it.
Taken for the machine here it would be called an old copy that runs, and a commit would shut it down."""

from __future__ import annotations

import contextlib
import dataclasses
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from ...domain.errors import FabricError
from .conversation import Agents
from .link import AgentAway, Double, Hardware, KnownAgent, OtherDisks
from .records import Records

PRODUCT = "product_uuid"
OF_NAMES = 5
LETTERED = "4c4c4544"
RUNS_THERE = "it was failed over, and runs at the other site."
COMES_HOME = "it comes home, and its disks are not whole yet."
REPLACED = "another server took its place."


class AgentsAtHome:
    """Those of an appliance; one that calls from other hardware counts as away."""

    def __init__(self, agents: Agents, records: Records) -> None:
        self._agents = agents
        self._records = records

    def known(self) -> Sequence[KnownAgent]:
        return [self._at_home(each) for each in self._agents.known()]

    def find(self, agent_id: str) -> KnownAgent | None:
        found = self._agents.find(agent_id)
        return None if found is None else self._at_home(found)

    def elsewhere(self, agent_id: str) -> str | None:
        """The name under which the machine calls from other hardware, if it does."""
        found = self._agents.find(agent_id)
        return found.name if found is not None and self._is_elsewhere(found) else None

    def doubles(self) -> Sequence[Double]:
        return self._agents.doubles()

    def ask(self, agent_id: str, do: str, seconds: float, /, **words: Any) -> Mapping[str, Any]:
        self._require_here(agent_id)
        return self._agents.ask(agent_id, do, seconds, **words)

    def readers(self, agent_id: str) -> AbstractContextManager[Path]:
        self._require_here(agent_id)
        return self._agents.readers(agent_id)

    def answer_fences(self, forbids: Callable[[str, str], str | None]) -> None:
        self._agents.answer_fences(forbids)

    def forbids(self, agent_id: str, product: str) -> str | None:
        """Why the machine must not work on hardware with that UUID. Empty on other hardware, where its copy
        may be; None if its record cannot be read."""
        try:
            record = self._records.get(agent_id)
        except FabricError:
            return None
        if product in record.replaced:
            return REPLACED
        if self.hardware(agent_id, product) is Hardware.STRANGE:
            return RUNS_THERE
        if record.stands_alone or (record.hardware and product and product != record.hardware):
            return ""
        if record.home:
            return COMES_HOME
        return RUNS_THERE if record.is_failed_over else ""

    def hardware(self, agent_id: str, product: str) -> Hardware:
        """Whose the hardware with that UUID is. That of a machine that was never failed over and is not
        protected may be any, and none can be told without a UUID."""
        try:
            record = self._records.get(agent_id)
        except FabricError:  # whoever asks for the record is told
            return Hardware.OWN
        if product in record.replaced:
            return Hardware.REPLACED
        came_home = record.stands_alone and record.hardware is None  # its rescue system told no number
        if not product or product == record.hardware or came_home:
            return Hardware.OWN
        if record.is_failed_over or record.home:  # also one that was let go of since: its copy works on
            return Hardware.COPY if _may_be_made(product) else Hardware.STRANGE
        if record.was_failed_over and _is_made(product):  # its copy may be switched on at any time
            return Hardware.LEFT_BEHIND
        return Hardware.OWN if record.hardware is None or record.tag is None else Hardware.OTHER

    def tell_apart(self, hardware: Callable[[str, str], Hardware]) -> None:
        self._agents.tell_apart(hardware)

    def other_disks(self, agent_id: str) -> OtherDisks | None:
        return self._agents.other_disks(agent_id)

    def forget_other_disks(self, agent_id: str) -> None:
        self._agents.forget_other_disks(agent_id)

    def expect_home(self, agent_id: str) -> None:
        self._agents.expect_home(agent_id)

    def _require_here(self, agent_id: str) -> None:
        name = self.elsewhere(agent_id)
        if name is not None:
            raise AgentAway(
                f"The agent of {name} calls from other hardware than the machine's.",
                do="Nothing, if the machine was failed over. If this is its hardware now: disable its "
                "protection, and enable it again.",
            )

    def _at_home(self, agent: KnownAgent) -> KnownAgent:
        if agent.beside is not None and not self._is_own(agent.agent_id, agent.beside.get(PRODUCT)):
            agent = dataclasses.replace(agent, beside=None)
        return _away(agent) if self._is_elsewhere(agent) else agent

    def _is_own(self, agent_id: str, product: object) -> bool:
        return not isinstance(product, str) or self.hardware(agent_id, product) is Hardware.OWN

    def _is_elsewhere(self, agent: KnownAgent) -> bool:
        """What it is on becomes the hardware of a machine that is not protected, or had none."""
        told = agent.hello.get(PRODUCT)
        if not agent.connected or agent.rescue or not isinstance(told, str) or not told:
            return False
        if self.hardware(agent.agent_id, told) is not Hardware.OWN:
            return True
        with contextlib.suppress(FabricError):
            self._records.change(agent.agent_id, hardware=told)
        return False


def _may_be_made(product: str) -> bool:
    """Whether a copy of a machine may have that UUID: theirs are made of names. A maker of servers writes
    letters and digits of his own into his, which look alike."""
    try:
        uuid.UUID(product)
    except ValueError:
        return True
    return _is_made(product)


def _is_made(product: str) -> bool:
    with contextlib.suppress(ValueError):
        return uuid.UUID(product).version == OF_NAMES and not product.lower().startswith(LETTERED)
    return False


def _away(agent: KnownAgent) -> KnownAgent:
    return dataclasses.replace(agent, connected=False)
