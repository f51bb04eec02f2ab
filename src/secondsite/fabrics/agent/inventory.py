"""The machines whose agents are enrolled here."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from ... import __version__
from ...domain import errors, shell
from ...domain.machines.connecting import Sight
from ...domain.machines.releases import is_older
from ...wire.common.machines import AgentIdentity, MachineDefinition
from ..interface import (
    APPLICATIONS_LATE,
    Concern,
    HeldDisk,
    HeldResources,
    MachineSummary,
    PowerState,
    unprepared,
)
from .conversation import Agents, Conversation
from .link import FENCED, Double, KnownAgent
from .records import MachineRecord, Records
from .telling import ToldMachine, definition, obstacles, sight

KIND = "agent"
LOOKS_SECONDS = 120.0
AGAIN_SECONDS = 30.0
FRESH_SECONDS = 20.0
"""What was told so lately is not asked for again: a cycle looks at its machine several times."""


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Telling:
    """What an agent told, and when, on the monotonic clock and on that of the calendar; `hello`: how it came
    before."""

    at: float
    clock: float
    hello: Mapping[str, Any]
    machine: ToldMachine


class AgentInventory:
    """What an agent that is away told last is what is known of its machine."""

    def __init__(self, agents: Agents, records: Records, disk_path: Callable[[str, str], Path]) -> None:
        """`disk_path` gives the file that a disk is here while its machine runs from the rescue image."""
        self._agents = agents
        self._records = records
        self._disk_path = disk_path
        self._told: dict[str, _Telling] = {}
        self._in_vain: dict[str, float] = {}
        """Who was asked, and did not tell, and when: a list does not wait for them again so soon."""

    def list(self) -> Sequence[MachineSummary]:
        """Of a machine that was described before, what was told then: one that does not answer holds up
        nobody."""
        found = (self._summary_if_known(agent) for agent in self._agents.known())
        return [each for each in found if each is not None]

    def _summary_if_known(self, agent: KnownAgent) -> MachineSummary | None:
        """One machine whose record cannot be read hides no other one; whoever asks for it alone is told."""
        try:
            return self._summary(agent, float("inf"))
        except errors.FabricError as problem:
            log.error("machine.not-listed", fabric_id=agent.agent_id, problem=problem.message)
            return None

    def get(self, fabric_id: str) -> MachineSummary | None:
        agent = self._agents.find(fabric_id)
        return None if agent is None else self._summary(agent, FRESH_SECONDS)

    def running(self) -> frozenset[str]:
        return frozenset(each.agent_id for each in self._agents.known() if self._is_on(each))

    def _is_on(self, agent: KnownAgent) -> bool:
        """One that stands still after its last view counts as off. Of one that is let in no more the record
        tells nothing: it may have been switched on since."""
        if agent.is_shut_out or works_beside(agent):
            return True
        return works(agent) and self._records.get(agent.agent_id).last is None

    def tag(self, fabric_id: str) -> str | None:
        self._require(fabric_id)
        return self._records.get(fabric_id).tag

    def holding(self, fabric_id: str) -> HeldResources:
        """The disks are files here only while it runs from the rescue image, or as it comes home; its own
        system, on another server at the same time, has none of them."""
        found, agent = self._require(fabric_id), self._agents.find(fabric_id)
        if agent is not None and works_beside(agent):
            return HeldResources((), frozenset(nic.mac.lower() for nic in found.definition.nics))
        now = found.power is PowerState.RUNNING
        disks = (
            HeldDisk(each.key, each.path, now, True, format=each.format) for each in found.definition.disks
        )
        return HeldResources(tuple(disks), frozenset(nic.mac.lower() for nic in found.definition.nics))

    def beginning(self, fabric_id: str, disk: str, length: int) -> bytes:
        """Nothing: an agent reads only the disks that are replicated."""
        return b""

    def concerns(self, fabric_id: str) -> Sequence[Concern]:
        agent = self._agents.find(fabric_id)
        if agent is None:
            return ()
        record = self._records.get(fabric_id)
        is_off = not agent.connected and record.is_off and not agent.is_shut_out
        doubles = [
            each for each in self._agents.doubles() if each.agent_id == fabric_id and _counts(each, record)
        ]
        if is_off:  # who comes now is its copy, or a server that it left
            doubles = [each for each in doubles if not each.served_name]
        found = [Concern("machine-doubled", _doubled(each)) for each in doubles]
        if not agent.connected:
            said = _shut_out(agent, record.is_failed_over) if agent.is_shut_out else _silent(agent)
            return found if is_off else [*found, Concern("machine-silent", said)]
        if is_fenced(agent):
            return [*found, Concern("machine-fenced", _fenced(agent))]
        return [*found, *_outdated(agent), *self._unprepared(agent)]

    def inside(self, fabric_id: str) -> Sight | None:
        told = self._told.get(fabric_id)
        return None if told is None else sight(told.machine, told.clock)

    def _unprepared(self, agent: KnownAgent) -> Sequence[Concern]:
        self._described(agent, LOOKS_SECONDS)
        told = self._told.get(agent.agent_id)
        return (
            [*unprepared(obstacles(told.machine, told.clock)), *_late(agent.name, told.machine)]
            if told
            else []
        )

    def _require(self, fabric_id: str) -> MachineSummary:
        found = self.get(fabric_id)
        if found is None:
            raise errors.NotFound(f"No agent of a machine {fabric_id} is enrolled here.")
        return found

    def _summary(self, agent: KnownAgent, told_within: float) -> MachineSummary | None:
        definition = self._described(agent, told_within)
        record = self._records.get(agent.agent_id)
        if definition is None or (record.withdrawn and not self._is_on(agent)):
            return None
        return MachineSummary(
            fabric_id=agent.agent_id,
            name=agent.name,
            power=PowerState.RUNNING if self._is_on(agent) else PowerState.OFF,
            tag=record.tag,
            definition=self._where_it_lies(agent, definition),
            attached=tuple(each.key for each in definition.disks) if self._is_on(agent) else None,
            start_forbidden=record.start_forbidden,
        )

    def _where_it_lies(self, agent: KnownAgent, definition: MachineDefinition) -> MachineDefinition:
        """The same with the files that its disks are, or would be, here, and with its agent."""
        fabric_id = agent.agent_id
        home = self._records.get(fabric_id).home
        disks = tuple(
            each.model_copy(update={"path": home[each.key], "format": "qcow2"})
            if each.key in home
            else each.model_copy(update={"path": str(self._disk_path(fabric_id, each.key))})
            for each in definition.disks
        )
        return definition.model_copy(update={"disks": disks, "agent": _identity(agent)})

    def _described(self, agent: KnownAgent, told_within: float) -> MachineDefinition | None:
        """The machine as it is, or as it was told last; None if it was never told."""
        record = self._records.get(agent.agent_id)
        told = record.told
        if record.last is not None or not works(agent):  # what it would read stands still, or is not its own
            return told
        is_new = told is None and (told_within < float("inf") or not self._was_in_vain(agent))
        if is_new or self._is_old(agent, told_within):
            self._in_vain[agent.agent_id] = time.monotonic()
            try:
                told = self._describe(agent)
                self._in_vain.pop(agent.agent_id, None)  # several threads ask
            except errors.FabricError as problem:
                log.warning("machine.not-described", fabric_id=agent.agent_id, problem=problem.message)
        return told

    def _was_in_vain(self, agent: KnownAgent) -> bool:
        """A busy machine may take too long once."""
        asked = self._in_vain.get(agent.agent_id)
        return asked is not None and time.monotonic() - asked < AGAIN_SECONDS

    def _is_old(self, agent: KnownAgent, told_within: float) -> bool:
        """An agent that came anew may have found other disks."""
        told = self._told.get(agent.agent_id)
        if told is None:
            return told_within < float("inf")
        return told.hello != agent.hello or time.monotonic() - told.at > told_within

    def _describe(self, agent: KnownAgent) -> MachineDefinition:
        told = Conversation(self._agents, agent.agent_id).machine(agent.name)
        self._told[agent.agent_id] = _Telling(time.monotonic(), time.time(), agent.hello, told)
        followed = [each.key for each in told.disks if not each.refused]
        names = self._records.named(agent.agent_id, followed)
        found = definition(agent.agent_id, agent.name, told, {key: names[key] for key in followed})
        self._records.change(agent.agent_id, told=found)
        return found


def _identity(agent: KnownAgent) -> AgentIdentity:
    return AgentIdentity(agent_id=agent.agent_id, authority=agent.authority, until=agent.valid_since)


def _outdated(agent: KnownAgent) -> Sequence[Concern]:
    version = str(agent.hello.get("version", ""))
    if agent.rescue or not is_older(version, __version__):
        return ()
    what = (
        f"The agent in {agent.name} is of version {version}, this appliance of {__version__}. At its host: "
        f"secondsite appliance agents upgrade {shell.arguments(agent.name)}"
    )
    return [Concern("agent-outdated", what)]


def _late(name: str, told: ToldMachine) -> Sequence[Concern]:
    if told.looks is None or not told.looks.hooks_late_seconds:
        return ()
    what = (
        f"Applications in {name} rested for {told.looks.hooks_late_seconds:.1f} s for a point until they "
        "were let go on: its agent had ended before, or hung."
    )
    return [Concern(APPLICATIONS_LATE, what)]


def works(agent: KnownAgent) -> bool:
    """Whether the machine runs its own system, and works, as far as is known."""
    return agent.connected and not agent.rescue and not is_fenced(agent)


def works_beside(agent: KnownAgent) -> bool:
    """Whether its own system works on one server while its rescue system runs on another."""
    return agent.beside is not None and agent.beside.get(FENCED) is not True


BESIDE_DO = "Switch off the server that runs its own system; then repeat the verb."


def runs_beside(agent: KnownAgent) -> str:
    return f"{agent.name} runs its own system on one server, and its rescue system runs on another."


def is_fenced(agent: KnownAgent) -> bool:
    """Whether its boot was stopped before its services, since it was failed over."""
    return agent.connected and agent.hello.get(FENCED) is True


def _fenced(agent: KnownAgent) -> str:
    return f"{agent.name} was switched on at this site, and its fence keeps its services from starting."


def _silent(agent: KnownAgent) -> str:
    heard = f"since {agent.heard_at:%Y-%m-%d %H:%M:%SZ}" if agent.heard_at else "and was never heard"
    return f"The agent of {agent.name} does not answer {heard}: nobody knows whether it runs."


def _shut_out(agent: KnownAgent, is_failed_over: bool) -> str:
    why = "was revoked" if agent.revoked else "has a certificate that was revoked or has ended"
    if is_failed_over:
        return (
            f"The agent of {agent.name} {why}, and calls on: the machine works here, although it was failed "
            "over. Switch it off."
        )
    return (
        f"The agent of {agent.name} {why}, and calls on: the machine works, and is not replicated. "
        f"To let it in again: secondsite appliance agents key --for {shell.arguments(agent.name)}"
    )


def _counts(double: Double, record: MachineRecord) -> bool:
    """Whether who must not work must not now: it may have been told of before a failover began, or ended."""
    is_away = bool(record.is_failed_over or record.home)
    if double.is_of_one_at_home:
        return not is_away
    return not double.although or is_away or bool(record.replaced)


def _doubled(double: Double) -> str:
    if not double.served_name:
        return (
            f"{double.refused_name} at {double.refused_address} was switched on, although {double.although}. "
            "It is not let in."
        )
    return (
        f"{double.refused_name} at {double.refused_address} came with the identity of {double.served_name} "
        f"at {double.served_address}."
    )
