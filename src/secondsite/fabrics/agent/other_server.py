"""A machine comes home to another server, with other disks than its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from ...domain import errors, shell
from ...domain.machines import other_server
from ..interface import Obstacle
from .conversation import Agents
from .records import MachineRecord, Records
from .rescued import QUICK_SECONDS, Assignment, assign, told
from .telling import ToldMachine, system

PRODUCT = "product_uuid"


@dataclass(frozen=True, slots=True)
class Lent:
    """What a rescued machine is to lend: its agent's keys by those here, and how much of each disk; all of
    one that is not named."""

    disks: Mapping[str, str]
    sizes: Mapping[str, int]


class OtherServer:
    def __init__(self, agents: Agents, records: Records) -> None:
        self._agents = agents
        self._records = records

    def lent(self, fabric_id: str) -> Lent:
        """The disks to come home to. Raises FabricError while it is not decided which."""
        record = self._records.get(fabric_id)
        if record.stands_alone or self._agents.other_disks(fabric_id) is None:
            return self._own(fabric_id, record)
        found = self._assignment(fabric_id, record)
        for problem in found.problems:
            raise errors.FabricError(problem.what, do=problem.do)
        sizes = {key: each for key, each in _sizes(record).items() if key in found.disks}
        self._records.change(fabric_id, others=found.disks, other_sizes=sizes)
        return Lent(found.disks, sizes)

    def _own(self, fabric_id: str, record: MachineRecord) -> Lent:
        if record.stands_alone and record.others:
            return Lent(record.others, record.other_sizes)
        self._records.change(fabric_id, others={}, other_sizes={})
        return Lent(record.coming_home, {})

    def obstacles(self, fabric_id: str) -> Sequence[Obstacle]:
        """What speaks against its homecoming there."""
        record = self._records.get(fabric_id)
        if record.stands_alone:
            return ()
        if self._agents.other_disks(fabric_id) is None:
            return self._without_its_own(fabric_id, record)
        found = self._assignment(fabric_id, record)
        if found.problems:
            return [Obstacle(each.what, each.do) for each in found.problems]
        return self._of_its_hardware(fabric_id, record, found)

    def _without_its_own(self, fabric_id: str, record: MachineRecord) -> Sequence[Obstacle]:
        """One that comes home to its own disks must have them."""
        offered = told.disks(self._agents.ask(fabric_id, "disks", QUICK_SECONDS))
        if any(each in offered for each in record.coming_home.values()):
            return ()
        agent = self._agents.find(fabric_id)
        name = agent.name if agent is not None else fabric_id
        return [
            Obstacle(
                f"The server that runs from the rescue image has none of the disks of {name}.",
                "Is it another server? 'secondsite appliance agents key --rescue --other-disks --for "
                f"{shell.arguments(name)}' on this appliance's host lets the machine come home to it. Else "
                "look at its console.",
            )
        ]

    def settled(self, fabric_id: str) -> dict[str, object]:
        """What its record says once its disks were merged: the server is its own, with its disks. If these
        are the machine's old ones, in another server or on a new mainboard, no server is left behind."""
        record, agent = self._records.get(fabric_id), self._agents.find(fabric_id)
        told = agent.hello.get(PRODUCT) if agent is not None else None
        product = told if isinstance(told, str) and told else None
        if not record.others:
            replaced = tuple(each for each in record.replaced if each != product)
            return {"hardware": product or record.hardware, "replaced": replaced}
        return {**_moved(record, product), "keys": {**record.keys, **record.others}}

    def forget(self, fabric_id: str) -> None:
        """It has come home."""
        self._records.change(fabric_id, others={}, other_sizes={})
        self._agents.forget_other_disks(fabric_id)

    def _assignment(self, fabric_id: str, record: MachineRecord) -> Assignment:
        agent, decided = self._agents.find(fabric_id), self._agents.other_disks(fabric_id)
        if agent is None or decided is None:
            return Assignment()
        offered = told.disks(self._agents.ask(fabric_id, "disks", QUICK_SECONDS))
        before, own = set(record.others.values()), record.keys
        wanted, disks = _sizes(record), list(offered.values())
        return assign(agent.name, wanted, disks, decided, before, own, _sectors(record))

    def _of_its_hardware(
        self, fabric_id: str, record: MachineRecord, found: Assignment
    ) -> Sequence[Obstacle]:
        first = min(record.told.disks, key=lambda each: each.boot_order or 0) if record.told else None
        machine = _machine(record)
        if first is None or machine is None:
            return ()
        offered = told.disks(self._agents.ask(fabric_id, "disks", QUICK_SECONDS))
        start = told.start(self._agents.ask(fabric_id, "status", QUICK_SECONDS))
        drivers = offered[found.disks[first.key]].drivers
        uefi = machine.firmware.kind == "uefi" if start.firmware == "" else start.firmware == "uefi"
        said = other_server.hindrances(system(machine), drivers, uefi=uefi)
        return [Obstacle(each.what, each.do, each.blocking) for each in said]


def _moved(record: MachineRecord, product: str | None) -> dict[str, object]:
    """The hardware that it had may be switched on by anybody, with all that lies on its disks."""
    before = {*record.replaced, record.hardware} - {product, None}
    return {"hardware": product, "replaced": tuple(sorted(filter(None, before)))}


def _sizes(record: MachineRecord) -> dict[str, int]:
    return {each.key: each.size_bytes for each in record.told.disks} if record.told else {}


def _sectors(record: MachineRecord) -> dict[str, int]:
    machine = _machine(record)
    told = {each.key: each.sector_bytes for each in machine.disks} if machine else {}
    return {key: told.get(theirs, 0) for key, theirs in record.keys.items()}


def _machine(record: MachineRecord) -> ToldMachine | None:
    """As it was told last."""
    try:
        return ToldMachine.model_validate_json(record.told.native) if record.told else None
    except ValidationError:
        return None
