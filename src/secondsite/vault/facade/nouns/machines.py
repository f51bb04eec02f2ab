"""Machines under protection, and machines that could be protected."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from ....domain import errors, rpo_samples, shell
from ....domain.prediction import churn_series
from ....wire import rest
from ....wire.common.properties import TargetProperties
from ...health.findings import Situation
from ...steps.sides import forced_start
from ...store import MachineFilter, MachineRecord, Transaction
from ...watch.situations import SituationContext
from ..parts import ANSWER_SECONDS, Parts
from ..shared import discovery, machine_rows, machine_shapes, prerendered_machines
from ..shared.idempotency import Once, carry_out
from ..shared.paging import Place, page, place_of
from ..shared.prerendered_machines import RenderedMachine
from ..shared.summaries import Tally
from . import sites
from .glance.boards import Boards, sight
from .glance.machine_rows import MachineRows

EVERY = rest.MachineQuery()


class Machines:
    def __init__(self, parts: Parts, boards: Boards) -> None:
        self._parts = parts
        self._boards = boards

    def list(self, query: rest.MachineQuery = EVERY) -> str:
        """Machines under protection: a `rest.MachinePage` as JSON. Raises NotFound for an unknown site,
        InvalidArgument for a bad cursor."""
        if _is_by_name(query):
            return self._by_name(query)
        key = "machines", query, sight(self._parts.caller)
        left_seconds = min(self._parts.seconds_left(), ANSWER_SECONDS)
        return self._parts.pages.give(key, lambda: self._by_row(query), left_seconds)

    def _by_row(self, query: rest.MachineQuery) -> str:
        """The page of machines that are found, or sorted, by what their rows say: all are looked at, so
        callers who see the same and ask for the same at once share it."""
        last = machine_rows.place_of(query)
        fitting = machine_rows.after(MachineRows(self._parts, self._boards).selected(query), query, last)
        rows, following = page(fitting, query.limit, machine_rows.place(query))
        with self._parts.store.reading() as tx:
            found = {each.id: each for each in tx.machines.several([row.id for row in rows])}
            there = [found[row.id] for row in rows if row.id in found]
            around, now = self._around(tx), self._parts.now()
            situations = self._situations(tx, there, around)
            items = [prerendered_machines.machine(each, now) for each in situations]
        return prerendered_machines.page(items, following)

    def _by_name(self, query: rest.MachineQuery) -> str:
        """The page by name; no more is read than it shows."""
        after = _after(query.cursor)
        with self._parts.store.reading() as tx:
            if query.site is not None:
                sites.existing(self._parts, tx, query.site)
            written = self._written(tx, self._wanted(query), query.limit + 1, after)
            fitting = (each for each in written if not query.health or each.health in query.health)
            items, following = page(fitting, query.limit, _place)
        return prerendered_machines.page(items, following)

    def summary(self) -> rest.Summary:
        """An overview of all machines that the caller sees."""
        with self._parts.store.reading() as tx:
            around, tally = self._around(tx), Tally(self._parts.now())
            for situation in self._situations(tx, tx.machines.list(self._parts.caller.grant.site), around):
                tally.count(situation)
            sites = [site.name for site in tx.sites.list() if self._parts.sees(site.name)]
            return tally.summary(sites, tuple(around.appliances.values()))

    def discovered(self, site: str | None = None) -> Sequence[rest.SiteMachines]:
        """Unprotected machines by site: present ones, or the last known ones.

        Raises NotFound for an unknown site; with a site, what discovery raises if the site was never asked.
        """
        if site is not None:
            self._require_site(site)
            return [self._unprotected(site, discovery.now_or_last(self._parts, site))]
        with self._parts.store.reading() as tx:
            names = [record.name for record in tx.sites.list() if self._parts.sees(record.name)]
        found = discovery.at_once(names, lambda name: discovery.seen(self._parts, name))
        return [self._unprotected(name, seen) for name, seen in zip(names, found, strict=True)]

    def several(self, machine_ids: Sequence[str]) -> Mapping[str, rest.Machine]:
        """Those of these machines that exist, by id, each as `show` gives it."""
        with self._parts.store.reading() as tx:
            found = tx.machines.several(machine_ids)
            seen = [each for each in found if self._parts.sees(each.source_site, each.target_site)]
            return {each.id: each for each in self._with_notes(tx, seen)}

    def _with_notes(self, tx: Transaction, found: Sequence[MachineRecord]) -> Iterator[rest.Machine]:
        now = self._parts.now()
        for situation in self._situations(tx, found, self._around(tx)):
            notes = tuple(tx.drill_notes.newest(situation.machine.id))
            yield machine_shapes.protected(situation, notes, now)

    def show(self, name_or_id: str) -> str:
        """A `rest.Machine` as JSON, with the notes of its drills. Raises NotFound."""
        with self._parts.store.reading() as tx:
            found = existing(self._parts, tx, name_or_id)
            situation = next(self._situations(tx, [found], self._around(tx)))
            notes, there = tuple(tx.drill_notes.newest(found.id)), tx.properties.find(found.id)
        now, nothing = self._parts.now(), there == TargetProperties()
        if notes or not nothing:
            shown = machine_shapes.protected(situation, notes, now)
            return shown.model_copy(update={"second_site": None if nothing else there}).model_dump_json()
        return prerendered_machines.machine(situation, now).text

    def id_of(self, name_or_id: str) -> str:
        """The machine's id, from its name or id. Raises NotFound."""
        with self._parts.store.reading() as tx:
            return existing(self._parts, tx, name_or_id).id

    def start_anyway(
        self, name_or_id: str, request: rest.StartAnyway, requested_by: str, once: Once | None = None
    ) -> rest.JobAccepted:
        """Start a job that starts the machine's old copy although that is normally forbidden. Raises
        NotFound, InvalidArgument, NotPossibleNow."""

        self._parts.understood(request)

        def submit() -> rest.JobAccepted:
            machine = existing(self._parts, tx, name_or_id)
            job_id = forced_start.submit(self._parts.deps, tx, machine, request.site, requested_by)
            return rest.JobAccepted(job_id=job_id)

        with self._parts.changing() as tx:
            return carry_out(self._parts, tx, once, rest.JobAccepted, submit)

    def rpo(
        self, name_or_id: str, since: datetime | None = None, every_seconds: int = rpo_samples.SLOT_SECONDS
    ) -> Sequence[rest.RpoSample]:
        """The machine's RPO from `since` on (a time without a zone is UTC), oldest first: the largest of each
        span of `every_seconds`. A week is kept, a sample every ten seconds.

        Raises NotFound.
        """
        with self._parts.store.reading() as tx:
            machine = existing(self._parts, tx, name_or_id)
            since = _within_what_is_kept(since, self._parts.now())
            samples = (
                each
                for block in self._parts.rpo_unwritten.list(tx, machine.id, since)
                for each in rpo_samples.samples(block.begins_at, block.slots)
                if each.at >= since
            )
            return [
                rest.RpoSample(at=each.at, **dict(machine_shapes.age(each.rpo)))
                for each in rpo_samples.thinned(samples, timedelta(seconds=every_seconds))
            ]

    def churn(self, name_or_id: str) -> Sequence[rest.ChurnSample]:
        """What the machine wrote between its points, oldest first. Raises NotFound."""
        with self._parts.store.reading() as tx:
            machine = existing(self._parts, tx, name_or_id)
            replica = self._parts.facts.latest(tx, machine.id).replica
        points = sorted(replica.points if replica else (), key=lambda each: (each.epoch, each.seq))
        return [
            rest.ChurnSample(at=each.at, seconds=each.seconds, changed_bytes=each.size_bytes)
            for each in churn_series.series([(point.taken_at, point.added_bytes) for point in points])
        ]

    def inventory(self, site: str) -> rest.SiteInventory:
        """All machines of the site, or the last known ones. Raises what discovery raises if the site was
        never asked."""
        self._require_site(site)
        seen = discovery.now_or_last(self._parts, site)
        return rest.SiteInventory(
            site=site, machines=seen.inventory.machines, problem=seen.problem, seen_at=seen.seen_at
        )

    def in_scope(self) -> frozenset[str] | None:
        """The ids of the machines that the caller sees; None: all, including later ones."""
        site = self._parts.caller.grant.site
        if site is None:
            return None
        with self._parts.store.reading() as tx:
            return frozenset(machine.id for machine in tx.machines.list(site))

    def _require_site(self, site: str) -> None:
        with self._parts.store.reading() as tx:
            sites.existing(self._parts, tx, site)

    def _wanted(self, query: rest.MachineQuery) -> MachineFilter:
        sites = {query.site, self._parts.caller.grant.site} - {None}
        return MachineFilter(frozenset(map(str, sites)), frozenset(query.state), query.policy, query.group)

    def _written(
        self, tx: Transaction, wanted: MachineFilter, at_once: int, after: tuple[str, str] | None
    ) -> Iterator[RenderedMachine]:
        """The machines, read as they are used."""
        around, now = self._around(tx), self._parts.now()
        while found := tx.machines.page(wanted, at_once, after):
            for situation in self._situations(tx, found, around):
                yield prerendered_machines.machine(situation, now)
            after = found[-1].name, found[-1].id
            if len(found) < at_once:
                return

    def _around(self, tx: Transaction) -> SituationContext:
        return SituationContext.of(
            tx, self._parts.facts, self._parts.authority, self._parts.deps.drill_counts
        )

    def _situations(
        self, tx: Transaction, found: Sequence[MachineRecord], around: SituationContext
    ) -> Iterator[Situation]:
        return around.situations(tx, self._parts.facts, found)

    def _unprotected(self, site: str, seen: discovery.SiteContents) -> rest.SiteMachines:
        with self._parts.store.reading() as tx:
            found = discovery.unprotected(site, seen.inventory, tx.machines.list())
        others = [machine_shapes.unprotected(site, machine, seen.seen_at) for machine in found]
        return rest.SiteMachines(
            site=site, machines=tuple(others), problem=seen.problem, seen_at=seen.seen_at
        )


