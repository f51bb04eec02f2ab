"""Histories of machines' runs, for predictions: read at once, however many machines there are. And the
direction in which a job moved its machine, for evidence, since the machine may have turned later."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel

from ...domain.lifecycle import Verb
from ...domain.prediction import predicting
from ...domain.prediction.predicting import Prediction, Run
from ...jobs.model.facts import Json, to_json
from ...wire.common.base import Shape
from ..store import MachineRecord, RunTimeRecord, Transaction
from .batch import Unread

Way = tuple[str, str]
TOLD_LATER = frozenset({Verb.TEST_FAILOVER, Verb.CLEANUP_TEST_FAILOVER, Verb.FAILOVER, Verb.PLANNED_FAILOVER})
"""Verbs whose jobs leave evidence."""
GOES = "goes"


class Goes(Shape):
    """The roles and the policy of the machine when its job was submitted, among the job's arguments. A
    reprotect changes both."""

    source_site: str
    target_site: str
    policy: str


class _WayArguments(Shape):
    goes: Goes | None = None


@dataclass(frozen=True, slots=True)
class Histories:
    """Runs of each machine in its present direction, and of all machines in that direction; the newest
    first."""

    own: Mapping[str, Sequence[Run]]
    others: Mapping[Way, Sequence[Run]]

    @classmethod
    def read(
        cls,
        tx: Transaction,
        machines: Sequence[MachineRecord],
        verbs: Collection[Verb],
    ) -> "Histories":
        """Reads the histories: one query for 1,000 machines, and one for each pair of sites. `verbs`: those
        whose runs are needed."""
        ways = {each.id: way(each) for each in machines}
        own: dict[str, list[Run]] = {}
        for each in tx.run_times.of_machines(ways, verbs):
            if (each.source_site, each.target_site) == ways[each.machine_id]:
                own.setdefault(each.machine_id, []).append(_run(each))
        others = {
            each: [_run(run) for run in tx.run_times.between(*each, predicting.OTHERS)]
            for each in sorted(set(ways.values()))
        }
        return cls(own, others)

    def predict(self, verb: Verb, machine: MachineRecord) -> Prediction:
        return predicting.predict(verb, self.own.get(machine.id, ()), self.others.get(way(machine), ()))


def way(machine: MachineRecord) -> Way:
    """From the site where the machine runs, or ran before its failover, to that of its replica."""
    return machine.source_site, machine.target_site


def _run(record: RunTimeRecord) -> Run:
    return Run(record.verb, record.parts)


def with_way(machine: MachineRecord, verb: Verb, arguments: BaseModel | None) -> BaseModel | None:
    """The arguments of the machine's job, with the direction."""
    if verb not in TOLD_LATER:
        return arguments
    goes = Goes(source_site=machine.source_site, target_site=machine.target_site, policy=machine.policy)
    return Unread({**to_json(arguments), GOES: to_json(goes)})


def as_it_went(machine: MachineRecord, arguments: Json) -> MachineRecord:
    """The machine in the roles that it had when its job was submitted; an older vault did not record them."""
    goes = _WayArguments.model_validate(arguments).goes
    return machine if goes is None else replace(machine, **goes.model_dump())
