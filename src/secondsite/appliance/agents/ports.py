"""Where the appliance of another site listens for agents: asked over the data path.

source  AGENTS          target  LISTENS"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, ValidationError

from ...datapath.channel import Connection, Message
from ...datapath.errors import DatapathError, ProtocolViolated
from ...fabrics.calling import AgentCalls, AgentPort
from ...wire.common.base import Shape
from ..shared import Peers

ANSWER_SECONDS = 10.0
MOST_ADDRESSES = 8
Address = Annotated[str, Field(min_length=3, max_length=300, pattern=r"^[^\s\x00-\x1f]+:[0-9]{1,5}$")]


class Listens(Shape):
    """An appliance's answer. No addresses: no agent may call it."""

    addresses: Annotated[tuple[Address, ...], Field(max_length=MOST_ADDRESSES)] = ()
    authority: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""


class Ports:
    """This appliance's own port for agents, if it has one; `hosts` are the names and addresses that the other
    site reaches it by."""

    def __init__(self, calls: AgentCalls | None, hosts: tuple[str, ...]) -> None:
        self._calls = calls
        self._hosts = hosts

    @property
    def own(self) -> AgentPort | None:
        if self._calls is None:
            return None
        addresses = tuple(f"{host}:{self._calls.port}" for host in self._hosts[:MOST_ADDRESSES])
        return AgentPort(addresses, self._calls.authority)

    def answer(self, connection: Connection, _: Message) -> None:
        """Tell another appliance of it."""
        own = self.own
        told = Listens(addresses=own.addresses, authority=own.authority) if own is not None else Listens()
        connection.send_message("LISTENS", **told.model_dump())


def asked(peers: Peers, addresses: tuple[str, ...], name: str) -> AgentPort | None:
    """That of the appliance of this name; None if no agent may call it. Raises DatapathError."""
    with peers.connect(addresses, name) as connection:
        connection.send_message("AGENTS")
        try:
            answer = connection.receive_message("LISTENS", within_seconds=ANSWER_SECONDS)
        except DatapathError:  # an older one, which does not know the question, and hangs up
            return None
        told = _read(answer.fields)
        return AgentPort(told.addresses, told.authority) if told.addresses and told.authority else None


def _read(fields: Mapping[str, object]) -> Listens:
    try:
        return Listens.model_validate(fields)
    except ValidationError as problem:
        raise ProtocolViolated(
            f"what it says of its port for agents is not understood: {str(problem)[:200]}",
            do="run the same release at both ends",
        ) from None
