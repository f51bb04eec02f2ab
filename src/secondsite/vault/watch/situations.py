"""The situations of many machines, put together: what they refer to is read once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ...domain.policies import ReplicationPolicy
from .. import ports
from .health import Situation
from .status_intake import StatusIntake


@dataclass(frozen=True, slots=True)
class Around:
    """What machines refer to."""

    policies: Mapping[str, ReplicationPolicy]
    appliances: Mapping[str, ports.ApplianceRecord]
    certificate_lifetime: timedelta
    ca_ends_at: datetime
    listens_since: datetime
    drill_counts: timedelta

    @classmethod
    def of(
        cls, tx: ports.Transaction, facts: StatusIntake, authority: ports.Authority, drill_counts: timedelta
    ) -> "Around":
        policies = {policy.name: policy for policy, _read_only in tx.policies.list()}
        appliances = {appliance.id: appliance for appliance in tx.appliances.list()}
        ends_at, lifetime = authority.ends_at, authority.appliance_lifetime
        return cls(policies, appliances, lifetime, ends_at, facts.listens_since, drill_counts)

    def situations(
        self, tx: ports.Transaction, facts: StatusIntake, found: Sequence[ports.MachineRecord]
    ) -> Iterator[Situation]:
        statuses = facts.latest_of(tx, [machine.id for machine in found])
        return (self._situation(machine, statuses[machine.id]) for machine in found)

    def _situation(self, machine: ports.MachineRecord, status: ports.StatusRecord) -> Situation:
        return Situation(
            machine=machine,
            status=status,
            policy=self.policies.get(machine.policy),
            source=self.appliances.get(machine.source_appliance_id),
            target=self.appliances.get(machine.target_appliance_id),
            certificate_lifetime=self.certificate_lifetime,
            ca_ends_at=self.ca_ends_at,
            listens_since=self.listens_since,
            drill_counts=self.drill_counts,
        )
