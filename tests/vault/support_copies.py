"""Where copies of machines run, as far as the orders that were carried out say it, and whether two of one
ever did."""

from secondsite.domain.lifecycle import Verb
from secondsite.wire.control.orders import Kind


class Copies:
    """`two` tells, a sentence each, when the vault's orders let two copies of a machine run.

    An unplanned failover may leave the source running: it was not asked to stop, or could not be reached
    (docs/limits.md). That one copy is `left` until it is stopped, or is the machine again.
    """

    def __init__(self):
        self.two = []
        self.made = set()
        """(machine id, appliance) of each that ever ran."""
        self._runs = set()
        self._left = set()

    def running(self, machine_id):
        """The appliances at whose sites a copy runs."""
        return sorted(at for machine, at in self._runs if machine == machine_id)

    def run(self, machine_id, at):
        self._runs.add((machine_id, at))
        self.made.add((machine_id, at))

    def stop(self, machine_id, at):
        self._runs.discard((machine_id, at))
        self._left.discard((machine_id, at))

    def lose(self, at):
        """The site is destroyed, and all that ran there."""
        self._runs = {each for each in self._runs if each[1] != at}
        self._left = {each for each in self._left if each[1] != at}

    def observe(self, kind, job_name, machine_id, at):
        """The order was carried out at an appliance, for a job of that name."""
        if kind is Kind.RESTART:
            self._left.discard((machine_id, at))
        others = [each for each in self.running(machine_id) if each != at]
        if kind is Kind.START_REPLICA and job_name == Verb.FAILOVER:
            self._left |= {(machine_id, each) for each in others}
        running = self.running(machine_id)
        if len([each for each in running if (machine_id, each) not in self._left]) > 1:
            self.two.append(f"{kind} of a {job_name} at {at}: {machine_id} runs at {' and '.join(running)}")
