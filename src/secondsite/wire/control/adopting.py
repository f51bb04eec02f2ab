"""What an appliance has of a vault that is gone, and what a new vault tells it when it takes that over.

`AdoptionSettings` and `AdoptionRecord` are what the former vault said beforehand (see `rescue_manifest`);
the rest is what really is there.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from ...domain.counters import BELIEVED
from ...domain.groups import ReplicationGroup
from ...domain.plans import plan
from ...domain.plans.plan import RecoveryPlan
from ..common.bandwidth import BandwidthShape
from ..common.base import MACHINE_ID, Shape
from ..common.cards import MOST_CARDS, CardSettings
from ..common.hooks import MOST_HOOKS, MachineHook
from ..common.machine_checks import MOST_CHECKS, MachineCheck
from ..common.machines import MachineDefinition
from ..common.numbers import BoundedTuple, Instant, Name, Number, Text
from ..common.points import MOST_DISKS, PointId, RollForward
from ..common.policies import PolicyShape
from ..common.properties import TargetProperties
from ..common.stores import Placement
from . import leaving_out
from .setups import ReplicaSetup

MOST_OF_A_PAGE = 100


def _possible(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """The value, checked by the domain. Raises ValueError."""
    return leaving_out.possible(value, handler)


def _possible_policy(policy: PolicyShape) -> PolicyShape:
    """The policy, checked by the domain. Raises ValueError."""
    leaving_out.possible(policy, PolicyShape.to_domain)
    return policy


def _possible_bandwidth(bandwidth: BandwidthShape) -> BandwidthShape:
    leaving_out.possible(bandwidth, BandwidthShape.to_domain)
    return bandwidth


def _possible_plan(found: RecoveryPlan) -> RecoveryPlan:
    limits = plan.Limits(MOST_GROUPS, MOST_OF_A_PLAN)
    leaving_out.possible(found, lambda each: plan.check(each, limits))
    return found


SiteName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
APPLIANCE_ID = r"^[0-9a-zA-Z][0-9a-zA-Z-]{0,63}$"
ApplianceId = Annotated[str, Field(pattern=APPLIANCE_ID)]
MachineId = Annotated[str, Field(pattern=MACHINE_ID)]
MOST_GROUPS, MOST_OF_A_PLAN = 1000, 10_000
Policy = Annotated[PolicyShape, AfterValidator(_possible_policy)]
Group = Annotated[ReplicationGroup, WrapValidator(_possible)]
Plan = Annotated[RecoveryPlan, AfterValidator(_possible_plan)]
Counted = Annotated[int, Field(ge=0, le=BELIEVED)]
"""A number from another vault, from which the new one counts on."""
Id = Annotated[str, Field(max_length=128)]


class AdoptionSite(Shape):
    """A site, and how fast it may send."""

    name: SiteName
    bandwidth: Annotated[BandwidthShape, AfterValidator(_possible_bandwidth)] = BandwidthShape()


class AdoptionAppliance(Shape):
    """The name and the site of an appliance that is known by its id."""

    id: ApplianceId
    name: Name
    site: SiteName


class AdoptionPolicy(Shape):
    policy: Policy
    read_only: bool = False


class AdoptionMapping(Shape):
    """Which network becomes which."""

    source_site: SiteName
    source_network: Name
    target_site: SiteName
    target_network: Name


class AdoptionSettings(Shape):
    """What a vault has set for many machines, as far as the appliance's machines use it."""

    sites: Annotated[tuple[AdoptionSite, ...], BoundedTuple(10_000)] = ()
    appliances: Annotated[tuple[AdoptionAppliance, ...], BoundedTuple(10_000)] = ()
    policies: Annotated[tuple[AdoptionPolicy, ...], BoundedTuple(10_000)] = ()
    groups: Annotated[tuple[Group, ...], BoundedTuple(10_000)] = ()
    plans: Annotated[tuple[Plan, ...], BoundedTuple(10_000)] = ()
    mappings: Annotated[tuple[AdoptionMapping, ...], BoundedTuple(100_000)] = ()


class AdoptionRecord(Shape):
    """What a vault knows of a machine and its two appliances do not. It has nothing that changes with every
    verb: the store shows what became of the machine."""

    id: MachineId
    name: Name
    home_site: SiteName
    source_site: SiteName
    target_site: SiteName
    source_appliance_id: ApplianceId
    target_appliance_id: ApplianceId
    source_fabric_id: Name
    target_fabric_id: Name
    policy: Name
    created_at: Instant
    group: Name | None = None
    encrypted: bool = False
    keeping: dict[str, Placement] = Field(default_factory=dict)
    drilled_at: Instant | None = None
    drill_failed_at: Instant | None = None
    cards: Annotated[tuple[CardSettings, ...], Field(max_length=MOST_CARDS)] = ()
    checks: Annotated[tuple[MachineCheck, ...], Field(max_length=MOST_CHECKS)] = ()
    hooks: Annotated[tuple[MachineHook, ...], Field(max_length=MOST_HOOKS)] = ()
    properties: TargetProperties = TargetProperties()


