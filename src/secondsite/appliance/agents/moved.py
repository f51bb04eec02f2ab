"""Which agents are expected here: those inside machines that were failed over to this site."""

from collections.abc import Mapping

from pydantic import ValidationError

from ...domain import errors
from ...fabrics.calling import ExpectedAgent
from ...fabrics.interface import Fabric
from ...wire.common.base import Shape
from ...wire.common.machines import AgentIdentity, MachineDefinition
from ..shared import State, run_key
from ..target import FAILOVER

PREFIX = "agent/"


class MovedAgent(Shape):
    """The agent inside a machine that was started here. `fabric_id` is the machine's here."""

    fabric_id: str
    name: str
    identity: AgentIdentity

    @property
    def expected(self) -> ExpectedAgent:
        told = self.identity
        return ExpectedAgent(told.agent_id, self.name, told.authority, self.fabric_id, told.until)


def note(state: State, machine_id: str, definition: MachineDefinition, fabric_id: str, name: str) -> None:
    """The machine is about to be started here from a point of this definition."""
    if definition.agent is None:
        state.remove_fact(PREFIX + machine_id)
    else:
        found = MovedAgent(fabric_id=fabric_id, name=name, identity=definition.agent)
        state.put_fact(PREFIX + machine_id, found.model_dump_json())


def known(state: State) -> Mapping[str, MovedAgent]:
    """By machine id. What cannot be read is forgotten."""
    found = {}
    for key, fact in state.facts(PREFIX).items():
        try:
            found[key.removeprefix(PREFIX)] = MovedAgent.model_validate_json(fact)
        except ValidationError:
            state.remove_fact(key)
    return found


def forget_gone(state: State, fabric: Fabric, machine_id: str, moved: MovedAgent) -> bool:
    """Whether the machine is not here any more, or not ours: it went home, its failover was cancelled, or its
    protection ended. Raises FabricError if that cannot be seen."""
    if state.fact(run_key(machine_id, FAILOVER)) is not None or _tag(fabric, moved) == machine_id:
        return False
    state.remove_fact(PREFIX + machine_id)
    return True


def _tag(fabric: Fabric, moved: MovedAgent) -> str | None:
    try:
        return fabric.inventory.tag(moved.fabric_id)
    except errors.NotFound:
        return None
