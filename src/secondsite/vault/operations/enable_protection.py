"""Enable protection: a discovered machine gets a replica at the target, and replicates from now on.

A copy of its disks that was shipped to the target is imported first; then only what differs from it travels. The job
ends when initial replication has ended and the first recovery point exists. If anything fails, or the
operator cancels, everything that was made is removed.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...domain import errors, lifecycle
from ...domain.lifecycle import Event, State, Verb
from ...domain.units import DAY
from ...jobs import read
from ...jobs.context import StepContext
from ...jobs.definitions import Definition, Step
from ...jobs.outcomes import Done, Outcome, Skipped, Wait
from ...jobs.views import JobView
from ...wire import checks, orders, rest
from ...wire.base import Shape
from ...wire.machines import DiscoveredMachine, MachineDefinition
from ...wire.orders import Kind
from ...wire.replication import SyncMode
from .. import ports
from ..steps import enrolment, seeds, synchronizing, targets
from ..steps.batch import BATCH, child_arguments
from ..steps.deps import Deps
from ..steps.operation import unique
from ..steps.ordering import Orders
from ..steps.replicating import Replicating

CHECK, REPLICA, SEED, ENABLE, INITIAL = (
    "Prerequisites check",
    "Create replica",
    "Import of the seed",
    "Enable replication",
    "Initial replication",
)


class EnableProtection:
    """The one verb that has no machine yet when it starts: its job makes the record."""

    verb = Verb.ENABLE_PROTECTION

    def __init__(self, deps: Deps) -> None:
        self.deps = deps
        self.orders = Orders(deps)
        self.replicating = Replicating(deps, self.orders)

    def definition(self) -> Definition:
        return Definition(
            self.verb.value,
            (
                Step(CHECK, self._check),
                Step(REPLICA, self._create_replica, undo=self._remove_replica, undo_after_failure=True),
                Step(SEED, self._import_seed),
                Step(ENABLE, self._enable, undo=self._stop, undo_after_failure=True),
                Step(INITIAL, self._initial_replication),
            ),
            cancelable=True,
            undo_on_failure=True,
            on_start=self._again,
            on_success=self._protected,
            on_failure=self._removed,
            on_cancelled=self._removed,
        )

    def submit(self, tx: ports.Transaction, request: Shape, requested_by: str) -> rest.JobAccepted:
        """One job per machine; raises NotFound for unknown sites and policies, AlreadyExists for protected ones."""
        assert isinstance(request, rest.EnableProtection)
        names = unique(request.machines)
        ordered = [(name, self._arguments(tx, request, name)) for name in names]
        if len(ordered) == 1:
            name, arguments = ordered[0]
            return rest.JobAccepted(job_id=self._submit(tx, self.verb.value, name, arguments, requested_by))
        children = [child_arguments(self.verb, str(a["machine_id"]), name, a) for name, a in ordered]
        arguments = {"verb": self.verb.value, "children": children}
        return rest.JobAccepted(job_id=self._submit(tx, BATCH, ", ".join(names), arguments, requested_by))

    def _submit(
        self, tx: ports.Transaction, job: str, name: str, arguments: Mapping[str, Any], requested_by: str
    ) -> str:
        subject = str(arguments.get("machine_id", ""))
        return self.deps.submit(
            tx.session, job, subject=subject, subject_name=name, arguments=arguments, by=requested_by
        )

    def _arguments(self, tx: ports.Transaction, request: rest.EnableProtection, name: str) -> dict[str, Any]:
        enrolment.refuse_same_site(request.source_site, request.target_site)
        if tx.policies.find(request.policy) is None:
            raise errors.NotFound.named("policy", request.policy)
        known = tx.machines.find(name)
        if known is not None and known.home_site == request.source_site:
            raise errors.AlreadyExists(
                f"Machine '{name}' is under protection already ({known.state}).",
                do=f"See it with 'secondsite machine show {name}'.",
            )
        return {
            "machine_id": self.deps.new_id(),
            "machine": name,
            "source_site": request.source_site,
            "target_site": request.target_site,
            "source_appliance_id": enrolment.appliance_of(tx, request.source_site).id,
            "target_appliance_id": enrolment.appliance_of(tx, request.target_site).id,
            "policy": request.policy,
            "disks": list(request.disks.get(name, ())),
            "seeds": seeds.asked(request, name),
            "encrypt": request.encrypt,
        }

    def _check(self, ctx: StepContext) -> Outcome:
        """Everything that could fail later is asked first: the machine, its disks, both sites, the data port."""
        arguments = ctx.arguments
        found = self._discovered(ctx, arguments)
        if isinstance(found, Wait):
            return found
        disks = enrolment.chosen_disks(found, arguments["disks"])
        seeds.require_disks(found.name, disks, arguments.get("seeds", {}))
        obstacles = self._obstacles(ctx, arguments, found.definition, disks)
        if isinstance(obstacles, Wait):
            return obstacles
        targets.require_none(obstacles, "Enabling protection", found.name)
        record = self._record(ctx.job_id, ctx.arguments, found.definition, disks)
        return Done(
            f"{found.name} can be protected: {len(disks)} disks, "
            f"{sum(d.size_bytes for d in found.definition.disks if d.key in disks) / 2**30:.2f} GiB",
            {"definition": found.definition.model_dump(mode="json"), "disks": list(disks)},
            lambda session: self._add_once(session, record),
        )

    def _discovered(self, ctx: StepContext, arguments: Mapping[str, Any]) -> DiscoveredMachine | Wait:
        answer = self.orders.give(
            ctx,
            arguments["source_appliance_id"],
            Kind.DISCOVER,
            orders.Nothing(),
            why=f"looking for {arguments['machine']} at {arguments['source_site']}",
        )
        if isinstance(answer, Wait):
            return answer
        inventory = orders.Inventory.model_validate(answer.facts)
        return enrolment.find_machine(inventory, arguments["machine"], arguments["source_site"])

    def _obstacles(
        self,
        ctx: StepContext,
        arguments: Mapping[str, Any],
        definition: MachineDefinition,
        disks: Sequence[str],
    ) -> list[str] | Wait:
        with self.deps.store.transaction() as tx:
            addresses = enrolment.data_addresses(tx, arguments["target_appliance_id"])
        source = self.orders.give(
            ctx,
            arguments["source_appliance_id"],
            Kind.CHECK_SOURCE,
            checks.CheckSource(fabric_id=definition.fabric_id, peer_addresses=addresses, disks=tuple(disks)),
            why=f"checking {definition.name} at {arguments['source_site']}",
        )
        if isinstance(source, Wait):
            return source
        target = self.orders.give(
            ctx,
            arguments["target_appliance_id"],
            Kind.CHECK_TARGET,
            checks.CheckTarget(
                definition=definition,
                seeds=seeds.of(arguments, definition),
                encrypted=bool(arguments.get("encrypt")),
            ),
            why=f"checking {arguments['target_site']}",
        )
        if isinstance(target, Wait):
            return target
        return targets.obstacles_of(source) + targets.obstacles_of(target)

    def _record(
        self, job_id: str, arguments: Mapping[str, Any], found: MachineDefinition, disks: tuple[str, ...]
    ) -> ports.MachineRecord:
        machine_id = str(arguments["machine_id"])
        return ports.MachineRecord(
            id=machine_id,
            name=found.name,
            home_site=arguments["source_site"],
            source_site=arguments["source_site"],
            target_site=arguments["target_site"],
            source_appliance_id=arguments["source_appliance_id"],
            target_appliance_id=arguments["target_appliance_id"],
            source_fabric_id=found.fabric_id,
            target_fabric_id=str(uuid.uuid5(uuid.UUID(found.fabric_id), arguments["target_site"])),
            policy=arguments["policy"],
            definition=found,
            disks=disks,
            state=State.ENABLING,
            created_at=self.deps.now(),
            job_id=job_id,
            encrypted=bool(arguments.get("encrypt")),
        )

    def _again(self, session: Any, job: JobView) -> None:
        """A retry goes on behind the check, whose record the failure took away."""
        checked = read.facts_of(session, job.id).get(CHECK, {})
        if checked:
            definition = MachineDefinition.model_validate(checked["definition"])
            self._add_once(session, self._record(job.id, job.arguments, definition, tuple(checked["disks"])))

    def _add_once(self, session: Any, record: ports.MachineRecord) -> None:
        tx = self.deps.store.within(session)
        if tx.machines.find(record.id) is None:
            tx.machines.add(record)

    def _create_replica(self, ctx: StepContext) -> Outcome:
        return self.replicating.create_replica(ctx, self._machine(ctx))

    def _remove_replica(self, ctx: StepContext) -> Outcome:
        return self.replicating.remove_replica(ctx, self._machine(ctx))

    def _import_seed(self, ctx: StepContext) -> Outcome:
        machine = self._machine(ctx)
        wanted = seeds.of(ctx.arguments, machine.definition)
        if not wanted:
            return Skipped("no copy was shipped: all data travels")
        return seeds.bring_in(self.orders, ctx, machine, wanted)

    def _enable(self, ctx: StepContext) -> Outcome:
        machine = self._machine(ctx)
        seeded = tuple(each.key for each in seeds.of(ctx.arguments, machine.definition))
        return self.replicating.start(
            ctx,
            machine,
            SyncMode.COPY,
            seeded,
            commit=lambda session: self._event(session, machine.id, Event.ENABLED),
        )

    def _stop(self, ctx: StepContext) -> Outcome:
        return self.replicating.stop(ctx, self._machine(ctx))

    def _initial_replication(self, ctx: StepContext) -> Outcome:
        machine = self._machine(ctx)
        return synchronizing.wait(self.deps, machine, machine.epoch, -1, deadline_seconds=30 * DAY)

    def _machine(self, ctx: StepContext) -> ports.MachineRecord:
        with self.deps.store.transaction() as tx:
            return tx.machines.get(str(ctx.subject))

    def _event(self, session: Any, machine_id: str, event: Event) -> None:
        tx = self.deps.store.within(session)
        machine = tx.machines.get(machine_id)
        tx.machines.put(replace(machine, state=lifecycle.after(machine.state, event).next))

    def _protected(self, session: Any, job: JobView) -> None:
        tx = self.deps.store.within(session)
        machine = tx.machines.get(str(job.subject))
        tx.machines.put(
            replace(machine, state=lifecycle.after(machine.state, Event.SUCCEEDED).next, job_id=None)
        )

    def _removed(self, session: Any, job: JobView) -> None:
        """What was made is gone, and so is the record; a retry makes it again."""
        tx = self.deps.store.within(session)
        if tx.machines.find(str(job.subject)) is not None:
            tx.statuses.remove(str(job.subject))
            tx.machines.remove(str(job.subject))
