"""What is offered for a protected machine, and why the rest is not. Pure."""

from collections.abc import Mapping

from ....domain import offers
from ....domain.lifecycle import Verb
from ....domain.offers import Refused, Standing
from ....wire import rest
from ...steps.lookup import is_committed
from ...watch.health import Situation


def refused(situation: Situation) -> Mapping[Verb, Refused]:
    """The verbs that cannot succeed now."""
    machine, status = situation.machine, situation.status
    sides = ((machine.source_site, situation.source), (machine.target_site, situation.target))
    standing = Standing(
        name=machine.name,
        state=machine.state,
        drill=machine.drill_state,
        source_site=machine.source_site,
        target_site=machine.target_site,
        away=frozenset(site for site, appliance in sides if appliance is None or not appliance.connected),
        has_points=any(not point.committed for point in status.replica.points) if status.replica else None,
        power=status.source.power if status.source else None,
        committed=is_committed(machine, status),
    )
    return offers.refused(standing)


def shapes(found: Mapping[Verb, Refused]) -> tuple[rest.RefusedOperation, ...]:
    return tuple(rest.RefusedOperation(operation=verb, why=no.why, do=no.do) for verb, no in found.items())
