"""Appliances are told what starts their machines without this vault, and keep it in their stores: the second site alone has to be enough.

Told when an appliance connects and after a change, and now and then all the same: what a store lost comes back.
"""

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import structlog

from ...domain.plans.actions import Action
from ...domain.plans.plan import PlanGroup
from ...ground.periodic import Periodic
from ...ground.units import HOUR, MINUTE
from ...wire.control import rescue_manifest
from ...wire.control.orders import Kind
from ..interfaces import Gateway
from ..steps.sides import cards, properties
from ..store import ApplianceRecord, MachineRecord, Store, Transaction
from . import adoptable
from .settings_push import COMING

log = structlog.get_logger()

LOOK_SECONDS = 5.0
REST = 200
"""How many times as long as a look takes nothing is looked at: it is of all machines."""
DEADLINE_SECONDS = 300.0
AGAIN_SECONDS, AFTER_A_PROBLEM_SECONDS = 6 * HOUR, 5 * MINUTE


@dataclass(slots=True)
class _Told:
    """`order_id`: None once it was answered; it is told again at `again_at`, by the monotonic clock."""

    payload: rescue_manifest.Keep
    order_id: str | None
    again_at: float


class KeepingPush(Periodic):
    """See the module."""

    def __init__(self, store: Store, gateway: Gateway) -> None:
        super().__init__("keeping-push", lambda error: log.error("keeping.push-failed", exc_info=error))
        self._store, self._gateway = store, gateway
        self._told: dict[str, _Told] = {}
        self._took_seconds = 0.0

    def look(self) -> None:
        """Tell every connected appliance what it is to keep, if that has changed."""
        began = time.thread_time()
        with self._store.reading() as tx:
            held = [each for each in tx.appliances.list() if self._gateway.holds(each.id)]
            wanted = {each.id: kept_by(tx, each) for each in held}
        for appliance_id in set(self._told) - set(wanted):
            self._forget(self._told.pop(appliance_id))
        for appliance_id, payload in wanted.items():
            self._tell(appliance_id, payload)
        self._took_seconds = time.thread_time() - began

    def pause_seconds(self) -> float:
        return max(LOOK_SECONDS, REST * self._took_seconds)

    def _tell(self, appliance_id: str, payload: rescue_manifest.Keep) -> None:
        told = self._told.get(appliance_id)
        if told is not None and (told.payload != payload or time.monotonic() > told.again_at):
            self._forget(told)
            told = None
        if told is None:
            again_at = time.monotonic() + AGAIN_SECONDS
            told = self._told[appliance_id] = _Told(payload, f"keep-{uuid.uuid4().hex}", again_at)
        if told.order_id is not None:
            self._ask(appliance_id, told, told.order_id)

    def _ask(self, appliance_id: str, told: _Told, order_id: str) -> None:
        report = self._gateway.ask(appliance_id, order_id, Kind.KEEP, None, told.payload, DEADLINE_SECONDS)
        if report is None:
            return
        self._forget(told)
        if report.problem is not None:
            told.again_at = time.monotonic() + AFTER_A_PROBLEM_SECONDS
            log.warning("keeping.refused", appliance=appliance_id, why=report.problem.message)

    def _forget(self, told: _Told) -> None:
        if told.order_id is not None:
            self._gateway.forget(told.order_id)
            told.order_id = None


def kept_by(tx: Transaction, appliance: ApplianceRecord) -> rescue_manifest.Keep:
    """What this appliance is to keep: of the machines whose replicas it has, and the plans that name one of them; and what a vault after
    this one would have to know of all its machines."""
    machines = [
        each
        for each in tx.machines.list(appliance.site)
        if each.target_appliance_id == appliance.id and each.state not in COMING
    ]
    here = {each.id for each in machines}
    plans = (record.plan for record in tx.plans.list())
    kept = [plan for plan in plans if any(each.id in here for each in plan.machines)]
    names = {each.id: each.name for plan in kept for each in plan.machines}
    records = adoptable.records(tx, appliance)
    return rescue_manifest.Keep(
        site=appliance.site,
        machines=tuple(_machine(tx, each) for each in machines),
        plans=tuple(
            rescue_manifest.KeptPlan(name=plan.name, groups=tuple(_groups(plan.groups, names)))
            for plan in kept
        ),
        records=records,
        vault=adoptable.vault(tx, records),
    )


def _machine(tx: Transaction, machine: MachineRecord) -> rescue_manifest.KeptMachine:
    wanted = properties.set_for(tx, machine)
    return rescue_manifest.KeptMachine(
        id=machine.id,
        epoch=machine.epoch,
        machine=machine.name,
        fabric_id=machine.target_fabric_id,
        name=wanted.target_name or machine.name,
        cards=cards.at_target(tx, machine),
        macs=cards.new_macs(tx, machine, cards.FAILOVER_RUN),
        sizing=wanted.sizing,
        home=machine.reversed,
    )


def _groups(groups: Sequence[PlanGroup], names: Mapping[str, str]) -> Iterator[rescue_manifest.KeptGroup]:
    for group in groups:
        yield rescue_manifest.KeptGroup(
            machines=tuple(
                rescue_manifest.PlannedMachine(id=each.id, name=each.name) for each in group.machines
            ),
            before=tuple(_action(action, names) for action in group.before),
            after=tuple(_action(action, names) for action in group.after),
        )


def _action(action: Action, names: Mapping[str, str]) -> rescue_manifest.KeptAction:
    return rescue_manifest.KeptAction(
        name=action.name,
        instruction=action.instruction,
        kinds=tuple(action.kinds),
        directions=tuple(action.directions),
        script=action.script,
        guest=None if action.guest is None else names.get(action.guest, action.guest),
    )
