"""The whole vault at a glance."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

from .....domain.access.approvals import Stage
from .....wire import rest
from .....wire.rest.glance.job_rows import JobRow
from .....wire.rest.glance.machine_rows import MachineRow
from .....wire.rest.glance.overview import NamedMachine, Need, Overview, StoreForecast
from ....store import ApplianceRecord, Transaction
from ....watch.situations import SituationContext
from ...parts import ANSWER_SECONDS, Parts
from ...shared import machine_shapes, overviews, prerendered_machines
from ..approvals import Approvals
from ..info import Info
from .board import at_work
from .boards import Boards, sight

W = TypeVar("W", bound=StrEnum)
MOST_APPROVALS, MOST_STORES, MOST_AWAY = 20, 100, 100
Kind = tuple[str, Sequence[MachineRow]]


class Overviews:
    def __init__(self, parts: Parts, boards: Boards) -> None:
        self._parts = parts
        self._boards = boards

    def as_json(self) -> str:
        """What needs somebody now, how fresh and how ready everything is: an `Overview` as JSON. Callers who
        see the same share it until something has changed, or everything is looked at again. Raises
        StoreUnavailable."""
        caller = self._parts.caller
        # a request for approval is also seen by its asker
        key = "overview", sight(caller), caller.token_id
        left_seconds = min(self._parts.seconds_left(), ANSWER_SECONDS)
        return self._parts.pages.give(key, self._shared, left_seconds)

    def _shared(self) -> str:
        with self._boards.looked_at(self._parts, whole=True) as board:
            rows, jobs, mark = board.rows(), at_work(board.jobs.values()), board.mark()
            answers = board.answers
        wanted = rest.ApprovalQuery(stage=(Stage.ASKED,), limit=MOST_APPROVALS)
        approvals = Approvals(self._parts).list(wanted).items
        key = "overview", *(each.model_dump_json() for each in approvals)
        made = answers.get(key)
        if made is None:
            with self._parts.store.reading() as tx:
                made = answers[key] = self._made(tx, rows, jobs, approvals, mark).model_dump_json()
        return made

    def _made(
        self,
        tx: Transaction,
        rows: Sequence[MachineRow],
        jobs: Sequence[JobRow],
        approvals: tuple[rest.Approval, ...],
        mark: str,
    ) -> Overview:
        site, now = self._parts.caller.grant.site, self._parts.now()
        appliances = tx.appliances.list(site)
        policies = {policy.name: policy for policy, _read_only in tx.policies.list()}
        sites = [each.name for each in tx.sites.list() if self._parts.sees(each.name)]
        return Overview(
            at=now,
            mark=mark,
            machines=len(rows),
            by_state=_counted(row.state for row in rows),
            by_health=_counted(row.health for row in rows),
            needs=tuple(self._needs(tx, overviews.needs(rows))),
            vault_findings=Info(self._parts).findings(tx) if site is None else (),
            away=tuple(each.name for each in appliances if not each.connected)[:MOST_AWAY],
            approvals=approvals,
            jobs=overviews.jobs(jobs),
            rpo=overviews.rpo(rows, now),
            readiness=overviews.readiness(rows, tx.machines.list(site), policies),
            stores=tuple(self._stores(appliances)),
            sites=overviews.nodes(sites, appliances, rows),
            edges=overviews.edges(rows, now),
        )

    def _needs(self, tx: Transaction, kinds: Sequence[Kind]) -> Iterator[Need]:
        examples = self._examples(tx, kinds)
        for code, having in kinds:
            example = examples.get((having[0].id, code))
            if example is not None:  # else it went meanwhile
                named = having[: overviews.NAMED]
                yield Need(
                    code=code,
                    severity=example.severity,
                    count=len(having),
                    machines=tuple(NamedMachine(id=each.id, name=each.name) for each in named),
                    example=example,
                )

    def _examples(self, tx: Transaction, kinds: Sequence[Kind]) -> Mapping[tuple[str, str], rest.Finding]:
        """The findings of the first machine of each kind, by its id and their code."""
        parts, now = self._parts, self._parts.now()
        found = tx.machines.several(sorted({having[0].id for _code, having in kinds}))
        around = SituationContext.of(tx, parts.facts, parts.authority, parts.deps.drill_counts)
        return {
            (situation.machine.id, finding.code): machine_shapes.finding_shape(finding)
            for situation in around.situations(tx, parts.facts, found)
            for finding in prerendered_machines.findings_of(situation, now)
        }

    def _stores(self, appliances: Sequence[ApplianceRecord]) -> Sequence[StoreForecast]:
        known = self._parts.facts.stores
        found = [
            StoreForecast(
                appliance=appliance.name,
                site=appliance.site,
                store=store.name,
                free_bytes=store.free_bytes,
                size_bytes=store.size_bytes,
                problem=store.problem,
                full_at=known.full_at(appliance.id, store.name),
            )
            for appliance in appliances
            for store in appliance.stores
        ]
        return sorted(found, key=_soonest)[:MOST_STORES]


def _soonest(store: StoreForecast) -> tuple[bool, bool, float, float]:
    """Stores with a problem first, then by when they are full, then by how much of them is free."""
    full = store.full_at.timestamp() if store.full_at is not None else 0.0
    free = (store.free_bytes or 0) / (store.size_bytes or 1)
    return store.problem is None, store.full_at is None, full, free


def _counted(words: Iterable[W]) -> Mapping[W, int]:
    return dict(sorted(Counter(words).items()))
