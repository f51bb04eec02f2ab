"""What a hook's script is told about its machine: its direction, and how its cards are connected where the
script runs."""

from collections.abc import Iterator

from ....domain.lifecycle import DrillState, Verb
from ....domain.machines.hooks import HookMoment, Side
from ....domain.networks import addresses
from ....domain.plans.directions import FailoverKind
from ....jobs.model.context import StepContext
from ....wire.common.hooks import MachineHook
from ....wire.control.cards import LocalCard
from ....wire.control.scripts import ScriptCard, ScriptContext, ScriptMachine
from ...store import MachineRecord, Transaction
from ..sides import network_cards, pool_addresses
from ..sides.addressing import DrillNetwork
from ..sides.target import DRILL_RUN, drill_fabric_id
from .choosing import HookRuns

WHEN = {HookMoment.AFTER_START: "after", HookMoment.BEFORE_STOP: "before"}


def context(
    tx: Transaction,
    ctx: StepContext,
    machine: MachineRecord,
    verb: Verb,
    runs: HookRuns,
    hook: MachineHook,
    side: Side,
) -> ScriptContext:
    at = machine.target_site if side is Side.TARGET else machine.source_site
    is_drill = runs.kind is FailoverKind.TEST
    return ScriptContext.model_validate(
        {
            "plan": "",
            "run": ctx.job_id,
            "verb": verb,
            "kind": runs.kind,
            "direction": runs.direction,
            "is_drill": is_drill,
            "group": 0,
            "when": WHEN[hook.moment],
            "action": hook.name,
            "moment": hook.moment,
            "at_site": at,
            "machines": (_machine(tx, ctx, machine, verb, side, is_drill=is_drill),),
        }
    )


def fabric_id(machine: MachineRecord, side: Side, *, is_drill: bool) -> str:
    """The id at the site's hypervisor of the machine that the hook is about."""
    if is_drill:
        return machine.drill.fabric_id if machine.drill is not None else drill_fabric_id(machine)
    return machine.target_fabric_id if side is Side.TARGET else machine.source_fabric_id


def _machine(
    tx: Transaction,
    ctx: StepContext,
    machine: MachineRecord,
    verb: Verb,
    side: Side,
    *,
    is_drill: bool,
) -> ScriptMachine:
    """The machine as the script is told of it. A cancel brings it back."""
    sites = machine.source_site, machine.target_site
    came, goes = reversed(sites) if verb is Verb.CANCEL_FAILOVER else sites
    connected = _in_drill(tx, ctx, machine) if is_drill else _at(tx, machine, side)
    return ScriptMachine(
        id=machine.id,
        name=machine.name,
        from_site=came,
        to_site=goes,
        state=machine.state,
        drill=machine.drill_state is DrillState.RUNNING or is_drill,
        point=machine.drill.point_id if machine.drill else machine.failed_over_point_id,
        networks=tuple(each.network for each in machine.definition.nics if each.network),
        fabric_id=fabric_id(machine, side, is_drill=is_drill),
        cards=tuple(connected),
    )


def _at(tx: Transaction, machine: MachineRecord, side: Side) -> Iterator[ScriptCard]:
    goes = side is Side.TARGET
    if machine.reversed if goes else not machine.is_away:
        for nic in machine.definition.nics:
            yield ScriptCard(key=nic.key, mac=nic.mac.lower(), network=nic.network)
        return
    own = {card.mac: card for card in tx.settings.cards(machine.id)}
    pooled = pool_addresses.away(tx, machine) if any(card.from_pool for card in own.values()) else {}
    for card in network_cards.at_target(tx, machine) if goes else network_cards.away(tx, machine):
        settings = own.get(card.mac.lower())
        mac = card.mac.lower() if settings is None else network_cards.mac_away(machine, settings)
        wanted = pooled.get(card.mac.lower()) or (settings.address if settings else None)
        yield _card(card, mac, wanted)


def _in_drill(tx: Transaction, ctx: StepContext, machine: MachineRecord) -> Iterator[ScriptCard]:
    """The cards of a test machine. In the job that started it, its networks are known one by one."""
    macs, own = network_cards.new_macs(tx, machine, DRILL_RUN), network_cards.set_for(tx, machine)
    if ctx.stored_facts.get("create_network"):
        connected = ctx.facts("create_network", DrillNetwork).cards(tx, machine)
    else:
        connected = network_cards.in_drill(tx, machine, machine.drill.network if machine.drill else None)
    for card in connected:
        settings = own.get(card.mac.lower())
        mac = macs.get(card.mac.lower(), card.mac.lower())
        yield _card(card, mac, settings.test_address if settings else None)


def _card(card: LocalCard, mac: str, address: str | None) -> ScriptCard:
    wanted = addresses.host(address) if address is not None and card.network is not None else None
    return ScriptCard(key=card.key, mac=mac, network=card.network, address=wanted)
