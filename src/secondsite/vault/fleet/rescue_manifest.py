"""Sends appliances what starts their machines without this vault; they keep it in their stores: the second
site alone has to be enough.

Sent when an appliance connects and after a change, and now and then without one: so a store gets back what it
lost.
"""

import hashlib
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from ...domain.lifecycle import State
from ...domain.plans.actions import Action
from ...domain.plans.plan import PlanGroup
from ...ground.periodic import Periodic
from ...ground.units import HOUR, MINUTE
from ...wire.common.bandwidth import BandwidthShape
from ...wire.common.cards import CardSettings
from ...wire.common.policies import PolicyShape
from ...wire.common.properties import TargetProperties
from ...wire.control import adopting, rescue_manifest
from ...wire.control.orders import Kind
from ..interfaces import Gateway
from ..steps.sides import network_cards, properties
from ..store import ApplianceRecord, MachineRecord, Store, Transaction
from .settings_push import COMING

log = structlog.get_logger()

LOOK_SECONDS = 5.0
REST = 200
"""How many times as long as a round took the next one is delayed: it reads all machines."""
DEADLINE_SECONDS = 300.0
AGAIN_SECONDS, AFTER_A_PROBLEM_SECONDS = 6 * HOUR, 5 * MINUTE


@dataclass(slots=True)
class _SentManifest:
    """What an appliance was last sent, by its digest: of a thousand machines the manifests themselves were
    10 MB. `order_id`: None once it was answered; it is sent again at `again_at`, by the monotonic clock, and
    over another connection: its store may be another one since."""

    digest: bytes
    connection: object
    order_id: str | None = field(default_factory=lambda: f"keep-{uuid.uuid4().hex}")
    again_at: float = field(default_factory=lambda: time.monotonic() + AGAIN_SECONDS)

    def is_of_now(self, digest: bytes, connection: object) -> bool:
        """Whether nothing else has to be sent."""
        is_same = self.digest == digest and self.connection is connection
        return is_same and time.monotonic() <= self.again_at


class KeepingPush(Periodic):
    """Sends rescue manifests to the connected appliances."""

    def __init__(self, store: Store, gateway: Gateway) -> None:
        super().__init__("keeping-push", lambda error: log.error("keeping.push-failed", exc_info=error))
        self._store, self._gateway = store, gateway
        self._told: dict[str, _SentManifest] = {}
        self._took_seconds = 0.0

    def look(self) -> None:
        """Send every connected appliance its manifest, if that has changed."""
        began = time.thread_time()
        with self._store.reading() as tx:
            held = [each for each in tx.appliances.list() if self._gateway.holds(each.id)]
        for appliance_id in set(self._told) - {each.id for each in held}:
            self._forget(self._told.pop(appliance_id))
        for appliance in held:  # one after the other: they are large
            with self._store.reading() as tx:
                payload = kept_by(tx, appliance)
            self._tell(appliance.id, payload)
        self._took_seconds = time.thread_time() - began

    def pause_seconds(self) -> float:
        return max(LOOK_SECONDS, REST * self._took_seconds)

    def _tell(self, appliance_id: str, payload: rescue_manifest.KeepRescueManifest) -> None:
        told, connection = self._told.get(appliance_id), self._gateway.connection(appliance_id)
        digest = hashlib.sha256(payload.model_dump_json().encode()).digest()
        if told is not None and not told.is_of_now(digest, connection):
            self._forget(told)
            told = None
        if told is None:
            told = self._told[appliance_id] = _SentManifest(digest, connection)
        if told.order_id is not None:
            self._ask(appliance_id, told, told.order_id, payload)

    def _ask(
        self,
        appliance_id: str,
        told: _SentManifest,
        order_id: str,
        payload: rescue_manifest.KeepRescueManifest,
    ) -> None:
        report = self._gateway.ask(appliance_id, order_id, Kind.KEEP, None, payload, DEADLINE_SECONDS)
        if report is None:
            return
        self._forget(told)
        if report.problem is not None:
            told.again_at = time.monotonic() + AFTER_A_PROBLEM_SECONDS
            log.warning("keeping.refused", appliance=appliance_id, why=report.problem.message)

    def _forget(self, told: _SentManifest) -> None:
        if told.order_id is not None:
            self._gateway.forget(told.order_id)
            told.order_id = None


def kept_by(tx: Transaction, appliance: ApplianceRecord) -> rescue_manifest.KeepRescueManifest:
    """What this appliance has to keep: about the machines whose replicas it has, and the plans with one of
    them; and what a later vault would have to know about all its machines."""
    machines = [
        each
        for each in tx.machines.list(appliance.site)
        if each.target_appliance_id == appliance.id and each.state not in COMING
    ]
    here = {each.id for each in machines}
    plans = (record.plan for record in tx.plans.list())
    kept = [plan for plan in plans if any(each.id in here for each in plan.machines)]
    names = {each.id: each.name for plan in kept for each in plan.machines}
    records = adoptable_records(tx, appliance)
    return rescue_manifest.KeepRescueManifest(
        site=appliance.site,
        machines=tuple(_machine(tx, each) for each in machines),
        plans=tuple(
            rescue_manifest.RescuePlan(name=plan.name, groups=tuple(_groups(plan.groups, names)))
            for plan in kept
        ),
        records=records,
        vault=adoptable_vault(tx, records),
    )


