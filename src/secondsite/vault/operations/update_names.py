"""Update names: the DNS names of a machine are changed to where it runs now, if a move could not change them
or a name was added since."""

from collections.abc import Sequence

from ...domain.lifecycle import RUNS_AT_TARGET_AT_REST, Verb
from ...jobs.model.context import StepContext
from ...jobs.model.definitions import Step
from ...jobs.model.outcomes import Outcome
from ..steps.operation import MachineOperation
from ..steps.sides import dns_names


class UpdateNames(MachineOperation):
    verb = Verb.UPDATE_NAMES

    def steps(self) -> Sequence[Step]:
        return (Step("names", self._names, title="DNS names"),)

    def _names(self, ctx: StepContext) -> Outcome:
        machine = self.machine(ctx)
        if machine.state in RUNS_AT_TARGET_AT_REST:
            target = self.target(ctx, machine)
            return dns_names.update(self.deps, target, machine.target_fabric_id, at_home=machine.reversed)
        source = self.source(ctx, machine)
        return dns_names.update(self.deps, source, machine.source_fabric_id, at_home=not machine.is_away)
