"""What is asked of the appliance that will hold the replica, before anything stops."""

from ....wire.control import checks, setups
from ...store import MachineRecord, Transaction
from .. import seeds
from ..sides import network_cards, properties
from .alternate_location import ReprotectArguments


def of_target(
    tx: Transaction,
    new: MachineRecord,
    wanted: ReprotectArguments,
    *,
    needed_bytes: int | None,
    elsewhere: bool,
) -> checks.CheckTarget:
    """The question about the machine in its future roles. Onto its own disks only changes are sent; new ones
    take a full copy. What exists there is never replaced. With another appliance, or onto new disks, the
    machine may be defined anew, which its host must be able to do."""
    replica = checks.ReplicaRequest(
        epoch=new.epoch,
        base=wanted.base,
        existing_fabric_id=new.target_fabric_id,
        disks=new.disks,
        sizes={disk.key: disk.size_bytes for disk in new.definition.disks},
    )
    anew = wanted.base is setups.Base.EMPTY
    return checks.CheckTarget(
        definition=new.definition if elsewhere or anew else None,
        name=_name(tx, new) if anew else None,
        fabric_id=new.target_fabric_id,
        cards=network_cards.checked(tx, new) if elsewhere else (),
        encrypted=new.encrypted and anew,
        needed_bytes=needed_bytes or 0 if anew else 0,
        seeds=seeds.of(wanted.seeds, new.definition),
        replica=replica,
        keeping=new.kept,
        home=network_cards.at_home(tx, new),
    )


def _name(tx: Transaction, new: MachineRecord) -> str:
    return properties.set_for(tx, new).target_name or new.name
