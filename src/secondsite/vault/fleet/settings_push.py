"""Sends appliances the vault's settings until they report having them.

The settings are read from the store: the site's bandwidth limit, the policy of every machine, where its
target is reached, and which machines must not start there because they run at their other site: the failover
itself may not have reached the appliance. An appliance is sent them when it connects and whenever they
change, again and again until it reports that it has them. So none is lost while an appliance is away, or when
a vault is killed between writing a setting and sending it.
"""

import threading
import time
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import structlog

from ...domain import bandwidth_schedule, errors
from ...domain.lifecycle import RUNS_AT_TARGET_AT_REST, State
from ...ground.periodic import Periodic
from ...wire.common.bandwidth import BandwidthShape
from ...wire.common.policies import PolicyShape
from ...wire.control import Report
from ...wire.control.orders import ORDERS, SET_SITE, Kind, Nothing, SetSite, UpdatePolicy
from ...wire.control.reports import facts_of
from ...wire.control.setups import GroupPart, GroupShape
from ..interfaces import Authority, Gateway
from ..steps import lookup
from ..store import ApplianceRecord, ApplianceTrust, MachineRecord, StatusRecord, Store, Transaction
from .signals import Signals

log = structlog.get_logger()

LOOK_AGAIN_SECONDS = 10.0
BREATH_SECONDS = 0.1
"""Reports come in bursts; after this many seconds they are handled together."""
REST = 20
"""How many times as long as a round took the next one is delayed: it reads all machines, and in a batch each
changes several times."""
LONGEST_REST_SECONDS = 2.0
DEADLINE_SECONDS = 60.0
MOST_UNANSWERED = 100
"""The most orders of one appliance without an answer: when it connects it is told of all its machines, and
other orders have to reach it meanwhile."""
APPLIANCE, SITE, POLICY = "appliance/", "site/", "policy/"
"""Signals: an appliance connected, a site's settings changed, a policy's values changed."""
ORDER = "tell-"
COMING = (State.ENABLING, State.REPROTECTING)
"""States in which an order is on its way that makes the machine known to its appliances, with the policy of
that time: the policy is sent after it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting for one appliance. It is sent again when `moment` changes: the machine may not have been
    there before."""

    kind: Kind
    payload: SetSite | UpdatePolicy | Nothing
    machine_id: str | None = None
    moment: str = ""
    generation: int | None = None
    """The machine's, for a setting that a later verb makes untrue: one that arrives late is refused."""

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.machine_id or ''}"


@dataclass(slots=True)
class _Listener:
    """One connected appliance: the settings that it reported having, and the orders that it has not
    answered."""

    known: dict[str, Setting] = field(default_factory=dict)
    asked: dict[str, tuple[str, Setting]] = field(default_factory=dict)
    refused: dict[str, tuple[Setting, float]] = field(default_factory=dict)
    """Settings that it refused, and when: its answer leads to another round, but the setting is not sent
    again at once."""

    def refuses(self, setting: Setting, now: float) -> bool:
        """Whether it refused this setting a moment ago."""
        refused, at = self.refused.get(setting.key, (None, 0.0))
        return refused == setting and now - at < LOOK_AGAIN_SECONDS


