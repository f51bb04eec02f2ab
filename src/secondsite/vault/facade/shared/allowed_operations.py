"""The allowed operations of a protected machine, and why the others are not allowed. Pure.

Most machines are in the same situation, so a result is kept for all with an equal `MachineSituation`, which
holds all that it depends on.
"""

from dataclasses import dataclass
from functools import lru_cache

from ....domain import allowed_operations, power_states
from ....domain.allowed_operations import MachineSituation
from ....domain.lifecycle import Verb
from ....wire import rest
from ....wire.control.statuses import ReplicaStatus
from ...health.findings import Situation
from ...health.identity_cache import IdentityCache
from ...steps.lookup import is_committed

REMEMBERED = 500


@dataclass(frozen=True, slots=True)
class AllowedOperations:
    """The verbs that are worth trying, and the others, each with what prevents it."""

    allowed: tuple[Verb, ...]
    refused: tuple[rest.RefusedOperation, ...]


def of(situation: Situation) -> AllowedOperations:
    machine, status = situation.machine, situation.status
    sides = ((machine.source_site, situation.source), (machine.target_site, situation.target))
    power = status.source.power if status.source else None
    return _decided(
        MachineSituation(
            name=machine.name if power in power_states.OBSTACLES else "",  # others do not name it
            state=machine.state,
            drill=machine.drill_state,
            source_site=machine.source_site,
            target_site=machine.target_site,
            away=frozenset(site for site, appliance in sides if appliance is None or not appliance.connected),
            has_points=_has_points(status.replica) if status.replica else None,
            has_choice=_has_choice(status.replica)
            if status.replica and machine.failed_over_point_id
            else None,
            power=power,
            has_other_host=situation.has_other_host,
            committed=machine.failed_over_point_id is not None and is_committed(machine, status),
        )
    )


@IdentityCache
def _has_points(replica: ReplicaStatus) -> bool:
    return any(not point.committed for point in replica.points)


@IdentityCache
def _has_choice(replica: ReplicaStatus) -> bool:
    whole = [point for point in replica.points if not point.damaged]
    return len(whole) > 1 or any(stretch.cycles for stretch in replica.journal)


@lru_cache(REMEMBERED)
def _decided(standing: MachineSituation) -> AllowedOperations:
    refused = allowed_operations.refused(standing)
    return AllowedOperations(
        allowed=tuple(verb for verb in Verb if verb not in refused),
        refused=tuple(
            rest.RefusedOperation(operation=verb, why=no.why, do=no.do) for verb, no in refused.items()
        ),
    )
