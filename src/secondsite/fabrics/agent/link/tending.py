"""What is due while an agent is here: keep that it was heard, and renew its certificate in time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from ....domain.errors import SecondsiteError
from ....ground import threads
from .authority import AGENT_LIFETIME
from .conversation import Conversation
from .errors import Refused
from .records import Heard
from .registry import Registry

NOTE_SECONDS: Final = 60.0
ANSWER_SECONDS: Final = 60.0
AGAIN_SECONDS: Final = 3600.0

log = structlog.get_logger(__name__)


class Tending:
    """Thread-safe."""

    def __init__(self, registry: Registry, may_renew: Callable[[Conversation], bool]) -> None:
        """`may_renew`: a copy of the machine with a certificate of its own would lock out the machine."""
        self._registry = registry
        self._may_renew = may_renew
        self._heard: dict[str, Heard | None] = {}

    def last_heard(self, agent_id: str) -> Heard | None:
        """Of an agent that is not here."""
        if agent_id not in self._heard:
            self._heard[agent_id] = self._registry.records.heard(agent_id)
        return self._heard[agent_id]

    def note(self, conversation: Conversation) -> None:
        """Keep that it was heard, for when it is gone."""
        agent_id, heard = conversation.peer.agent_id, heard_of(conversation, self._registry.clock())
        self._heard[agent_id] = heard
        with contextlib.suppress(OSError):  # a full disk: then it is known until this process ends
            self._registry.records.note_heard(agent_id, heard)

    def rounds(self, conversation: Conversation) -> Callable[[], None]:
        """To be called each second or so."""
        noted_at, renew_at = time.monotonic(), 0.0

        def look() -> None:
            nonlocal noted_at, renew_at
            at = time.monotonic()
            if at - noted_at >= NOTE_SECONDS:
                noted_at = at
                self.note(conversation)
            is_due = conversation.peer.until - self._registry.clock() < AGENT_LIFETIME / 3
            if at >= renew_at and is_due and self._may_renew(conversation):
                renew_at = at + AGAIN_SECONDS
                threads.worker("agent-renewal", self._renew, conversation).start()

        return look

    def _renew(self, conversation: Conversation) -> None:
        """The agent makes a new key, keeps its new certificate, and dials again with it."""
        peer = conversation.peer
        try:
            request = _request_in(conversation.ask("renew", ANSWER_SECONDS, {}))
            certificate = self._registry.renewed(peer.agent_id, peer.fingerprint, request)
            conversation.ask("keep", ANSWER_SECONDS, {"certificate": certificate})
            log.info("agent.renewed", agent_id=peer.agent_id)
        except (SecondsiteError, Refused, OSError) as problem:
            log.warning("agent.not-renewed", agent_id=peer.agent_id, problem=str(problem))


def heard_of(conversation: Conversation, now: datetime) -> Heard:
    """Of an agent that is here."""
    ago = timedelta(seconds=time.monotonic() - conversation.heard_at)
    return Heard(at=now - ago, hello=conversation.hello.model_dump(mode="json"))


def _request_in(told: Any) -> str:
    found = told.get("request") if isinstance(told, Mapping) else None
    if not isinstance(found, str) or len(found) > 8192:
        raise Refused("no-request", "It told no request for a certificate.")
    return found
