"""How long a verb will take for machines: their histories are read at once, however many they are."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ...domain.lifecycle import Verb
from ...domain.prediction import predicting
from ...domain.prediction.predicting import Prediction, Run
from .. import ports

Way = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Histories:
    """Runs of each machine the way that it would go now, and of all machines that way; the newest first."""

    own: Mapping[str, Sequence[Run]]
    others: Mapping[Way, Sequence[Run]]

    @classmethod
    def read(
        cls,
        tx: ports.Transaction,
        machines: Sequence[ports.MachineRecord],
        verbs: Collection[Verb],
    ) -> "Histories":
        """One query for 1,000 machines, and one for each pair of sites. `verbs`: those whose runs are needed."""
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

    def predict(self, verb: Verb, machine: ports.MachineRecord) -> Prediction:
        return predicting.predict(verb, self.own.get(machine.id, ()), self.others.get(way(machine), ()))


def way(machine: ports.MachineRecord) -> Way:
    """From where it runs, or ran before it was failed over, to its replica."""
    return machine.source_site, machine.target_site


def _run(record: ports.RunTimeRecord) -> Run:
    return Run(record.verb, record.parts)
