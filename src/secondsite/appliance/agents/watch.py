"""Lets agents in whose machines were failed over to this site, and sees which of them do not come."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from ...domain import errors, shell
from ...domain.amounts import span
from ...fabrics.interface import Fabric, PowerState
from ...ground.periodic import Periodic
from ..shared import AGENT_NOT_REGISTERED, Findings, State
from ..source import Replication
from ..target import ReplicaHost
from . import moved
from .moved import MovedAgent
from .ports import Ports

LOOK_SECONDS = 3.0
SILENT_SECONDS = 300.0
"""So long an agent may be away that was here, at most: it dials again within a minute, and its guest may
start again."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Seen:
    """`away_since`: on the monotonic clock, since when the machine has been on without its agent; None while
    it is off, or has it."""

    came: bool = False
    away_since: float | None = None


class AgentWatch(Periodic):
    """The thread that looks. Without a port for agents nobody is expected, and nobody is missed."""

    def __init__(
        self, fabric: Fabric, state: State, ports: Ports, host: ReplicaHost,
        replication: Replication, registers_seconds: float, monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        super().__init__("agents-moved", lambda error: log.error("agents.not-looked", exc_info=error))
        self._fabric = fabric
        self._state = state
        self._ports = ports
        self._host = host
        self._replication = replication
        self._monotonic = monotonic
        self._registers_seconds = registers_seconds
        self._seen: dict[str, _Seen] = {}

    def start(self) -> None:
        super().start()
        self.wake()

    def pause_seconds(self) -> float:
        return LOOK_SECONDS

    def look(self) -> None:
        all_known = moved.known(self._state).items()
        known = {machine_id: agent for machine_id, agent in all_known if not self._is_gone(machine_id, agent)}
        self._ports.look()
        calls = self._ports.calls
        if calls is None and not self._ports.problem:
            return
        if calls is not None:
            calls.expect([each.expected for each in known.values()])
        here = calls.connected() if calls is not None else frozenset()
        for machine_id, agent in known.items():
            self._judge(machine_id, agent, is_here=agent.identity.agent_id in here)

    def _is_gone(self, machine_id: str, agent: MovedAgent) -> bool:
        try:
            gone = moved.forget_gone(self._state, self._fabric, machine_id, agent)
        except errors.SecondsiteError as problem:
            log.debug("agent.not-seen", machine=machine_id, problem=problem.message)
            return False
        if gone:
            self._clear(machine_id)
            self._seen.pop(machine_id, None)
        return gone

    def _judge(self, machine_id: str, agent: MovedAgent, *, is_here: bool) -> None:
        seen = self._seen.setdefault(machine_id, _Seen())
        if is_here or not self._runs(agent):
            self._seen[machine_id] = _Seen(came=is_here)
            self._clear(machine_id)
            return
        if seen.away_since is None:
            seen.away_since = self._monotonic()
        away = self._monotonic() - seen.away_since
        longest = min(SILENT_SECONDS, self._registers_seconds) if seen.came else self._registers_seconds
        if away >= longest:
            for each in self._findings(machine_id):
                each.add(AGENT_NOT_REGISTERED, _said(agent, self._ports, longest, came=seen.came))

    def _runs(self, agent: MovedAgent) -> bool:
        """What cannot be seen does not count as running."""
        try:
            return self._fabric.power.state(agent.fabric_id) is PowerState.RUNNING
        except errors.SecondsiteError:
            return False

    def _clear(self, machine_id: str) -> None:
        for each in self._findings(machine_id):
            each.clear(AGENT_NOT_REGISTERED)

    def _findings(self, machine_id: str) -> list[Findings]:
        """Of the machine as a replica here and, once it is protected back, as a source."""
        sides = (self._host.find(machine_id), self._replication.find(machine_id))
        return [each.findings for each in sides if each is not None]


def _said(agent: MovedAgent, ports: Ports, seconds: float, *, came: bool) -> str:
    what = (
        f"has been silent for {span(seconds)}, while the machine runs"
        if came
        else f"has not registered here within {span(seconds)} of its machine's start"
    )
    port = ports.own
    if port is None:
        return f"The agent in {agent.name} {what}, and cannot come: {ports.problem}"
    at = ",".join(port.addresses)
    return (
        f"The agent in {agent.name} {what}. It must reach {at}. If it never heard of this appliance, in the "
        f"machine: secondsite-agent call --appliance {shell.arguments(at)} {port.authority}"
    )
