"""Enable protection: a discovered machine gets a replica at the target, and replicates from now on.

A copy of its disks that was shipped to the target is imported first; then only what differs from it travels.
The job ends when initial replication has ended and the first recovery point exists. If anything fails, or the
operator cancels, everything that was made is removed; what cannot be removed keeps the record of the machine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import BaseModel

from ...domain import errors, lifecycle, shell
from ...domain.amounts import exact_size
from ...domain.lifecycle import Event, State, Verb
from ...ground.plural import counted
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Definition, Step
from ...jobs.model.outcomes import Done, Outcome, Skipped
from ...jobs.model.views import JobView, undo_failed
from ...jobs.storage import read
from ...jobs.storage.database import Session
from ...wire import rest
from ...wire.common.base import Shape
from ...wire.common.properties import TargetProperties
from ...wire.common.stores import Placement
from ...wire.common.sync_mode import SyncMode
from ...wire.control import checks, orders
from ..steps import authority, batch, enabling, lookup, obstacles, replicating, seeds, synchronization
from ..steps.absent_site import declaration
from ..steps.absent_site.declaration import Need
from ..steps.deps import Deps
from ..steps.enabling import EnableArguments, EnableChecks
from ..steps.operation import unique
from ..steps.retry_store import retrying
from ..steps.sides import hosts, placing
from ..steps.sides.orders import Orders
from ..steps.sides.source import Source
from ..steps.sides.target import Target
from ..steps.synchronization import ReplicaState
from ..store import MachinePropertiesRecord, MachineRecord, Transaction


class EnableProtection:
    """Enable protection: the one verb whose machine has no record when it starts: its job makes it."""

    verb = Verb.ENABLE_PROTECTION

    def __init__(self, deps: Deps) -> None:
        self.deps = deps
        self.orders = Orders(deps)

    def definition(self) -> Definition:
        return Definition(
            self.verb.value,
            tuple(retrying(step) for step in self._steps()),
            cancelable=self.verb in lifecycle.CANCELABLE,
            undo_on_failure=True,
            on_start=self._again,
            on_success=self._protected,
            on_failure=self._removed,
            on_cancelled=self._removed,
        )

    def _steps(self) -> Sequence[Step]:
        return (
            Step("check", self._check, title="Prerequisites check"),
            Step(
                "create_replica",
                self._create_replica,
                title="Create replica",
                undo=self._remove_replica,
                undo_after_failure=True,
            ),
            Step("import_seed", self._import_seed, title="Import of the seed"),
            Step(
                "enable_replication",
                self._enable,
                title="Enable replication",
                undo=self._stop,
                undo_after_failure=True,
            ),
            Step("initial_replication", self._initial_replication, title="Initial replication"),
        )

    def submit(self, tx: Transaction, request: Shape, requested_by: str) -> rest.JobAccepted:
        """One job per machine; raises NotFound for unknown sites and policies, AlreadyExists for protected
        ones."""
        assert isinstance(request, rest.EnableProtection)
        self._check_request(tx, request)
        wanted = unique(request.machines)
        _refuse_strange_disks(request)
        known = tx.machines.find_all(wanted, request.source_site)
        asked = [self._arguments(tx, request, name, known.get(name)) for name in wanted]
        ordered, called = hosts.placed(self.deps, tx, asked), _names(tx, request.source_site)
        named = [(called.get(each.machine, each.machine), each) for each in ordered]
        if len(named) == 1:
            [(name, one)] = named
            job_id = self._submit(tx, self.verb.value, one.machine_id, name, one, requested_by)
            return rest.JobAccepted(job_id=job_id)
        children = tuple(batch.child(self.verb, each.machine_id, name, each) for name, each in named)
        arguments = batch.BatchArguments(verb=self.verb, children=children)
        names = ", ".join(name for name, _ in named)
        return rest.JobAccepted(job_id=self._submit(tx, batch.BATCH, "", names, arguments, requested_by))

    def _submit(
        self, tx: Transaction, job: str, subject: str, name: str, arguments: BaseModel, by: str
    ) -> str:
        return self.deps.submit(
            tx.session, job, subject=subject, subject_name=name, arguments=arguments, requested_by=by
        )

    def _check_request(self, tx: Transaction, request: rest.EnableProtection) -> None:
        lookup.refuse_same_site(request.source_site, request.target_site)
        lookup.require_policy(tx, request.policy)
        lookup.require_kind(request.source_site, lookup.appliances_of(tx, request.source_site))
        at_target = lookup.target_appliances(tx, request.target_site)
        if request.target_appliance is not None:
            at_target = [lookup.appliance_named(tx, request.target_site, request.target_appliance)]
        lookup.require_kind(request.target_site, at_target)

    def _arguments(
        self,
        tx: Transaction,
        request: rest.EnableProtection,
        name: str,
        known: MachineRecord | None,
    ) -> EnableArguments:
        named = request.target_appliance
        if known is not None and known.home_site == request.source_site:
            raise errors.AlreadyExists(
                f"Machine '{name}' is under protection already ({known.state}).",
                do=f"See it with 'secondsite machine show {shell.arguments(name)}'.",
            )
        return EnableArguments(
            machine_id=self.deps.new_id(),
            machine=name,
            source_site=request.source_site,
            target_site=request.target_site,
            target_appliance_id=named and lookup.appliance_named(tx, request.target_site, named).id,
            store=request.store,
            policy=request.policy,
            disks=request.disks.get(name, ()),
            seeds=seeds.asked(request, name),
            encrypt=request.encrypt or _encrypts(tx, request.policy),
            apart=request.apart,
            together=request.together,
        )

    def _check(self, ctx: StepContext) -> Outcome:
        """Everything that could fail later is checked first: the machine, its disks, both sites, the data
        port."""
        wanted = ctx.arguments(EnableArguments)
        source = placing.at_source(self.deps, self.orders, ctx, wanted.machine, wanted.source_site)
        found = source.machine
        target, placed = hosts.chosen(self.deps, wanted, found.definition, source.appliance)
        with self.deps.store.reading() as tx:
            _refuse_known(tx, wanted, found.definition.fabric_id)
        disks = lookup.chosen_disks(found, wanted.disks)
        seeds.require_disks(found.name, disks, wanted.seeds)
        checked = EnableChecks(
            definition=found.definition,
            disks=disks,
            source_appliance_id=source.appliance.id,
            target_appliance_id=target.id,
        )
        copy_id = enabling.id_at_target(checked.definition, wanted)
        beside = placing.copies_beside(self.deps, self.orders, ctx, target, copy_id)
        in_the_way = (*self._obstacles(ctx, wanted, checked), beside)
        warned = obstacles.require_none("Enabling protection", found.name, *in_the_way)
        record = enabling.record(wanted, checked, ctx.job_id, ctx.attempt, self.deps.now())
        record = obstacles.warned(record, self.deps.now(), *in_the_way)
        placed = f", {placed}" if placed else ""
        return Done(
            f"{found.name} can be protected: {counted(len(disks), 'disk')}, "
            f"{exact_size(sum(d.size_bytes for d in found.definition.disks if d.key in disks))}, "
            f"from appliance '{source.appliance.name}' to '{target.name}'{placed}{source.unasked}{warned}",
            checked,
            self.deps.commit(lambda tx: _add_once(tx, wanted, record)),
        )

    def _obstacles(
        self, ctx: StepContext, wanted: EnableArguments, checked: EnableChecks
    ) -> tuple[checks.Obstacles, ...]:
        """The obstacles at the source, and at the target."""
        definition, target_id = checked.definition, str(checked.target_appliance_id)
        with self.deps.store.reading() as tx:
            addresses = lookup.data_addresses(tx, target_id)
            way_back = lookup.data_addresses(tx, str(checked.source_appliance_id))
        source = self.orders.give(
            ctx,
            str(checked.source_appliance_id),
            orders.CHECK_SOURCE,
            checks.CheckSource(fabric_id=definition.fabric_id, peer_addresses=addresses, disks=checked.disks),
            why=f"checking {definition.name} at {wanted.source_site}",
        )
        target = self.orders.give(
            ctx,
            target_id,
            orders.CHECK_TARGET,
            checks.CheckTarget(
                definition=definition,
                name=definition.name,
                fabric_id=enabling.id_at_target(definition, wanted),
                needed_bytes=source.facts.needed_bytes or 0,
                seeds=seeds.of(wanted.seeds, definition),
                encrypted=wanted.encrypt,
                keeping=Placement(store=wanted.store),
                way_back=way_back,
            ),
            why=f"checking {wanted.target_site}",
        )
        unkept = placing.keeps_no_stores(wanted.store, target.facts)
        return source.facts, target.facts, unkept

    def _again(self, session: Session, job: JobView) -> None:
        """A retry goes on after the check. The failure removed the machine's record, so it is made again."""
        checked = read.facts_of(session, job.id, "check", EnableChecks)
        if checked is not None:
            wanted = EnableArguments.model_validate(job.arguments)
            record = enabling.record(wanted, checked, job.id, job.attempt, self.deps.now())
            _add_once(self.deps.store.within(session), wanted, record)

    def _create_replica(self, ctx: StepContext) -> Outcome:
        return replicating.create_replica(self.deps, self._target(ctx)).done()

    def _remove_replica(self, ctx: StepContext) -> Outcome:
        target = self._target(ctx)
        # a restored vault may undo a protection of long ago, whose machine is gone
        keep = not self.deps.gateway.is_connected(target.machine.source_appliance_id)
        need = Need(
            target.to_remove_replica(orders.RemoveReplica(made_by=target.job_id, keep_points=keep)),
            lost="what was copied there so far is not used",
            later="its replica is removed there",
        )
        return declaration.undone_or_left(self.deps, target, need)

    def _import_seed(self, ctx: StepContext) -> Outcome:
        target = self._target(ctx)
        wanted = seeds.of(ctx.arguments(EnableArguments).seeds, target.machine.definition)
        if not wanted:
            return Skipped("no copy was shipped: all data is sent")
        return target.import_seed(wanted).done()

    def _enable(self, ctx: StepContext) -> Outcome:
        source = self._source(ctx)
        seeded = tuple(ctx.arguments(EnableArguments).seeds)
        answer = replicating.start(self.deps, source, SyncMode.COPY, seeded)
        return answer.done(self.deps.commit(lambda tx: _event(tx, source.machine.id, Event.ENABLED)))

    def _stop(self, ctx: StepContext) -> Outcome:
        source = self._source(ctx)
        need = Need(
            source.to_stop_replication(),
            lost="replication is not stopped there yet",
            later="it is stopped there",
        )
        return declaration.undone_or_left(self.deps, source, need)

    def _initial_replication(self, ctx: StepContext) -> Outcome:
        machine = self._machine(ctx)
        return synchronization.await_point(self.deps, machine, machine.epoch, ReplicaState())

    def _machine(self, ctx: StepContext) -> MachineRecord:
        with self.deps.store.reading() as tx:
            return authority.claimed(tx, str(ctx.subject), self.verb.value, ctx.job_id)

    def _source(self, ctx: StepContext) -> Source:
        return Source(self.orders, ctx, self._machine(ctx))

    def _target(self, ctx: StepContext) -> Target:
        return Target(self.orders, ctx, self._machine(ctx))

    def _protected(self, session: Session, job: JobView) -> None:
        tx = self.deps.store.within(session)
        machine = tx.machines.get(str(job.subject))
        tx.machines.put(
            replace(machine, state=lifecycle.after(machine.state, Event.SUCCEEDED).next, job_id=None)
        )

    def _removed(self, session: Session, job: JobView) -> None:
        """Everything that was made is removed, with the record; a retry makes it again. If that failed, the
        record stays, so that there is something to go on with: a retry of the job, or disable-protection."""
        tx = self.deps.store.within(session)
        machine = tx.machines.by_id(str(job.subject))
        if machine is None or machine.claimed_by not in (job.id, None):
            return
        if undo_failed(job, read.tasks_of(session, job.id)):
            tx.machines.put(replace(machine, state=State.DISABLE_FAILED, job_id=None))
            return
        tx.statuses.remove(machine.id)
        tx.machines.remove(machine.id)


