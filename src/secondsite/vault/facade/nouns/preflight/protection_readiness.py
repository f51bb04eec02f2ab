"""Whether a machine could be protected, before anybody asks for it."""

from collections.abc import Iterator, Sequence

from .....domain import errors, shell
from .....wire.common.machines import DiscoveredMachine
from .....wire.control.checks import CheckSource, CheckTarget
from .....wire.control.orders import DISCOVER, Discover, Inventory
from .....wire.rest.preflights import EligibilityQuery, Preflight, PreflightObstacle
from ....steps import enabling, lookup
from ....steps.enabling import EnableArguments
from ....steps.sides import hosts, placing
from ....store import ApplianceRecord
from ...parts import Parts
from ...shared import discovery
from ...shared.answered_order import ask_each
from . import appliance_checks


class Eligibility:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def of(self, site: str, machine: str, query: EligibilityQuery) -> Preflight:
        """The check of a machine. Raises NotFound for what does not exist, AlreadyExists for a machine under
        protection, ApplianceUnreachable or DeadlineExceeded while the source's site cannot be asked."""
        found, appliance = self.looked_for(site, machine, query)
        try:
            target, placed = self.chosen(found, appliance, query)
        except errors.NotPossibleNow as none_fits:
            seen = [appliance_checks.problem(query.target, none_fits, blocking=True)]
            return appliance_checks.answer(self._parts, found.name, (site, query.target), seen)
        tried: list[str] = []
        seen = [*self._obstacles(found, appliance, target, query, tried)]
        answer = appliance_checks.answer(self._parts, found.name, (site, query.target), seen, tried)
        return answer.model_copy(update={"target_appliance": target.name, "placed": placed or None})

    def chosen(
        self, found: DiscoveredMachine, appliance: ApplianceRecord, query: EligibilityQuery
    ) -> tuple[ApplianceRecord, str]:
        """The appliance that would hold the replica, and why. Raises NotFound, and NotPossibleNow if no host
        takes the machine."""
        wanted = EnableArguments(
            machine_id="",
            machine=found.name,
            source_site=appliance.site,
            target_site=query.target,
            target_appliance_id=query.target_appliance,
            policy="",
            apart=query.apart,
            together=query.together,
        )
        return hosts.chosen(self._parts.deps, wanted, found.definition, appliance)

    def looked_for(
        self, site: str, machine: str, query: EligibilityQuery
    ) -> tuple[DiscoveredMachine, ApplianceRecord]:
        """The machine, and the appliance that has it. Raises as `of`."""
        appliances = self._appliances(site, query)
        found, appliance = self._found(appliances, machine, site)
        self._refuse_protected(found, site)
        return found, appliance

    def _appliances(self, site: str, query: EligibilityQuery) -> Sequence[ApplianceRecord]:
        """The connected appliances of the source's site. Raises NotFound for a target that is none, too."""
        if not (self._parts.sees(site) and self._parts.sees(query.target)):
            raise errors.NotFound.named("site", site if not self._parts.sees(site) else query.target)
        with self._parts.store.reading() as tx:
            lookup.refuse_same_site(site, query.target)
            known = discovery.connected(self._parts, lookup.appliances_of(tx, site))
            at_target = lookup.appliances_of(tx, query.target)
            if query.target_appliance is not None:
                at_target = [lookup.appliance_named(tx, query.target, query.target_appliance)]
            lookup.require_kind(query.target, at_target)
        if not known:
            raise errors.ApplianceUnreachable(f"No appliance of site {site} has a connection to the vault.")
        return known

    def _found(
        self, appliances: Sequence[ApplianceRecord], name: str, site: str
    ) -> tuple[DiscoveredMachine, ApplianceRecord]:
        """The machine, and the appliance that has it."""
        only = Discover(machine=name)
        answers = ask_each(self._parts, appliances, DISCOVER, only, discovery.DISCOVER_SECONDS)
        seen = {
            each.id: said
            for each, said in zip(appliances, answers, strict=True)
            if isinstance(said, Inventory)
        }
        silent = [said for said in answers if isinstance(said, errors.SecondsiteError)]
        if silent and not placing.has(seen, name):
            raise silent[0]
        machine = lookup.find_machine(lookup.merged(seen.values()), name, site)
        found = placing.holder(appliances, seen, machine)
        return found.machine, found.appliance

    def _refuse_protected(self, machine: DiscoveredMachine, site: str) -> None:
        with self._parts.store.reading() as tx:
            known = tx.machines.by_fabric_id(site, machine.fabric_id)
        if known is not None:
            raise errors.AlreadyExists(
                f"Machine '{known.name}' is under protection already ({known.state}).",
                do=f"Ask for its failover: 'secondsite machine preflight {shell.arguments(known.name)}'.",
            )

    def _obstacles(
        self,
        machine: DiscoveredMachine,
        appliance: ApplianceRecord,
        target: ApplianceRecord,
        query: EligibilityQuery,
        tried: list[str],
    ) -> Iterator[PreflightObstacle]:
        """`tried` gets what was tried, in words."""
        definition, addresses = machine.definition, target.hello.data_addresses if target.hello else ()
        disks = lookup.chosen_disks(machine, ())
        payload = CheckSource(
            fabric_id=definition.fabric_id, disks=disks, peer_addresses=addresses, view=True
        )
        ours = appliance_checks.source(self._parts, appliance, payload)
        tried += appliance_checks.tried(appliance, ours)
        yield from appliance_checks.at(appliance.site, ours)
        wanted = CheckTarget(
            definition=definition,
            name=definition.name,
            fabric_id=enabling.at_site(definition, target.site),
            needed_bytes=ours.needed_bytes or 0,
            encrypted=query.encrypt,
            way_back=appliance.hello.data_addresses if appliance.hello else (),
        )
        try:
            theirs = appliance_checks.target(self._parts, target, wanted)
            tried += appliance_checks.tried(target, theirs)
            yield from appliance_checks.at(target.site, theirs)
        except errors.SecondsiteError as error:
            yield appliance_checks.problem(target.site, error, blocking=True)
