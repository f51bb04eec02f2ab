"""Readers of an agent's disks: each connection to a local socket is joined to one that the agent dials."""

from __future__ import annotations

import contextlib
import secrets
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from ....ground import threads
from ....ground.processes import short_folder
from .conversation import Conversation
from .errors import AgentAway, Refused
from .splice import Splice
from .stream import Stream
from .words import Answer

PAIRING_SECONDS: Final = 10.0
MOST_READERS: Final = 64
LONGEST_FOLDER: Final = 80
LOOK_MILLISECONDS: Final = 500

log = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True)
class _Reader:
    """One local connection, and its splice once the agent has dialled."""

    agent_id: str
    local: socket.socket
    until: float
    splice: Splice | None = None


@dataclass(eq=False, slots=True)
class _Opening:
    """A local socket, and who came in by it."""

    path: Path
    listening: socket.socket
    tokens: set[str] = field(default_factory=set)
    is_closed: bool = False


class Readers:
    """Who reads, by the token that the agent is told. Thread-safe."""

    def __init__(self, folder: Path, conversation_of: Callable[[str], Conversation | None]) -> None:
        self._folder = folder
        self._conversation_of = conversation_of
        self._lock = threading.Lock()
        self._readers: dict[str, _Reader] = {}

    @contextlib.contextmanager
    def open(self, agent_id: str) -> Iterator[Path]:
        """A socket for as long as the context lasts; its readers end with it. Raises OSError."""
        folder = short_folder.made(self._folder, LONGEST_FOLDER)
        path = folder / f"r-{secrets.token_hex(6)}"
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
            path.chmod(0o600)
            listening.listen(MOST_READERS)
            listening.setblocking(False)
            opening = _Opening(path, listening)
            accepting = threads.worker("agent-readers", self._accept, agent_id, opening)
            accepting.start()
            try:
                yield path
            finally:
                path.unlink(missing_ok=True)
                self._close(opening)
                accepting.join()

    def serve(self, agent_id: str, token: str, stream: Stream) -> None:
        """Join the agent's connection to its reader, until one of them ends. Raises Refused for a token that
        is not this agent's."""
        with self._lock:
            reader = self._readers.get(token)
            if reader is None or reader.agent_id != agent_id or reader.splice is not None:
                raise Refused("no-reader", "Nobody waits for a reader with this token.")
            splice = reader.splice = Splice(stream, reader.local)
        try:
            splice.run()
        finally:
            self._end(token)

    def look(self) -> None:
        """Give up readers for whom the agent has not dialled in time."""
        with self._lock:
            now = time.monotonic()
            late = [
                token for token, each in self._readers.items() if each.splice is None and now >= each.until
            ]
        for token in late:
            log.warning("reader.not-joined", agent_id=self._readers[token].agent_id)
            self._end(token)

    def _accept(self, agent_id: str, opening: _Opening) -> None:
        poller = select.poll()
        poller.register(opening.listening, select.POLLIN)
        while not opening.is_closed:
            if poller.poll(LOOK_MILLISECONDS) and not opening.is_closed:
                with contextlib.suppress(OSError):
                    local, _ = opening.listening.accept()
                    self._ask_for(agent_id, opening, local)

    def _ask_for(self, agent_id: str, opening: _Opening, local: socket.socket) -> None:
        """Ask the agent to dial for this reader; without an agent the reader is sent away."""
        token = secrets.token_hex(16)
        with self._lock:
            many = sum(each.agent_id == agent_id for each in self._readers.values())
            if many >= MOST_READERS or opening.is_closed:
                local.close()
                return
            self._readers[token] = _Reader(agent_id, local, time.monotonic() + PAIRING_SECONDS)
            opening.tokens.add(token)
        conversation = self._conversation_of(agent_id)
        try:
            if conversation is None:
                raise AgentAway("The agent is not connected.")
            asked = conversation.begin("dial", PAIRING_SECONDS, {"token": token})
            asked.add_done_callback(lambda answered: self._dialled(token, answered))
        except AgentAway as away:
            log.warning("reader.sent-away", agent_id=agent_id, problem=away.message)
            self._end(token)

    def _dialled(self, token: str, answered: Future[Answer]) -> None:
        if answered.exception() is not None or not answered.result().ok:
            with self._lock:
                reader = self._readers.get(token)
                is_waiting = reader is not None and reader.splice is None
            if is_waiting:
                self._end(token)

    def _end(self, token: str) -> None:
        with self._lock:
            reader = self._readers.pop(token, None)
        if reader is not None:
            if reader.splice is not None:
                reader.splice.cut()
            reader.local.close()

    def _close(self, opening: _Opening) -> None:
        """The splices end by themselves once they are cut: only their own thread closes what it waits on."""
        with self._lock:
            opening.is_closed = True
            found = {token: self._readers.get(token) for token in opening.tokens}
        with contextlib.suppress(OSError):
            opening.listening.shutdown(socket.SHUT_RDWR)  # whoever waits for the next reader is woken
        for token, reader in found.items():
            if reader is not None and reader.splice is not None:
                reader.splice.cut()
            elif reader is not None:
                self._end(token)