def _names(tx: Transaction, site: str) -> Mapping[str, str]:
    """The names of the machines that the site had when it was last asked, by their ids there: who chose them
    from a list gives ids, and nobody knows a job by those."""
    last = tx.inventories.find(site)
    return {} if last is None else {each.fabric_id: each.name for each in last.inventory.machines}


def _refuse_strange_disks(request: rest.EnableProtection) -> None:
    """Raises InvalidArgument for disks of a machine that is not named: all of its disks would be copied."""
    strangers = [each for each in request.disks if each not in request.machines]
    if strangers:
        raise errors.InvalidArgument(
            f"Disks are named for {', '.join(strangers)}, which is not among the machines given.",
            do=f"Name them as the machines are named: {', '.join(request.machines)}.",
        )


def _encrypts(tx: Transaction, policy: str) -> bool:
    found = tx.policies.find(policy)
    return found is not None and found.encrypt


def _add_once(tx: Transaction, wanted: EnableArguments, record: MachineRecord) -> None:
    """Add the record, unless another job was faster while the sites were asked."""
    if tx.machines.find(record.id) is None:
        _refuse_known(tx, wanted, record.source_fabric_id)
        hosts.require_apart(tx, record, wanted.apart)
        tx.machines.add(record)
        if wanted.apart is not None or wanted.together is not None:
            there = TargetProperties(apart=wanted.apart, together=wanted.together)
            tx.properties.put(MachinePropertiesRecord(record.id, there))


def _event(tx: Transaction, machine_id: str, event: Event) -> None:
    machine = tx.machines.get(machine_id)
    tx.machines.put(replace(machine, state=lifecycle.after(machine.state, event).next))


def _refuse_known(tx: Transaction, wanted: EnableArguments, fabric_id: str) -> None:
    """Raises AlreadyExists for a copy of a machine that is under protection, at whichever site it runs
    now."""
    for known in tx.machines.anywhere(fabric_id):
        if known.id != wanted.machine_id:
            raise errors.AlreadyExists(
                f"Machine '{wanted.machine}' at {wanted.source_site} is a copy of {known.name}, which is "
                f"under protection already ({known.state}).",
                do=f"See it with 'secondsite machine show {shell.arguments(known.name)}'.",
            )
