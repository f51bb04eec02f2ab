"""An operator declares that a site is gone: verbs go on without it, say what is lost, and finish there if it
returns."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from ....domain import errors
from ....jobs.model.context import StepContext
from ....jobs.model.outcomes import Outcome, Skipped
from ....jobs.storage.database import Session
from ....wire import rest
from ....wire.common.base import Shape
from ...store import MachineRecord
from ..deps import Deps
from ..sides.side import Ask, Side
from ..sides.target import Target
from . import finish_later

P = TypeVar("P", bound=Shape)
F = TypeVar("F", bound=Shape)


class WithoutSite(Shape):
    """The site that the operator gave up; None: none."""

    without_site: str | None = None


def given_up(
    deps: Deps, machine: MachineRecord, request: rest.WithoutSiteOptions, possible: tuple[str, ...]
) -> str | None:
    """The site that the request gives up, one of those `possible`; raises InvalidArgument, or
    NotPossibleNow for a site that answers."""
    site = request.without_site
    if site is None:
        return None
    if site not in possible:
        names = " or ".join(possible)
        raise errors.InvalidArgument(
            f"This verb can go on for {machine.name} without site {names}, not without '{site}'.",
            do=(
                f"Give --without-site {names} if that site is gone for good; without the option nothing is "
                "left out."
            ),
        )
    appliance = machine.source_appliance_id if site == machine.source_site else machine.target_appliance_id
    if deps.gateway.is_connected(appliance):
        raise errors.NotPossibleNow(
            f"The appliance of site {site} is connected, so nothing needs to be left out for {machine.name}.",
            do="Start the verb without --without-site.",
        )
    return site


@dataclass(frozen=True, slots=True)
class Need(Generic[P, F]):
    """An order that a verb needs at a site. `lost` is a sentence on what it means to go on without it,
    `later` on what is done when the site returns."""

    asked: Ask[P, F]
    lost: str
    later: str


def unless_given_up(deps: Deps, ctx: StepContext, side: Side, need: Need[P, F]) -> Outcome:
    """The answer to the order; if the side was given up and does not answer, the step is skipped, and the
    order given later."""
    may_be_left = ctx.arguments(WithoutSite).without_site == side.site
    if may_be_left and not deps.gateway.is_connected(side.appliance_id):
        return left_for_later(deps, side, need)
    try:
        return side.ask(need.asked).done()
    except errors.ApplianceUnreachable as error:
        if not may_be_left:
            raise with_a_way_on(error, side, need.lost) from error
        return left_for_later(deps, side, need)


def undone_or_left(deps: Deps, side: Side, need: Need[P, F]) -> Outcome:
    """For the undo of a step: a site that is away delays the end of the job by seconds, and is told when it
    returns."""
    try:
        return side.ask(need.asked).done()
    except errors.ApplianceUnreachable:
        return left_for_later(deps, side, need, undoes=True)


def left_for_later(
    deps: Deps, side: Side, need: Need[P, F], undoes: bool = False, outdated: bool = False
) -> Skipped:
    """The step is skipped; a job gives its order when the site returns."""

    def later(session: Session) -> None:
        asked = need.asked
        finish_later.submit(
            deps, session, side, asked.order, asked.payload, need.later, undoes=undoes, outdated=outdated
        )

    return Skipped(
        f"without site {side.site}: {need.lost}. If the site returns within 30 days, {need.later}", later
    )


def remove_given_up(deps: Deps, target: Target) -> str:
    """The beginning of a sentence. A copy that was given up has to be removed when its site returns; a
    failover that comes before that removes it, although what it wrote is in no point. Once the verb's own
    start was ordered, a copy there may be its own, and is left."""
    if not is_given_up(deps, target):
        return ""
    return f"{target.ask(target.to_stop_failed_over()).sentence}, and was given up; "


def is_given_up(deps: Deps, target: Target) -> bool:
    """Whether there may be a copy that has to be removed once its site returns."""
    stop = target.to_stop_failed_over()
    with deps.store.reading() as tx:
        is_left = finish_later.has_left(tx, target, stop.order, stop.payload)
    return is_left and not target.machine.start_ordered


def with_a_way_on(error: errors.ApplianceUnreachable, side: Side, lost: str) -> errors.ApplianceUnreachable:
    """The error, with how the verb can go on without the site, and what is lost then."""
    return errors.ApplianceUnreachable(
        error.message,
        do=f"Start the appliance of site {side.site}, then retry the job. If the site is gone for good, "
        f"start the verb again with '--without-site {side.site}': {lost}.",
    )