def existing(parts: Parts, tx: Transaction, name_or_id: str) -> MachineRecord:
    """The machine. Raises NotFound, also for one that the caller does not see, or InvalidArgument when
    several machines have that name."""
    machine = tx.machines.find(name_or_id, parts.caller.grant.site)
    if machine is None:
        raise errors.NotFound(
            f"There is no machine '{name_or_id}' under protection.",
            do="List machines with 'secondsite machine list'; protect this one with 'secondsite machine "
            f"enable-protection {shell.arguments(name_or_id, options='--source SITE --target SITE')}'.",
        )
    parts.names(machine)
    return machine


def _is_by_name(query: rest.MachineQuery) -> bool:
    is_sorted = query.sort is not rest.MachineSort.NAME or query.descending
    return not (is_sorted or query.search or query.finding)


def _after(cursor: str | None) -> tuple[str, str] | None:
    place = place_of(cursor, (str, str))
    return None if place is None else (str(place[0]), str(place[1]))


def _place(machine: RenderedMachine) -> Place:
    return machine.name, machine.id


def _within_what_is_kept(since: datetime | None, now: datetime) -> datetime:
    oldest = now - rpo_samples.KEPT
    if since is None:
        return oldest
    return max(oldest, since if since.tzinfo else since.replace(tzinfo=UTC))
