"""Carries out orders: `perform(context)` checks the payload, does the work, and returns one sentence and the
facts for the report."""

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from ...domain import errors
from ...wire.common.base import Shape
from ...wire.control.orders import ORDERS, Kind
from . import adoption as adopting
from . import (
    checks,
    commit,
    drill_ways,
    inventory,
    live_chains,
    migration,
    override,
    power,
    replica,
    runs,
    seed,
    settle,
    site,
    source,
    source_cycles,
)
from .context import ApplianceParts, Context
from .dns import records
from .networks.drill_networks import mend as mend_networks
from .networks.drill_networks import serve_again
from .override import start_at_the_site
from .points import guest_files, instants, recovery_points, restored_copy, sent_files
from .proof import address_watch, booting, proving, repeating
from .rescue_manifest import describing
from .rescue_manifest import handlers as keeping
from .scripts import handlers
from .trying import own_machine
from .trying.own_machine import HostTrial
from .withdrawn_shutdown import WithdrawnShutdowns

Handler = Callable[[Context, Any], tuple[str, Shape]]

HANDLERS: dict[Kind, Handler] = {
    Kind.DISCOVER: inventory.discover,
    Kind.CHECK_SOURCE: checks.check_source,
    Kind.CHECK_TARGET: checks.check_target,
    Kind.CHECK_HOST: own_machine.check_host,
    Kind.START_REPLICATION: source.start_replication,
    Kind.STOP_REPLICATION: source.stop_replication,
    Kind.PAUSE_REPLICATION: source.pause_replication,
    Kind.HAND_OVER: migration.hand_over,
    Kind.TAKE_OVER: migration.take_over,
    Kind.RESYNCHRONIZE: source.resynchronize,
    Kind.UPDATE_POLICY: source.update_policy,
    Kind.SET_SITE: site.set_site,
    Kind.SHUT_DOWN: power.shut_down,
    Kind.POWER: power.state,
    Kind.PRE_COPY: source_cycles.pre_copy,
    Kind.RUN_CYCLE: source_cycles.run_cycle,
    Kind.RESTART: power.restart,
    Kind.WITHDRAW: power.withdraw,
    Kind.START_ANYWAY: override.start_anyway,
    Kind.PREPARE_REPLICA: replica.prepare,
    Kind.TAKE_REPLICA: replica.take_replica,
    Kind.IMPORT_SEED: seed.import_seed,
    Kind.DRAIN: recovery_points.drain,
    Kind.LIST_POINTS: recovery_points.list_points,
    Kind.FIND_INSTANT: instants.find_instant,
    Kind.ACCEPT_CYCLES: replica.accept_cycles,
    Kind.START_REPLICA: runs.start_replica,
    Kind.STOP_REPLICA: runs.stop_replica,
    Kind.COMMIT_POINT: commit.commit_point,
    Kind.CONSOLIDATE: commit.consolidate,
    Kind.CHECK_SETTLE: settle.check,
    Kind.SETTLE: settle.settle,
    Kind.END_SETTLE: settle.end,
    Kind.REMOVE_REPLICA: replica.remove,
    Kind.REMOVE_MACHINE: commit.remove_machine,
    Kind.HOLD_POINT: recovery_points.hold_point,
    Kind.RELEASE_POINT: recovery_points.release_point,
    Kind.VERIFY_POINT: recovery_points.verify_point,
    Kind.CREATE_NETWORK: inventory.create_network,
    Kind.REMOVE_NETWORK: inventory.remove_network,
    Kind.PROVE: proving.prove,
    Kind.REPEAT_CHECKS: repeating.repeat_checks,
    Kind.OPEN_WAY: drill_ways.open_way,
    Kind.BOOT_POINT: booting.boot_point,
    Kind.RESTORE_COPY: restored_copy.restore,
    Kind.END_RESTORE_COPY: restored_copy.end,
    Kind.LIST_FILES: guest_files.list_files,
    Kind.FETCH_FILES: guest_files.fetch_files,
    Kind.END_FETCH_FILES: guest_files.end,
    Kind.SEND_FILES: sent_files.send_files,
    Kind.CHECK_SCRIPTS: handlers.check,
    Kind.RUN_SCRIPT: handlers.run,
    Kind.RUN_GUEST_SCRIPT: handlers.run_in_guest,
    Kind.UPDATE_NAMES: records.update,
    Kind.KEEP: keeping.keep,
    Kind.SHOW_KEPT: adopting.show,
    Kind.ADOPT: adopting.adopt,
}


def perform(context: Context) -> tuple[str, Shape]:
    """Carry out the order and return its sentence and facts; raises domain or datapath errors."""
    order = context.order
    try:
        kind = Kind(order.kind)
        payload = ORDERS[kind].payload.model_validate(order.payload)
    except ValidationError as problem:
        raise errors.InvalidArgument(
            f"The payload of the order '{order.kind}' is not understood: {problem}",
            do="Bring vault and appliance to the same release.",
        ) from None
    except ValueError:
        raise errors.InvalidArgument(
            f"This appliance does not know the order '{order.kind}'.",
            do="Upgrade the appliance to the vault's release.",
        ) from None
    settle.end_overtaken(context)
    return HANDLERS[kind](context, payload)


def remove_left_over(parts: ApplianceParts) -> None:
    """Remove what killed processes left of copies of points, and of files that were fetched."""
    booting.remove_left_over(parts)
    restored_copy.remove_left_over(parts)
    guest_files.remove_left_over(parts)


look_at_chains = live_chains.look
look_at_descriptions = describing.look
look_at_addresses = address_watch.look
forget_moved = replica.forget_moved

__all__ = [
    "HANDLERS",
    "ApplianceParts",
    "Context",
    "HostTrial",
    "WithdrawnShutdowns",
    "forget_moved",
    "look_at_addresses",
    "look_at_chains",
    "look_at_descriptions",
    "mend_networks",
    "perform",
    "remove_left_over",
    "serve_again",
    "start_at_the_site",
]
