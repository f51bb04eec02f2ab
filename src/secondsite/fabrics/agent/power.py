"""Whether machines with an agent run.

Nobody can start such a machine from here, nor keep it from starting."""

from __future__ import annotations

import contextlib
import time

import structlog

from ...domain import errors, shell
from ..interface import Obstacle, PowerState, Progress, untold
from .conversation import Agents, Conversation
from .homecoming import AgentHosting
from .inventory import BESIDE_DO, is_fenced, runs_beside, works, works_beside
from .last_views import LastViews
from .link import AgentAway
from .records import Records
from .rescued import RESCUE_AWAY_DO

LOOK_SECONDS = 0.2
RESTART_SECONDS = 10.0
STOP_SECONDS = 60.0
UP_SECONDS = 900.0
"""Servers take minutes until they start from a disk."""

log = structlog.get_logger(__name__)


class AgentPower:
    def __init__(
        self, agents: Agents, records: Records, last_views: LastViews, hosting: AgentHosting
    ) -> None:
        self._agents = agents
        self._records = records
        self._last_views = last_views
        self._hosting = hosting

    def state(self, fabric_id: str) -> PowerState:
        """As the interface says; a machine that stands still after its last view is off. Raises AgentAway for
        one that is silent, and was not switched off from here: nobody knows whether it runs. A person who
        revoked its agent knows, unless it goes on to call; so does one whose certificate has ended."""
        agent = self._agents.find(fabric_id)
        record = self._records.get(fabric_id)
        if agent is not None and agent.is_shut_out:
            return PowerState.RUNNING
        if agent is None or agent.revoked or (record.withdrawn and not agent.connected):
            return PowerState.MISSING
        if works_beside(agent):
            return PowerState.RUNNING
        if agent.connected and agent.rescue:
            return PowerState.MISSING if record.withdrawn else PowerState.OFF
        if agent.connected:
            rests = self._last_views.stands(fabric_id) or is_fenced(agent)
            return PowerState.OFF if rests else PowerState.RUNNING
        if record.is_off:
            return PowerState.OFF
        if self._hosting.lends(fabric_id):
            raise AgentAway(f"The rescue system of {agent.name} is away.", do=RESCUE_AWAY_DO)
        heard = f"was last heard on {agent.heard_at:%Y-%m-%d %H:%M:%SZ}" if agent.heard_at else "never called"
        raise AgentAway(
            f"The agent of {agent.name} does not answer: it {heard}.",
            do="Look whether the machine runs and reaches this appliance: in it, 'systemctl status "
            "secondsite-agent'. If it is gone for ever: 'secondsite appliance agents revoke "
            f"{shell.arguments(agent.name)}' on this appliance's host.",
        )

    def start(self, fabric_id: str, progress: Progress = untold) -> None:
        """Only one that stands still after its last view can be let go on, one whose boot its fence has
        stopped, and one that runs from the rescue image."""
        if self._records.get(fabric_id).home:
            self._hosting.merge(fabric_id, progress)
        elif not self._hosting.is_rescued(fabric_id):
            self._go_on(fabric_id)
            return
        progress(1.0, "waiting for the server to start from its own disks: switch it on, if it is off")
        self._await_up(fabric_id)

    def _go_on(self, fabric_id: str) -> None:
        """One whose agent does not answer is let go on once it does: the error says so."""
        with contextlib.suppress(AgentAway):
            if self.state(fabric_id) is PowerState.RUNNING:
                return
        obstacle = self.cannot_start(fabric_id)
        if obstacle is not None and not self._stands_unsent(fabric_id):
            raise errors.FabricError(obstacle.what, do=obstacle.do)
        self._last_views.give_back(fabric_id)
        agent = self._agents.find(fabric_id)
        if agent is not None and is_fenced(agent):
            Conversation(self._agents, fabric_id).unfence()
            self._await_up(fabric_id)

    def cannot_start(self, fabric_id: str) -> Obstacle | None:
        agent = self._agents.find(fabric_id)
        if agent is None or agent.connected or self._records.get(fabric_id).home:
            return None
        return Obstacle(
            f"{agent.name} is off, or its agent is away, and nobody can start it from here.",
            "Shut down the copy at the other site, if one runs; it stays until this machine answers. Switch "
            "this one on where it stands, wait until it answers, and repeat the verb.",
        )

    def _stands_unsent(self, fabric_id: str) -> bool:
        """Whether it stood still for a last view that nobody acknowledged: it goes on, and not off."""
        record = self._records.get(fabric_id)
        return record.last is not None and record.base != record.last

    def stays_defined(self, fabric_id: str) -> bool:
        return True

    def starts_with_host(self, fabric_id: str) -> bool:
        return True

    def forbid_start(self, fabric_id: str, tag: str) -> None:
        self._records.require_ours(fabric_id, tag)
        self._records.change(fabric_id, start_forbidden=True, wanted_back=False, was_failed_over=True)

    def allow_start(self, fabric_id: str, tag: str, *, with_host: bool) -> None:
        self._records.require_ours(fabric_id, tag)
        self._records.change(fabric_id, start_forbidden=False)

    def shut_down(self, fabric_id: str, grace_seconds: float) -> bool:
        """A machine that is replicated stands still, with its services stopped, and goes off once its last
        changes have arrived. Any other is shut down; it is off once its agent was ended in order. A
        connection that is only lost tells nothing."""
        self._require_one(fabric_id)
        if self._records.get(fabric_id).checkpoints:
            self._last_views.take(fabric_id, grace_seconds)
            return True
        Conversation(self._agents, fabric_id).shut_down()
        return self._is_away_within(fabric_id, grace_seconds)

    def stop(self, fabric_id: str) -> None:
        """Nobody can cut the power of a machine that does not obey its agent: raises FabricError for one that
        is not known to be off then. One that runs from the rescue image is off as it is."""
        self._require_one(fabric_id)
        if self._is_connected(fabric_id):
            if self._last_views.stands(fabric_id):
                self._last_views.switch_off(fabric_id)
            else:
                Conversation(self._agents, fabric_id).shut_down()
                self._is_away_within(fabric_id, STOP_SECONDS)
        agent = self._agents.find(fabric_id)
        if agent is None or agent.rescue or is_fenced(agent):
            return
        if self._records.get(fabric_id).is_off and not agent.is_shut_out:
            return
        if not self._has_ended(fabric_id):
            raise errors.FabricError(
                f"Nobody knows whether {agent.name} is off, and its power cannot be cut from here.",
                do="Switch it off where it stands, or start it from the rescue image; then retry.",
            )

    def _require_one(self, fabric_id: str) -> None:
        """Raises FabricError if it runs on one server while its rescue system, which is what is asked, runs
        on another."""
        agent = self._agents.find(fabric_id)
        if agent is not None and works_beside(agent):
            raise errors.FabricError(runs_beside(agent), do=BESIDE_DO)

    def _await_up(self, fabric_id: str) -> None:
        """Wait until a machine that came home runs its own system; as long as its rescue system is there, it
        is told to restart. One that does not call has come home all the same: that it is off is told as of
        any other, and its move must not be undone."""
        until, asked_at = time.monotonic() + UP_SECONDS, -RESTART_SECONDS
        while not self._is_connected(fabric_id) and time.monotonic() < until:
            if time.monotonic() - asked_at > RESTART_SECONDS and self._hosting.is_rescued(fabric_id):
                asked_at = time.monotonic()
                self._restart(fabric_id)
            time.sleep(LOOK_SECONDS)

    def _restart(self, fabric_id: str) -> None:
        try:
            self._hosting.restart(fabric_id)
        except errors.FabricError as problem:
            log.warning("rescued-machine.not-restarted", fabric_id=fabric_id, problem=problem.message)

    def _is_connected(self, fabric_id: str) -> bool:
        """Whether its own system is there."""
        agent = self._agents.find(fabric_id)
        return agent is not None and works(agent)

    def _is_away_within(self, fabric_id: str, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not self._has_ended(fabric_id):
            if time.monotonic() >= until:
                return False
            time.sleep(LOOK_SECONDS)
        self._records.change(fabric_id, is_off=True)
        return True

    def _has_ended(self, fabric_id: str) -> bool:
        agent = self._agents.find(fabric_id)
        return agent is None or (not agent.connected and agent.said_goodbye)