class SettingsPush(Periodic):
    """Sends settings to the connected appliances until they report having them."""

    def __init__(self, store: Store, gateway: Gateway, signals: Signals, authority: Authority) -> None:
        super().__init__(
            "settings-push", lambda error: log.error("settings.push-failed", exc_info=error), BREATH_SECONDS
        )
        self._store = store
        self._gateway = gateway
        self._authority = authority
        self._listeners: dict[str, _Listener] = {}
        self._policies = Policies()
        self._returned: set[str] = set()
        self._lock = threading.Lock()
        signals.divert((APPLIANCE, SITE, POLICY, f"order/{ORDER}"), self._notice)

    def look(self) -> None:
        """Send every connected appliance the settings that it lacks; note what it reports."""
        began = time.thread_time()
        with self._lock:
            returned, self._returned = self._returned, set()
        with self._store.reading() as tx:
            appliances = tx.appliances.list()
            self._policies.read(tx, appliances)
            wanted = {
                appliance.id: list(settings_of(tx, appliance, self._authority.trusted_pem, self._policies))
                for appliance in appliances
                if self._gateway.holds(appliance.id)
            }
        for appliance_id in (set(self._listeners) - set(wanted)) | (returned & set(self._listeners)):
            self._drop(self._listeners.pop(appliance_id))
        for appliance_id, settings in wanted.items():
            listener = self._listeners.setdefault(appliance_id, _Listener())
            self._tell(appliance_id, listener, settings)
        self.stopping.wait(rest_seconds(time.thread_time() - began))

    def _tell(self, appliance_id: str, listener: _Listener, settings: Collection[Setting]) -> None:
        now, keys = time.monotonic(), {setting.key for setting in settings}
        for key in listener.known.keys() - keys:
            del listener.known[key]
        for key in listener.refused.keys() - keys:
            del listener.refused[key]
        for key in listener.asked.keys() - keys:
            self._forget(listener, key)  # a status may say what an order did before its report is read
        for setting in settings:
            order_id, asked = listener.asked.get(setting.key, (None, None))
            if order_id is not None and asked != setting:
                self._forget(listener, setting.key)
            is_asked = setting.key in listener.asked
            if listener.known.get(setting.key) == setting or listener.refuses(setting, now):
                continue
            if is_asked or len(listener.asked) < MOST_UNANSWERED:
                self._ask(appliance_id, listener, setting)

    def _ask(self, appliance_id: str, listener: _Listener, setting: Setting) -> None:
        order_id, _ = listener.asked.setdefault(setting.key, (f"{ORDER}{uuid.uuid4().hex}", setting))
        listener.known.pop(setting.key, None)  # it may have the setting before it reports it
        report = self._gateway.ask(
            appliance_id, order_id, setting.kind, setting.machine_id, setting.payload, DEADLINE_SECONDS,
            generation=setting.generation,
        )  # fmt: skip
        if report is None:
            return
        self._forget(listener, setting.key)
        try:
            trust = _trust_in(setting, report)
        except errors.SecondsiteError as problem:
            listener.refused[setting.key] = (setting, time.monotonic())
            log.warning("setting.refused", appliance=appliance_id, kind=setting.kind.value,
                        machine=setting.machine_id, why=problem.message)  # fmt: skip
            return
        if trust is not None:
            self._note_trust(appliance_id, trust)
        listener.known[setting.key] = setting

    def _note_trust(self, appliance_id: str, trust: ApplianceTrust) -> None:
        with self._store.transaction() as tx:
            if tx.appliances.find(appliance_id) is not None:
                tx.appliance_trusts.put(appliance_id, trust)

    def _forget(self, listener: _Listener, key: str) -> None:
        order_id, _ = listener.asked.pop(key)
        self._gateway.forget(order_id)

    def _drop(self, listener: _Listener) -> None:
        for key in tuple(listener.asked):
            self._forget(listener, key)

    def _notice(self, signal: str) -> None:
        if signal.startswith(APPLIANCE):
            with self._lock:
                self._returned.add(signal.removeprefix(APPLIANCE))
        self.wake()

    def pause_seconds(self) -> float:
        return LOOK_AGAIN_SECONDS


class Policies:
    """The policies as they are sent to appliances. An unchanged one stays the same object, which is quickly
    compared for all its machines."""

    def __init__(self) -> None:
        self._shapes: dict[str, PolicyShape] = {}
        self._addresses: dict[str, tuple[str, ...]] = {}
        self._told: dict[tuple[str, str], UpdatePolicy] = {}

    def read(self, tx: Transaction, appliances: Collection[ApplianceRecord]) -> None:
        """Read the present policies."""
        self._shapes = {policy.name: PolicyShape.of(policy) for policy, _read_only in tx.policies.list()}
        said = ((each.id, each.hello) for each in appliances)
        self._addresses = {appliance_id: hello.data_addresses for appliance_id, hello in said if hello}
        self._told = {key: told for key, told in self._told.items() if told == self._now(*key)}

    def of(self, policy: str, target_appliance_id: str = "") -> UpdatePolicy | None:
        """The policy; None for one that does not exist. `target_appliance_id`: for the appliance of a
        machine's source, which dials that target."""
        key = policy, target_appliance_id
        if key not in self._told and (now := self._now(*key)) is not None:
            self._told[key] = now
        return self._told.get(key)

    def _now(self, policy: str, target_appliance_id: str) -> UpdatePolicy | None:
        shape, addresses = self._shapes.get(policy), self._addresses.get(target_appliance_id, ())
        if shape is None:
            return None
        return UpdatePolicy(policy=shape, target_appliance_id=target_appliance_id, target_addresses=addresses)


def rest_seconds(took_seconds: float) -> float:
    """Seconds to rest after a round that took so many seconds of processor time."""
    return min(REST * took_seconds, LONGEST_REST_SECONDS)


