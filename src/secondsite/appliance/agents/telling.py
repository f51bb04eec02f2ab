"""Tells the agents of this site where else they may call.

They keep it on their machine's disk, so each recovery point has it: then a machine that was started from one
needs neither this site nor a vault."""

import time
from collections.abc import Callable, Sequence

import structlog

from ...domain import errors
from ...fabrics.calling import AgentPort, Calling
from ...ground.periodic import Periodic
from ...ground.problem import SecondsiteError
from ..shared import Peers
from ..source import Source
from . import ports

LOOK_SECONDS = 5.0
ASK_AGAIN_SECONDS = 600.0
AFTER_FAILURE_SECONDS = 60.0

log = structlog.get_logger(__name__)

Target = tuple[str, tuple[str, ...]]


class Telling(Periodic):
    """The thread that does it, where agents call this appliance."""

    def __init__(
        self, calling: Calling, peers: Peers, sources: Callable[[], Sequence[Source]],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        super().__init__("agents-telling", lambda error: log.error("agents.not-told", exc_info=error))
        self._calling = calling
        self._peers = peers
        self._sources = sources
        self._monotonic = monotonic
        self._known: dict[Target, tuple[float, AgentPort | None]] = {}
        """Of each target its port, and until when that counts."""

    def pause_seconds(self) -> float:
        return LOOK_SECONDS

    def look(self) -> None:
        for source in self._sources():
            if self.stopping.is_set():
                return
            if source.fenced or source.progress.paused:
                continue
            port = self._port((source.setup.target_appliance_id, source.setup.target_addresses))
            if port is not None and port.addresses:
                self._tell(source, port)

    def _tell(self, source: Source, port: AgentPort) -> None:
        try:
            self._calling.tell(source.setup.fabric_id, port)
        except errors.SecondsiteError as problem:
            log.debug("agent.not-told", machine=source.machine_id, problem=problem.message)

    def _port(self, target: Target) -> AgentPort | None:
        until, port = self._known.get(target, (0.0, None))
        if self._monotonic() >= until:
            seconds = AFTER_FAILURE_SECONDS
            try:
                port = ports.asked(self._peers, target[1], target[0])
                seconds = AFTER_FAILURE_SECONDS if port == ports.NOWHERE else ASK_AGAIN_SECONDS
            except SecondsiteError as problem:
                log.debug("agents.port-unknown", appliance=target[0], problem=problem.message)
            self._known[target] = self._monotonic() + seconds, port
        return port
