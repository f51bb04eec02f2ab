"""The verbs on recovery plans. Each shows first what it would do, asks, starts a job and follows it to its
end."""

import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NoReturn

import typer

from ...client.nouns.plans import PlanHandle
from ...domain import errors
from ...domain.amounts import span
from ...domain.lifecycle import Verb
from ...domain.points import RecoveryPointChoice
from ...domain.prediction.data_sync import DataSync
from ...ground.plural import counted
from ...wire import rest
from .. import follow, output
from ..options import (
    CleanUp,
    DnsServer,
    DrillVerdict,
    Json,
    KeepIfFailed,
    NoWait,
    StayOpen,
    Subnet,
    SyncLocation,
    SyncStore,
    Way,
    WithoutSite,
    connect,
)
from ..output import clock
from . import connecting, data_synchronization, instants, predictions, properties, second_copies

Name = Annotated[str, typer.Argument(help="Name of the plan.", metavar="PLAN", show_default=False)]
STARTS = frozenset({Verb.TEST_FAILOVER, Verb.FAILOVER, Verb.PLANNED_FAILOVER, Verb.CHANGE_RECOVERY_POINT})
"""Verbs that start a machine at the other site."""
GroupsOption = Annotated[
    list[int] | None,
    typer.Option("--group", help="Only this group, by its number; once for each.", show_default=False),
]
LeaveOut = Annotated[
    list[str] | None,
    typer.Option(
        "--leave-out",
        help="Not this machine; once for each.",
        metavar="MACHINE",
        show_default=False,
    ),
]
Choice = Annotated[
    RecoveryPointChoice | None,
    typer.Option(
        "--choice", help="How each machine's point is chosen; custom is not for plans.", show_default=False
    ),
]
DataSyncOption = Annotated[
    DataSync | None,
    typer.Option(
        "--data-sync",
        help="Home, also machines that were not reprotected. before: synchronized while they run, only "
        "changes, then the job waits for your answer; during: each group is shut down first, and all its "
        "data is sent without comparing.",
        show_default=False,
    ),
]
PLACE = ("location", "target_appliance")
"""Options of a data synchronization that its preview knows."""
SyncAppliance = Annotated[
    str | None,
    typer.Option(
        "--target-appliance",
        metavar="APPLIANCE",
        help="With --data-sync: which appliance will have all of them.",
        show_default=False,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask whether to begin.")]


def test_failover(
    context: typer.Context,
    plan: Name,
    choice: Choice = None,
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
    group: GroupsOption = None,
    leave_out: LeaveOut = None,
    direction: Way = None,
    yes: Yes = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """A drill: run copies in an isolated network, group after group. Cancelled, it cleans up what it made."""
    asked = rest.PlanTestFailover(
        **part(group, leave_out, direction),
        **_chosen(choice),
        network=network,
        subnet=subnet,
        dns_servers=tuple(dns_server or ()),
        clean_up=clean_up,
        keep_if_failed=keep_if_failed,
        stay_open=stay_open,
    )
    _run(context, plan, Verb.TEST_FAILOVER, asked, yes, no_wait, as_json)


def cleanup_test_failover(
    context: typer.Context,
    plan: Name,
    notes: Annotated[
        str, typer.Option(help="What was seen; kept with the record of each machine's drill.")
    ] = "",
    verdict: DrillVerdict = None,
    without_site: WithoutSite = None,
    group: GroupsOption = None,
    leave_out: LeaveOut = None,
    direction: Way = None,
    yes: Yes = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """End the drill of each machine: remove the test machines and their networks, keep notes and verdict."""
    asked = rest.PlanCleanupTestFailover(
        **part(group, leave_out, direction), notes=notes, verdict=verdict, without_site=without_site
    )
    _run(context, plan, Verb.CLEANUP_TEST_FAILOVER, asked, yes, no_wait, as_json)


def failover(
    context: typer.Context,
    plan: Name,
    choice: Choice = None,
    shut_down: Annotated[
        bool,
        typer.Option(
            "--shut-down",
            help="Try to shut each source down and send its last changes; goes on if it can't.",
        ),
    ] = False,
    while_running: second_copies.WhileRunning = None,
    group: GroupsOption = None,
    leave_out: LeaveOut = None,
    direction: Way = None,
    yes: Yes = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """The source is in trouble: start the machines at the target, group after group. Goes on to the end
    whatever fails."""
    asked = rest.PlanFailover(
        **part(group, leave_out, direction), **_chosen(choice), shut_down_source=shut_down
    )
    _run(context, plan, Verb.FAILOVER, asked, yes, no_wait, as_json, while_running or ())


def planned_failover(
    context: typer.Context,
    plan: Name,
    choice: instants.Failback = None,
    data_sync: DataSyncOption = None,
    location: SyncLocation = None,
    target_appliance: SyncAppliance = None,
    store: SyncStore = None,
    group: GroupsOption = None,
    leave_out: LeaveOut = None,
    direction: Way = None,
    yes: Yes = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Move the machines without losing a write, group after group: also the way back (failback). Stops at
    an error."""
    asked = rest.PlanPlannedFailover(
        **part(group, leave_out, direction), **_chosen(choice), data_sync=data_sync,
        location=location, target_appliance=target_appliance, store=store,
    )  # fmt: skip
    _run(context, plan, Verb.PLANNED_FAILOVER, asked, yes, no_wait, as_json)


def change_recovery_point(
    context: typer.Context,
    plan: Name,
    choice: Choice = None,
    group: GroupsOption = None,
    leave_out: LeaveOut = None,
    direction: Way = None,
    yes: Yes = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Start the failed-over machines again from other points. Possible until commit."""
    asked = rest.PlanChangeRecoveryPoint(**part(group, leave_out, direction), **_chosen(choice))
    _run(context, plan, Verb.CHANGE_RECOVERY_POINT, asked, yes, no_wait, as_json)


def commit(
    context: typer.Context,
    plan: Name,
    without_site: WithoutSite = None,
    group: GroupsOption = None,
    leave_out: LeaveOut = None,
    direction: Way = None,
    yes: Yes = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Accept the failover of each machine: keep its point, delete the others."""
    asked = rest.PlanCommit(**part(group, leave_out, direction), without_site=without_site)
    _run(context, plan, Verb.COMMIT, asked, yes, no_wait, as_json)


def cancel_failover(
    context: typer.Context,
    plan: Name,
    without_site: WithoutSite = None,
    group: GroupsOption = None,
    leave_out: LeaveOut = None,
    direction: Way = None,
    yes: Yes = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Undo a planned failover before commit: the old machines run again and replication goes on."""
    asked = rest.PlanCancelFailover(**part(group, leave_out, direction), without_site=without_site)
    _run(context, plan, Verb.CANCEL_FAILOVER, asked, yes, no_wait, as_json)


def reprotect(
    context: typer.Context,
    plan: Name,
    location: Annotated[
        rest.Location,
        typer.Option(help="original: onto the old disks, only changes are sent; alternate: a full copy."),
    ] = rest.Location.ORIGINAL,
    target_appliance: Annotated[
        str | None,
        typer.Option(
            "--target-appliance",
            "--appliance",
            help=(
                "With --location alternate: which appliance there will hold all replicas, as where the old "
                "one is gone."
            ),
        ),
    ] = None,
    group: GroupsOption = None,
    leave_out: LeaveOut = None,
    direction: Way = None,
    yes: Yes = False,
    no_wait: NoWait = False,
    as_json: Json = False,
) -> None:
    """Reverse replication of each machine, so that it can come home."""
    asked = rest.PlanReprotect(
        **part(group, leave_out, direction), location=location, target_appliance=target_appliance
    )
    _run(context, plan, Verb.REPROTECT, asked, yes, no_wait, as_json)


VERBS: dict[Verb, Callable[..., None]] = {
    Verb.TEST_FAILOVER: test_failover,
    Verb.CLEANUP_TEST_FAILOVER: cleanup_test_failover,
    Verb.FAILOVER: failover,
    Verb.PLANNED_FAILOVER: planned_failover,
    Verb.CHANGE_RECOVERY_POINT: change_recovery_point,
    Verb.COMMIT: commit,
    Verb.CANCEL_FAILOVER: cancel_failover,
    Verb.REPROTECT: reprotect,
}


def register(app: typer.Typer) -> None:
    """Adds the verbs to the noun 'plan'."""
    for verb, function in VERBS.items():
        app.command(verb.value.replace("_", "-"))(function)


def part(groups: GroupsOption, leave_out: LeaveOut, direction: Way) -> dict[str, Any]:
    """The part of the plan that a run is to take, as fields of its request."""
    return {"groups": tuple(groups or ()), "leave_out": tuple(leave_out or ()), "direction": direction}


def _chosen(choice: RecoveryPointChoice | None) -> dict[str, Any]:
    """The choice as a field of the request; no field if nothing was chosen: the verb's shape has the
    default."""
    return {} if choice is None else {"choice": choice}


def _run(
    context: typer.Context, plan: str, verb: Verb, asked: rest.PlanPart, yes: bool, no_wait: bool,
    as_json: bool,
    beside: Sequence[str] = (),
) -> NoReturn:  # fmt: skip
    """Show what the run would do, ask, and follow the job to its end. `beside`: the machines that run on
    beside their copies."""
    with connect(context) as vault:
        found = vault.plans[plan]
        seen = found.show()
        if not yes:
            _show(found, verb, asked)
        if isinstance(asked, rest.PlanFailover):
            second_copies.warn_of_memory_in_plan(vault, seen, asked)
            if not asked.shut_down_source:
                second_copies.accept_plan(vault, seen, asked, beside)
        if not yes:
            typer.confirm("Begin?", abort=True, err=True)
        ended = follow.to_its_end(vault, found.run(verb, asked, seen=seen), no_wait, as_json)
    raise typer.Exit(ended)


def _show(plan: PlanHandle, verb: Verb, asked: rest.PlanPart) -> None:
    """Show what the run would do. Raises InvalidArgument if nobody can be asked, and the error that makes the
    run impossible."""
    if not sys.stdin.isatty():
        raise errors.InvalidArgument(
            "Before a plan is run somebody has to confirm what it will do, and nobody can be asked here.",
            do=(
                f"Give --yes once you have seen what 'secondsite plan preview {shlex.quote(plan.name)} "
                f"--verb {verb.value.replace('_', '-')}' shows."
            ),
        )
    preview = plan.preview(verb, **_part(asked))
    show_preview(preview, output.warn)
    if preview.problem is not None:
        raise preview.problem.raised()


def _part(asked: rest.PlanPart) -> dict[str, object]:
    taken: dict[str, object] = {
        "groups": asked.groups,
        "leave_out": asked.leave_out,
        "direction": asked.direction,
    }
    for option in ("choice", "data_sync", *(PLACE if getattr(asked, "data_sync", None) else ())):
        if (given := getattr(asked, option, None)) is not None:
            taken[option] = given
    return taken


def show_preview(preview: rest.PlanPreview, say: Callable[[str], None] = output.say) -> None:
    """Print a preview of a run, for a person who is about to confirm it."""
    count = counted(sum(len(group.machines) for group in preview.groups), "machine")
    if preview.problem is None:
        say(f"{preview.verb.replace('_', ' ')} of plan {preview.plan}: {count}, {preview.direction}")
    for line in (*data_synchronization.of_plan(preview), *_shut_down(preview)):
        say(line)
    for group in preview.groups:
        say(f"group {group.number}:")
        for each in group.before:
            say(f"  before: {each} ({_who(group, each)})")
        for machine in group.machines:
            say(f"  {_machine(machine, preview)}")
        for each in group.after:
            say(f"  after: {each} ({_who(group, each)})")
    if preview.predicted is not None and preview.groups:
        say(predictions.plan_line(preview.predicted))
    for each in preview.left_out:
        say(f"left out: {each}")
    for each in preview.warnings:
        say(f"warning: {each}")


def _shut_down(preview: rest.PlanPreview) -> Sequence[str]:
    if len(preview.shut_down) < 2:
        return ()
    order = ", ".join(map(str, preview.shut_down))
    return (f"all machines are shut down before the first one starts, group by group: {order}",)


def _machine(machine: rest.PlanPreviewMachine, preview: rest.PlanPreview) -> str:
    return (
        f"{machine.name}: {machine.from_site} to "
        f"{machine.to_site}{_host(machine, preview.verb)}{_start(machine)}"
        f"{_there(machine, preview.verb)}"
        f"{predictions.machine(machine.predicted_seconds, machine.predicted_downtime_seconds)}"
        f"{'; ' if machine.hooks else ''}{predictions.hooks(machine.hooks)}"
        f"{data_synchronization.of_machine(machine, preview.data_sync)}"
        f"{connecting.summary(machine.connecting)}"
    )


def _who(group: rest.PlanPreviewGroup, action: str) -> str:
    return "runs a script" if action in group.scripts else "waits for a person"


def _host(machine: rest.PlanPreviewMachine, verb: Verb) -> str:
    """Where a verb that starts the machine starts it, if there is a choice of hosts."""
    if verb not in STARTS or not machine.other_hosts:
        return ""
    return f" at {machine.host} (else {', '.join(machine.other_hosts)})"


def _start(machine: rest.PlanPreviewMachine) -> str:
    if machine.problem is not None:
        return f"; {machine.problem.message}"
    if machine.point is None:
        return ""
    loses = "" if machine.loses_seconds is None else f", loses {span(machine.loses_seconds)} at most"
    return f"; from {clock(machine.point.taken_at)}{loses}"


def _there(machine: rest.PlanPreviewMachine, verb: Verb) -> str:
    """What a verb that starts the machine at the other site says of it there."""
    if verb not in STARTS:
        return ""
    there = properties.described(machine.second_site, drill=verb is Verb.TEST_FAILOVER)
    return f"; as {there}" if there else ""
