"""Where the appliance of another site listens for agents: asked over the data path.

source  AGENTS          target  LISTENS"""

import time
from collections.abc import Callable, Mapping
from typing import Annotated

import structlog
from pydantic import Field, ValidationError

from ...datapath.channel import Connection, Message
from ...datapath.errors import DatapathError, ProtocolViolated
from ...fabrics.calling import AgentCalls, AgentPort
from ...ground.problem import SecondsiteError
from ...wire.common.base import Shape
from ..shared import Peers

ANSWER_SECONDS = 10.0
OPEN_AGAIN_SECONDS = 30.0
MOST_ADDRESSES = 8
NOWHERE = AgentPort((), "")
Address = Annotated[str, Field(min_length=3, max_length=300, pattern=r"^[^\s\x00-\x1f]+:[0-9]{1,5}$")]


log = structlog.get_logger(__name__)


class Listens(Shape):
    """An appliance's answer. No addresses: no agent may call it."""

    addresses: Annotated[tuple[Address, ...], Field(max_length=MOST_ADDRESSES)] = ()
    authority: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""


class Ports:
    """This appliance's own port for agents, if it is to have one: `opens` opens it, and is tried again while
    it cannot. `hosts` are the names and addresses that the other site reaches it by."""

    def __init__(
        self, opens: Callable[[], AgentCalls] | None, hosts: tuple[str, ...],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._opens = opens
        self._hosts = hosts
        self._monotonic = monotonic
        self._not_before = monotonic()
        self.calls: AgentCalls | None = None
        """None while nobody listens."""
        self.problem = ""
        """Why nobody listens though somebody should."""

    def look(self) -> None:
        """Open the port, if it is to be open, is not, and was not tried just now."""
        if self._opens is None or self.calls is not None or self._monotonic() < self._not_before:
            return
        try:
            self.calls, self.problem = self._opens(), ""
        except (SecondsiteError, OSError) as problem:
            self._not_before = self._monotonic() + OPEN_AGAIN_SECONDS
            if not self.problem:
                log.error("agents.not-listening", problem=str(problem))
            self.problem = str(problem)

    def close(self) -> None:
        if self.calls is not None:
            self.calls.close()
            self.calls = None

    @property
    def own(self) -> AgentPort | None:
        if self.calls is None:
            return None
        addresses = tuple(f"{host}:{self.calls.port}" for host in self._hosts[:MOST_ADDRESSES])
        return AgentPort(addresses, self.calls.authority)

    def answer(self, connection: Connection, _: Message) -> None:
        """Tell another appliance of it."""
        own = self.own
        told = Listens(addresses=own.addresses, authority=own.authority) if own is not None else Listens()
        connection.send_message("LISTENS", **told.model_dump())


def asked(peers: Peers, addresses: tuple[str, ...], name: str) -> AgentPort | None:
    """That of the appliance of this name, NOWHERE if no agent may call it; None if it is too old for that.
    Raises DatapathError."""
    with peers.connect(addresses, name) as connection:
        connection.send_message("AGENTS")
        try:
            answer = connection.receive_message("LISTENS", within_seconds=ANSWER_SECONDS)
        except DatapathError:  # it does not know the question, and hangs up
            return None
        told = _read(answer.fields)
        return AgentPort(told.addresses, told.authority) if told.addresses and told.authority else NOWHERE


def _read(fields: Mapping[str, object]) -> Listens:
    try:
        return Listens.model_validate(fields)
    except ValidationError as problem:
        raise ProtocolViolated(
            f"what it says of its port for agents is not understood: {str(problem)[:200]}",
            do="run the same release at both ends",
        ) from None
