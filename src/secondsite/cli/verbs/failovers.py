"""Verbs of drills and failovers, and what follows them until the failover is committed or taken back."""

from typing import Annotated

import typer

from ...client import Vault
from ...domain.drills import networks
from ...domain.lifecycle import State, Verb
from ...domain.points import RecoveryPointChoice
from ...domain.prediction.data_sync import DataSync
from ...wire import rest
from ...wire.rest.machines import Direction
from .. import amount_options
from ..options import (
    AtHost,
    CleanUp,
    DnsServer,
    DrillVerdict,
    Json,
    KeepIfFailed,
    MachineNames,
    NoWait,
    StayOpen,
    Subnet,
    SyncLocation,
    SyncStore,
    Way,
    WithoutSite,
)
from ..risk import Yes
from . import data_synchronization, instants, second_copies
from .confirming import Confirmation, run
from .instants import At, Choice, Failback, Point


def test_failover(
    context: typer.Context,
    machines: MachineNames,
    choice: Choice = None,
    point: Point = None,
    at: At = None,
    network: Annotated[
        str,
        typer.Option(
            help=(
                "'create' an isolated network, one for all machines; 'create-each': one for each network "
                "that they are in at home; 'none'; or the name of an existing one at the target."
            )
        ),
    ] = "create",
    subnet: Subnet = None,
    dns_server: DnsServer = None,
    clean_up: CleanUp = False,
    keep_if_failed: KeepIfFailed = False,
    stay_open: StayOpen = False,
    target_appliance: AtHost = None,
    yes: Yes = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """A drill: run a copy in an isolated network. Production and replication are not disturbed."""
    networks.checked(network, subnet, dns_server or ())  # before anybody is asked
    start = instants.start(choice, point, at, RecoveryPointChoice.LATEST_PROCESSED)
    ends = "; the copy is removed once its proof is there" if clean_up else ""
    where = {
        "create": "an isolated network",
        "create-each": "an isolated network for each of its own",
        "none": "no network",
    }.get(network, f"network {network}")
    about = Confirmation(
        lambda them: them.test_failover(
            choice=start.choice,
            point=start.point,
            at=start.at,
            network=network,
            subnet=subnet,
            dns_servers=tuple(dns_server or ()),
            clean_up=clean_up,
            keep_if_failed=keep_if_failed,
            stay_open=stay_open,
            target_appliance=target_appliance,
        ),
        lambda it: (
            f"a copy of it starts at {it.target_site}{_at(target_appliance)}, in {where}, and it runs on at "
            f"{it.source_site}{ends}"
        ),
        start,
        yes,
        Verb.TEST_FAILOVER,
    )
    run(context, machines, about, no_wait, as_json)


def cleanup_test_failover(
    context: typer.Context,
    machines: MachineNames,
    notes: Annotated[str, typer.Option(help="What was seen; kept with the drill's record.")] = "",
    verdict: DrillVerdict = None,
    without_site: WithoutSite = None,
    yes: Yes = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """End a drill: remove the test machine and its network, keep notes and verdict."""
    about = Confirmation(
        lambda them: them.cleanup_test_failover(notes=notes, verdict=verdict, without_site=without_site),
        lambda it: f"its test machine at {it.target_site} and the network of the drill are removed",
        yes=yes,
    )
    run(context, machines, about, no_wait, as_json)


def failover(
    context: typer.Context,
    machines: MachineNames,
    choice: Choice = None,
    point: Point = None,
    at: At = None,
    shut_down: Annotated[
        bool,
        typer.Option(
            "--shut-down", help="Try to shut the source down and send its last changes; goes on if it can't."
        ),
    ] = False,
    direction: Way = None,
    target_appliance: AtHost = None,
    while_running: second_copies.WhileRunning = None,
    yes: Yes = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """The source is in trouble: start the machines at the target. Never waits for a dead site."""
    start = instants.start(choice, point, at, RecoveryPointChoice.LATEST)
    first = "shut down if that can be done, then " if shut_down else ""
    about = Confirmation(
        lambda them: them.failover(
            choice=start.choice,
            point=start.point,
            at=start.at,
            shut_down_source=shut_down,
            direction=direction,
            target_appliance=target_appliance,
        ),
        lambda it: f"{first}started at {it.target_site}{_at(target_appliance)}, away from {it.source_site}",
        start,
        yes,
        Verb.FAILOVER,
        while_running=None if shut_down else while_running or (),
    )
    run(context, machines, about, no_wait, as_json)


def planned_failover(
    context: typer.Context,
    machines: MachineNames,
    choice: Failback = None,
    data_sync: Annotated[
        DataSync | None,
        typer.Option(
            help="For a machine that was committed and not reprotected: synchronize its data and move it "
            "home in one job. before: while it runs, only changes, then the job waits for your answer; "
            "during: shut it down first and send everything, without comparing.",
            show_default=False,
        ),
    ] = None,
    at_most_down: Annotated[
        float | None,
        typer.Option(
            parser=amount_options.seconds,
            metavar="SPAN",
            help="A budget for the downtime, such as 60s: changes are sent while the machine runs until the "
            "rest fits; if that does not come within 15 minutes it is not shut down, and runs on. Based "
            "on what its shutdown and start took before.",
            show_default=False,
        ),
    ] = None,
    direction: Way = None,
    target_appliance: AtHost = None,
    location: SyncLocation = None,
    store: SyncStore = None,
    yes: Yes = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Move machines without losing a write: also the way back (failback). Both sites must be up."""
    chosen = choice or RecoveryPointChoice.LATEST
    if data_sync is not None:
        place = data_synchronization.Place(location, target_appliance, store)
        about = data_synchronization.confirmed(data_sync, chosen, at_most_down, direction, yes, place)
        run(context, machines, about, no_wait, as_json)
    earlier = chosen is not RecoveryPointChoice.LATEST
    ends = "; what it wrote since its point is lost once it is committed" if earlier else "; nothing is lost"
    about = Confirmation(
        lambda them: them.planned_failover(
            choice=chosen,
            at_most_down_seconds=at_most_down,
            direction=direction,
            target_appliance=target_appliance,
            location=location,
            store=store,
        ),
        lambda it: (
            f"shut down at {it.source_site}, its last changes are sent, and it starts at "
            f"{it.target_site}{_at(target_appliance)}{ends}"
        ),
        instants.Start(chosen, None, None) if earlier else None,
        yes,
        Verb.PLANNED_FAILOVER,
    )
    run(context, machines, about, no_wait, as_json)


def _at(appliance: str | None) -> str:
    return f" on the host of '{appliance}', which takes its replica over" if appliance else ""


def change_recovery_point(
    context: typer.Context,
    machines: MachineNames,
    point: Point = None,
    choice: Choice = None,
    at: At = None,
    yes: Yes = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Start the failed-over machine from another point or another instant. Possible until commit."""
    start = instants.start(choice, point, at, RecoveryPointChoice.CUSTOM)
    about = Confirmation(
        lambda them: them.change_recovery_point(choice=start.choice, point=start.point, at=start.at),
        lambda it: (
            f"stopped at {it.target_site} and started again; what it wrote there since its failover is lost"
        ),
        start,
        yes,
    )
    run(context, machines, about, no_wait, as_json)


def commit(
    context: typer.Context,
    machines: MachineNames,
    without_site: WithoutSite = None,
    yes: Yes = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Accept the failover: keep its point, delete the others."""
    about = Confirmation(
        lambda them: them.commit(without_site=without_site),
        lambda it: (
            f"it stays at {it.target_site}; the recovery points that it was not started from are deleted"
        ),
        yes=yes,
        after=None if without_site else _follows,
    )
    run(context, machines, about, no_wait, as_json)


def _follows(vault: Vault, it: rest.Machine) -> str | None:
    """What follows the commit by itself; None if that is nothing, and nobody would expect it."""
    if it.source_site is None or it.target_site is None:
        return None
    pair = vault.pairs.show(it.source_site, it.target_site)
    moves = it.target_site in pair.settle and it.direction is Direction.FORWARD
    said = (_reverses(pair, it), f"then its disks move to {it.target_site}'s own storage by themselves")
    return "; ".join(filter(None, said if moves else said[:1])) or None


def _reverses(pair: rest.SitePair, it: rest.Machine) -> str | None:
    if it.state is not State.PLANNED_FAILED_OVER:
        return None
    if pair.reverse_after_commit:
        return f"then it is protected back to {it.source_site} by itself"
    return (
        f"it is not protected until a person reprotects it: so it is set between {it.source_site} and "
        f"{it.target_site}"
    )


def cancel_failover(
    context: typer.Context,
    machines: MachineNames,
    without_site: WithoutSite = None,
    yes: Yes = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Undo a planned failover before commit: the old machine runs again and replication goes on."""
    about = Confirmation(
        lambda them: them.cancel_failover(without_site=without_site),
        lambda it: (
            f"stopped at {it.target_site} and started at {it.source_site}; what it wrote at {it.target_site} "
            "is lost"
        ),
        yes=yes,
    )
    run(context, machines, about, no_wait, as_json)
