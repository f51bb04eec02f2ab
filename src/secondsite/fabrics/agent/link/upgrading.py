"""Hands agents the program that a person wants them to become, one agent after the other.

The agent checks it, starts it, and goes back to the former one if it does not connect."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

from ....domain.errors import SecondsiteError
from ....ground import threads
from .conversation import Conversation
from .errors import AgentAway, AgentRefused
from .upgrades import Upgrade, Upgrades

PART_BYTES: Final = 512 * 1024
PART_SECONDS: Final = 60.0
BACK_SECONDS: Final = 300.0
"""A new program that does not connect within three minutes is replaced by the former one."""
LOOK_SECONDS: Final = 0.5
UNKNOWN: Final = "unknown"

log = structlog.get_logger(__name__)


class _Stopping(Exception):
    """The appliance ends; its next process goes on."""


class Upgrading:
    """Begins what is wanted each time it is told to look."""

    def __init__(self, upgrades: Upgrades, conversation_of: Callable[[str], Conversation | None]) -> None:
        self._upgrades = upgrades
        self._conversation_of = conversation_of
        self._worker: threads.Worker | None = None
        self._stopping = threading.Event()

    def look(self) -> None:
        if self._worker is not None and self._worker.is_alive():
            return
        if any(each.said is None for each in self._upgrades.all().values()):
            self._worker = threads.worker("agent-upgrades", self._work)
            self._worker.start()

    def stop(self, within_seconds: float = 5.0) -> None:
        self._stopping.set()
        if self._worker is not None:
            threads.have_ended([self._worker], within_seconds)

    def _work(self) -> None:
        for agent_id, wanted in self._upgrades.all().items():
            if wanted.said is None and not self._stopping.is_set():
                self._upgrade(agent_id, wanted)

    def _upgrade(self, agent_id: str, wanted: Upgrade) -> None:
        try:
            if not self._upgrades.change(agent_id, wanted, began=True):
                return
            done, said = self._tried(agent_id, wanted)
        except _Stopping:
            return
        except (SecondsiteError, OSError) as problem:
            done, said = False, str(problem)
        if done:
            log.info("agent.upgraded", agent_id=agent_id, said=said)
        else:
            log.warning("agent.not-upgraded", agent_id=agent_id, said=said)
        with contextlib.suppress(OSError):  # it is tried once more, and found to be done
            self._upgrades.change(agent_id, wanted, done=done, said=said)

    def _tried(self, agent_id: str, wanted: Upgrade) -> tuple[bool, str]:
        """Whether the agent is of that version now, and a sentence. Raises AgentRefused, OSError,
        _Stopping."""
        here = self._conversation_of(agent_id)
        if here is None:
            return False, "Its agent is not connected. Try again once it is."
        name, before = here.hello.host_name, here.hello.version
        if here.peer.kind == "rescue" or here.peer.is_guest:
            return False, f"{name} does not run its own system at this site, so its agent stays as it is."
        if before == wanted.version:
            return True, f"The agent in {name} is of version {before} already."
        try:
            self._hand_over(here, wanted)
        except AgentAway:
            log.info("agent.left-while-upgraded", agent_id=agent_id)  # its last answer may have been lost
        return self._awaited(agent_id, here, wanted)

    def _hand_over(self, here: Conversation, wanted: Upgrade) -> None:
        program = wanted.program.read_bytes()
        if hashlib.sha256(program).hexdigest() != wanted.sha256:
            raise AgentRefused(f"{wanted.program} was replaced meanwhile.", UNKNOWN)
        words = {"size": len(program), "sha256": wanted.sha256, "version": wanted.version}
        for at in range(0, len(program), PART_BYTES):
            if self._stopping.is_set():
                raise _Stopping
            part = base64.b64encode(program[at : at + PART_BYTES]).decode()
            try:
                here.ask("upgrade", PART_SECONDS, {**words, "at": at, "data": part})
            except AgentRefused as refused:
                raise _too_old(here) if refused.code == UNKNOWN else refused from None

    def _awaited(self, agent_id: str, before: Conversation, wanted: Upgrade) -> tuple[bool, str]:
        name, until = before.hello.host_name, time.monotonic() + BACK_SECONDS
        while time.monotonic() < until:
            if self._stopping.wait(LOOK_SECONDS):
                raise _Stopping
            here = self._conversation_of(agent_id)
            if here is None or here is before:
                continue
            if here.hello.version == wanted.version:
                return True, f"The agent in {name} is of version {wanted.version} now."
            return False, (
                f"The agent in {name} came back with version {here.hello.version or 'unknown'}: the new one "
                "did not connect, or did not start. In the machine: journalctl --unit secondsite-agent"
            )
        said = f"The agent in {name} has not come back. In the machine: systemctl status secondsite-agent"
        return False, said


def _too_old(here: Conversation) -> AgentRefused:
    return AgentRefused(
        f"The agent in {here.hello.host_name}, version {here.hello.version or 'unknown'}, takes no program: "
        "it is too old for that.",
        UNKNOWN,
    )