def _machine(tx: Transaction, machine: MachineRecord) -> rescue_manifest.RescueMachine:
    wanted = properties.set_for(tx, machine)
    return rescue_manifest.RescueMachine(
        id=machine.id,
        epoch=machine.epoch,
        machine=machine.name,
        fabric_id=machine.target_fabric_id,
        name=wanted.target_name or machine.name,
        cards=network_cards.at_target(tx, machine),
        macs=network_cards.new_macs(tx, machine, network_cards.FAILOVER_RUN),
        sizing=wanted.sizing,
        home=machine.reversed,
        stand_in=wanted.stand_in,
    )


def _groups(groups: Sequence[PlanGroup], names: Mapping[str, str]) -> Iterator[rescue_manifest.RescueGroup]:
    for group in groups:
        yield rescue_manifest.RescueGroup(
            machines=tuple(
                rescue_manifest.RescuePlanMachine(id=each.id, name=each.name) for each in group.machines
            ),
            before=tuple(_action(action, names) for action in group.before),
            after=tuple(_action(action, names) for action in group.after),
        )


def _action(action: Action, names: Mapping[str, str]) -> rescue_manifest.RescueAction:
    return rescue_manifest.RescueAction(
        name=action.name,
        instruction=action.instruction,
        kinds=tuple(action.kinds),
        directions=tuple(action.directions),
        script=action.script,
        guest=None if action.guest is None else names.get(action.guest, action.guest),
    )


# What an appliance keeps for a later vault that adopts it: about its machines, and settings for many of them.

_OTHERWISE = {"keeping", "cards", "checks", "hooks", "properties"}
_AS_IT_IS = tuple(name for name in adopting.AdoptionRecord.model_fields if name not in _OTHERWISE)
"""Fields that are copied from a machine's own record."""


def adoptable_records(tx: Transaction, appliance: ApplianceRecord) -> tuple[adopting.AdoptionRecord, ...]:
    """Records of the machines whose target or source the appliance is."""
    machines = [
        each
        for each in tx.machines.list(appliance.site)
        if appliance.id in (each.target_appliance_id, each.source_appliance_id)
        and each.state is not State.ENABLING
    ]
    if not machines:
        return ()
    cards = {each.machine_id: each.cards for each in tx.settings.list()}
    wanted = {each.machine_id: each.properties for each in tx.properties.list()}
    return tuple(_record(tx, each, cards, wanted) for each in machines)


def _record(
    tx: Transaction,
    machine: MachineRecord,
    cards: Mapping[str, Sequence[CardSettings]],
    wanted: Mapping[str, TargetProperties],
) -> adopting.AdoptionRecord:
    same = {name: getattr(machine, name) for name in _AS_IT_IS}
    return adopting.AdoptionRecord(
        **same,
        keeping=dict(machine.keeping),
        cards=tuple(cards.get(machine.id, ())),
        checks=tuple(tx.checks.find(machine.id)),
        hooks=tuple(tx.hooks.find(machine.id)),
        properties=wanted.get(machine.id, TargetProperties()),
    )


def adoptable_vault(tx: Transaction, of: Sequence[adopting.AdoptionRecord]) -> adopting.AdoptionSettings:
    """Settings for many machines, as far as these machines use them."""
    ids = {each.id for each in of}
    sites = {site for each in of for site in (each.home_site, each.source_site, each.target_site)}
    appliances = {each for one in of for each in (one.source_appliance_id, one.target_appliance_id)}
    groups = {each.group for each in of}
    return adopting.AdoptionSettings(
        sites=tuple(
            adopting.AdoptionSite(name=each.name, bandwidth=BandwidthShape.of(each.bandwidth))
            for each in tx.sites.list()
            if each.name in sites
        ),
        appliances=tuple(
            adopting.AdoptionAppliance(id=each.id, name=each.name, site=each.site)
            for each in tx.appliances.list()
            if each.id in appliances
        ),
        policies=tuple(
            adopting.AdoptionPolicy(policy=PolicyShape.of(policy), read_only=read_only)
            for policy, read_only in tx.policies.list()
        ),
        groups=tuple(each.group for each in tx.groups.list() if each.name in groups),
        plans=tuple(
            each.plan for each in tx.plans.list() if any(one.id in ids for one in each.plan.machines)
        ),
        mappings=tuple(
            adopting.AdoptionMapping(**each.model_dump())
            for each in tx.networks.list()
            if each.source_site in sites and each.target_site in sites
        ),
    )