def settings_of(
    tx: Transaction,
    appliance: ApplianceRecord,
    trusted_ca_pem: str,
    policies: Policies,
) -> Iterator[Setting]:
    """All settings of this appliance. The appliances of a site share its bandwidth evenly."""
    site = tx.sites.find(appliance.site)
    if site is not None:
        share = bandwidth_schedule.shared(site.bandwidth, len(tx.appliances.list(site.name)))
        groups = tuple(_groups_from(tx, appliance))
        enrolled = tuple(sorted(each.id for each in tx.appliances.list()))
        keys = dict(sorted(tx.appliance_keys.all().items()))
        shape = BandwidthShape.of(share)
        vaults = tuple(sorted({each.control_url for each in tx.processes.list()}))
        settings = SetSite(
            bandwidth=shape, groups=groups, enrolled=enrolled, keys=keys, trusted_ca_pem=trusted_ca_pem,
            vaults=vaults,
        )  # fmt: skip
        yield Setting(Kind.SET_SITE, settings)
    machines = [
        each
        for each in tx.machines.list(appliance.site)
        if appliance.id in (each.source_appliance_id, each.target_appliance_id)
    ]
    unfenced = _unfenced(tx, [each for each in machines if appliance.id == each.source_appliance_id])
    for machine in machines:
        dialled = machine.target_appliance_id if appliance.id == machine.source_appliance_id else ""
        policy = policies.of(machine.policy, dialled)
        if policy and machine.state not in COMING:
            # not with each state: of nine orders of a failover four were these
            yield Setting(Kind.UPDATE_POLICY, policy, machine.id, f"epoch {machine.epoch}")
        if machine.id in unfenced:
            yield Setting(Kind.PAUSE_REPLICATION, Nothing(), machine.id, generation=machine.generation)


def _unfenced(tx: Transaction, machines: Collection[MachineRecord]) -> set[str]:
    """Those that rest at their other site, and whose source does not say that it keeps the old copy from
    starting: its line was silent while the failover went on, or its database is an older one. A machine that
    a job has is left to that job."""
    away = {each.id: each for each in machines if _is_away(each) and each.job_id is None}
    unsaid = sorted(away.keys() - tx.statuses.fenced(list(away)))
    if not unsaid:
        return set()
    known = tx.statuses.many_without_points(unsaid)
    return {each for each in unsaid if each not in known or not _has_left(tx, away[each], known[each])}


def _is_away(machine: MachineRecord) -> bool:
    """Whether the machine is to run at its other site, or may: the start there was ordered before its
    failover failed."""
    failed = machine.state is State.FAILOVER_FAILED and machine.start_ordered
    return failed or machine.state in RUNS_AT_TARGET_AT_REST


def _has_left(tx: Transaction, machine: MachineRecord, status: StatusRecord) -> bool:
    """Whether an appliance reports that the machine has left its target since, as one does to a vault that
    was restored from before: a later verb acted on it, it is replicated in a later epoch, or its target knows
    of no failover. At home it is in production, and must not be kept from starting."""
    if status.generation > machine.generation:
        return True
    if status.source is not None and status.source.epoch > machine.epoch:
        return True
    if not lookup.is_forgotten(machine, status):
        return False
    return lookup.is_forgotten(machine, tx.statuses.get(machine.id))  # a committed point is a sign, too


def _groups_from(tx: Transaction, appliance: ApplianceRecord) -> Iterator[GroupShape]:
    """The groups of which this appliance replicates machines: while the machines of a group replicate in
    different directions it has no common points."""
    for record in tx.groups.list():
        members = tx.groups.members(record.name)
        serving = {member.source_appliance_id for member in members}
        ways = {(member.source_site, member.target_site) for member in members}
        if len(members) > 1 and len(ways) == 1 and appliance.id in serving:
            yield GroupShape(
                name=record.name,
                multi_vm_every_seconds=record.group.multi_vm_every_seconds,
                app_consistent=record.group.app_consistent,
                members=tuple(member.id for member in members),
                parts=tuple(_parts(tx, members, serving)) if len(serving) > 1 else (),
            )


def _parts(
    tx: Transaction, members: Collection[MachineRecord], serving: Collection[str]
) -> Iterator[GroupPart]:
    """Which appliance replicates which members; the first one leads, and all get the same list."""
    for appliance_id in sorted(serving):
        found = tx.appliances.find(appliance_id)
        yield GroupPart(
            appliance_id=appliance_id,
            name=found.name if found else appliance_id,
            addresses=found.hello.data_addresses if found and found.hello else (),
            members=tuple(member.id for member in members if member.source_appliance_id == appliance_id),
        )


def _trust_in(setting: Setting, report: Report) -> ApplianceTrust | None:
    """The trust that the appliance reports, if it does. Raises if the setting does not count as sent. A
    machine that is not there (yet) has no policy to change; the order that starts its replication carries
    it."""
    if report.problem is not None and report.problem.code == errors.NotFound.code:
        return None
    if setting.kind is not Kind.SET_SITE:
        facts_of(ORDERS[setting.kind], report)
        return None
    fact = facts_of(SET_SITE, report)
    return ApplianceTrust(fact.trusted, fact.issuer) if fact.issuer else None
