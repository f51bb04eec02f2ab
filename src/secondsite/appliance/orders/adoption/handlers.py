"""The orders: what is here of a vault that is gone, and one machine is taken over by the vault that asks."""

import contextlib
import uuid
from itertools import islice

from .... import rescue
from ....domain import errors
from ....ground import seams
from ....ground.plural import counted
from ....wire.control.adopting import Adopt, AdoptableSite, Adopted, FoundMachine, ShowKept
from ...target import FAILOVER, HostedReplica
from .. import runs
from ..context import Context
from ..rescue_manifest import former_vault, records
from .adoptable import AdoptionLook, found, machine_on


def show(context: Context, payload: ShowKept) -> tuple[str, AdoptableSite]:
    """Changes nothing."""
    following = [each for each in records.here(context) if each > payload.after]
    here = AdoptionLook(context, context.fabric.inventory.list())
    machines = tuple(found(here, each) for each in islice(following, payload.most))
    return f"{counted(len(machines), 'machine')} found", AdoptableSite(
        **_said(context), machines=machines, more=len(following) > len(machines)
    )


def _said(context: Context) -> dict[str, object]:
    """What the former vault said of the site; of the stores that are here the first that has it."""
    for store in context.parts.host.stores.usable():
        with contextlib.suppress(*former_vault.UNREADABLE):
            return former_vault.understood(rescue.trusted(store.root / rescue.CONFIGURATION))
    return {}


def adopt(context: Context, payload: Adopt) -> tuple[str, Adopted]:
    """The order's generation is the highest from now on, so no order of the former vault is carried out any more. Harmless when
    repeated."""
    host, machine_id = context.parts.host, context.machine_id
    if payload.setup is not None and host.find(machine_id) is None:
        context.require_current()
        host.take_in(payload.setup)
        seams.reach("appliance.adopt.taken-in")
    here = AdoptionLook(context, context.fabric.inventory.list())
    hosted = host.find(machine_id)
    with context.alone(hosted, "being adopted by a new vault"):
        if hosted is not None:
            _settle(here, hosted)
    machine = found(here, machine_id)
    if machine.problem is not None:
        raise errors.ReplicaError(machine.problem)
    return _sentence(machine), Adopted(machine=machine)


def _settle(here: AdoptionLook, hosted: HostedReplica) -> None:
    """Drills of the former vault end; a machine that was started from a point, and is defined here, is known as its failover from now
    on."""
    context = here.context
    runs.end_forgotten_drills(context, hosted)
    run = hosted.replica.state.run(FAILOVER)
    machine = None if run is None else machine_on(here, hosted.machine_id, hosted.replica.files.root)
    if run is not None and machine is not None:
        if runs.machine_of(context, FAILOVER) is None:
            runs.remember(
                context,
                FAILOVER,
                runs.RunFact(
                    fabric_id=machine.fabric_id, name=machine.name, point_id=run.point_id, made=True,
                    mark=uuid.uuid4().hex,
                ),
            )  # fmt: skip
            seams.reach("appliance.adopt.remembered")
        hosted.save(accepting=False)


def _sentence(machine: FoundMachine) -> str:
    if machine.replica is None:
        return f"{machine.name} is replicated from here"
    points = counted(machine.replica.points, "recovery point")
    return f"the replica of {machine.name} has {points}"