class AdoptableRun(Shape):
    """The machine that was started from a point, and not for a drill. `defined`: the hypervisor knows it, so
    it can be taken over as it is; else another program runs it, or nothing does."""

    point_id: PointId
    fabric_id: Name | None = None
    name: Name | None = None
    forward: RollForward | None = None
    defined: bool = False
    by: Name = ""
    """What the store's own program noted of its last start: 'qemu', or a libvirt URI; empty: it did not
    start it."""


class AdoptableReplica(Shape):
    """A replica in a store of the appliance. `opened`: the appliance works with it; else it is only in the
    store. `committed_point_id`: the point of a committed failover, on which the machine stands. `drills`: how
    many test failovers are open."""

    epoch: Counted
    opened: bool
    points: Number
    newest_at: Instant | None = None
    held: Number = 0
    verified: Number = 0
    """How many points were proven by a machine that was started from them."""
    committed_point_id: PointId | None = None
    run: AdoptableRun | None = None
    drills: Number = 0
    key_id: Name | None = None
    store: Name | None = None


class AdoptableSource(Shape):
    """A machine that is replicated from here. `paused`: its loop rests; `fenced`: it must not start, since
    it was failed over."""

    epoch: Counted
    fabric_id: Name
    target_appliance_id: ApplianceId
    power: Name
    paused: bool = False
    fenced: bool = False


class AdoptableMachine(Shape):
    """Everything that the appliance has of one machine. `generation`, `drill_generation`: the highest that it
    saw. With a `problem` nothing else of it could be read."""

    id: Id
    name: Name
    problem: Text | None = None
    definition: MachineDefinition | None = None
    disks: Annotated[tuple[Name, ...], BoundedTuple(MOST_DISKS)] = ()
    policy: Policy | None = None
    source_appliance_id: ApplianceId | None = None
    replica: AdoptableReplica | None = None
    source: AdoptableSource | None = None
    kept: AdoptionRecord | None = None
    generation: Counted = 0
    drill_generation: Counted = 0
    odd: Annotated[tuple[Text, ...], BoundedTuple(leaving_out.MOST_LEFT_OUT)] = ()
    """What was left out of it because its value is impossible: a sentence for each."""


def _of_machine(said: Any) -> Any:
    """The valid part of a machine: without invalid settings, or only its name and what is invalid."""
    if not isinstance(said, Mapping):
        return (
            said
            if isinstance(said, AdoptableMachine)
            else {"id": "?", "name": "?", "problem": "The record of a machine is not an object."}
        )
    may_go = leaving_out.of_machine(leaving_out.of_record(AdoptionRecord))
    try:
        whole, odd = leaving_out.fitting(AdoptableMachine, said, may_go)
    except ValueError as problem:
        name = leaving_out.cut(said.get("name"))
        return {
            "id": leaving_out.cut(said.get("id"))[:128],
            "name": name,
            "problem": f"The record of {name} is invalid: {problem}",
        }
    return {**whole, "odd": (*whole.get("odd", ()), *odd)} if odd else whole


class ListAdoptable(Shape):
    """Asks for at most `most` machines whose ids follow `after`. Changes nothing."""

    after: Name = ""
    most: Annotated[int, Field(ge=1, le=MOST_OF_A_PAGE)] = MOST_OF_A_PAGE


class AdoptableSite(Shape):
    """`vault`: what the former one said last, at `said_at`, of the site that it called `site`; None: it
    said nothing. `more`: further machines follow."""

    site: Name = ""
    said_at: Instant | None = None
    vault: AdoptionSettings | None = None
    machines: Annotated[tuple[AdoptableMachine, ...], BoundedTuple(MOST_OF_A_PAGE)] = ()
    more: bool = False
    odd: Annotated[tuple[Text, ...], BoundedTuple(leaving_out.MOST_LEFT_OUT)] = ()
    """What was left out of the vault's words because its value is impossible."""

    @model_validator(mode="before")
    @classmethod
    def _without_odd(cls, said: Any) -> Any:
        if not isinstance(said, Mapping):
            return said
        machines, vault = said.get("machines"), said.get("vault")
        if isinstance(machines, list):
            said = {**said, "machines": [_of_machine(each) for each in machines[:MOST_OF_A_PAGE]]}
        if not isinstance(vault, Mapping):
            return said
        whole, odd = leaving_out.fitting(AdoptionSettings, vault, leaving_out.of_vault)
        return {**said, "vault": whole, "odd": (*said.get("odd", ()), *odd)} if odd else said


class Adopt(Shape):
    """The machine belongs to the vault that gives this order from now on. `setup`: for a replica that is only
    in a store."""

    setup: ReplicaSetup | None = None


class AdoptionFact(Shape):
    """What is here of the machine after it was adopted."""

    machine: Annotated[AdoptableMachine, BeforeValidator(_of_machine)]
