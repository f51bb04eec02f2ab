"""secondsite plan ..."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import pydantic
import typer

from ...client import validation_messages
from ...domain import errors
from ...domain.amounts import span
from ...domain.lifecycle import Verb
from ...wire import rest
from ...wire.rest.plans import PlanHeldChecks
from .. import exit_codes, output, risk
from ..amount_options import whole_seconds
from ..former_words import Noun
from ..options import Json, SyncLocation, Way, connect
from ..output import clock
from ..verbs import choices as offered
from ..verbs import plans as verbs

app = typer.Typer(
    cls=Noun,
    no_args_is_help=True,
    help="Recovery plans: machines that are recovered together, group by group.",
)
verbs.register(app)
GroupsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--group",
        help="Names or ids of the machines of a group, between commas; once for each group, in their order.",
        metavar="MACHINE,...",
        show_default=False,
    ),
]
GoalOption = Annotated[
    int | None,
    typer.Option(
        "--rto-goal",
        parser=whole_seconds,
        help="How long a run may take until its last machine is proven to run; 0: no goal.",
        metavar="SPAN",
        show_default=False,
    ),
]
HeldOption = Annotated[
    int | None,
    typer.Option(
        "--commit-after",
        parser=whole_seconds,
        help=(
            "After a failover: commit by itself once the checks of all its machines have held for so long, "
            "at least 5m; 0: never."
        ),
        metavar="SPAN",
        show_default=False,
    ),
]
FileOption = Annotated[
    Path | None,
    typer.Option(
        "--file",
        help=(
            'Instead: a JSON file with all of it, also its actions: {"groups": [{"machines": [...], '
            '"before": [...]}]}.'
        ),
        show_default=False,
    ),
]


@app.command("list")
def show_list(context: typer.Context, as_json: Json = False) -> None:
    """All plans, with the machines of their groups."""
    with connect(context) as vault:
        plans = vault.plans.list()
    if as_json:
        output.show_json(plans)
        return
    output.show_table(
        plans,
        (
            ("name", lambda p: p.name),
            ("changed", lambda p: clock(p.changed_at)),
            ("groups", lambda p: "; ".join(", ".join(m.name for m in group.machines) for group in p.groups)),
            ("obstacles", lambda p: len(p.obstacles) or "none"),
        ),
        "No plans: secondsite plan create NAME --group MACHINE,MACHINE --group MACHINE",
    )


@app.command()
def show(context: typer.Context, plan: verbs.Name, as_json: Json = False) -> None:
    """A plan: its groups in their order, their machines, and what is to be done before and after each."""
    with connect(context) as vault:
        _shown(vault.plans[plan].show(), as_json)


@app.command()
def create(
    context: typer.Context,
    plan: verbs.Name,
    groups: GroupsOption = None,
    file: FileOption = None,
    rto_goal: GoalOption = None,
    commit_after: HeldOption = None,
    as_json: Json = False,
) -> None:
    """Create a plan. Its machines are protected already, and stay as they are."""
    wanted = _wanted(groups, file)
    goal = wanted.rto_goal_seconds if rto_goal is None else rto_goal
    held = wanted.commit_after_held_seconds if commit_after is None else commit_after
    with connect(context) as vault:
        made = vault.plans.create(plan, wanted.groups, rto_goal_seconds=goal, commit_after_held_seconds=held)
        _shown(made, as_json)


@app.command("set")
def change(
    context: typer.Context,
    plan: verbs.Name,
    groups: GroupsOption = None,
    file: FileOption = None,
    rto_goal: GoalOption = None,
    commit_after: HeldOption = None,
    as_json: Json = False,
) -> None:
    """Give a plan other groups: those that are not named are not in it any more; or another goal, or another
    time until it commits by itself, alone. Refused if somebody changes it meanwhile."""
    keeps_groups = (rto_goal, commit_after) != (None, None) and not groups and file is None
    wanted = None if keeps_groups else _wanted(groups, file)
    with connect(context) as vault:
        seen = vault.plans[plan].show()
        kept = wanted.groups if wanted is not None else tuple(map(_as_it_is, seen.groups))
        goal = _amount("rto_goal_seconds", rto_goal, wanted, seen)
        held = _amount("commit_after_held_seconds", commit_after, wanted, seen)
        made = vault.plans[plan].set(kept, rto_goal_seconds=goal, commit_after_held_seconds=held, seen=seen)
        _shown(made, as_json)


@app.command("keep-open")
def keep_open(context: typer.Context, plan: verbs.Name, as_json: Json = False) -> None:
    """Leave the plan's last failover uncommitted, although it is set to commit by itself: a person commits it
    then, with 'secondsite plan commit PLAN'."""
    with connect(context) as vault:
        _shown(vault.plans[plan].keep_open(), as_json)


@app.command()
def delete(context: typer.Context, plan: verbs.Name, yes: risk.Yes = False, as_json: Json = False) -> None:
    """Delete a plan; its machines stay protected."""
    risk.accept_deletion("plan", plan, yes)
    with connect(context) as vault:
        vault.plans[plan].delete()
    output.show_deleted("plan", plan, as_json)


@app.command()
def preview(
    context: typer.Context,
    plan: verbs.Name,
    verb: Annotated[
        str, typer.Option(help="What the plan would be run for, such as planned-failover.", metavar="VERB")
    ] = "failover",
    choice: verbs.Choice = None,
    data_sync: verbs.DataSyncOption = None,
    location: SyncLocation = None,
    target_appliance: verbs.SyncAppliance = None,
    group: verbs.GroupsOption = None,
    leave_out: verbs.LeaveOut = None,
    direction: Way = None,
    as_json: Json = False,
) -> None:
    """What a run of the plan would do now: which machines it takes, which way, from which points, and what
    they lose."""
    part = verbs.part(group, leave_out, direction)
    with connect(context) as vault:
        found = vault.plans[plan].preview(
            _verb(verb),
            choice=choice,
            data_sync=data_sync,
            location=location,
            target_appliance=target_appliance,
            **part,
        )
    if as_json:
        output.show_json(found)
        raise typer.Exit(exit_codes.of_problem(found.problem))
    verbs.show_preview(found)
    if found.problem is not None:
        raise found.problem.raised()


@app.command()
def choices(
    context: typer.Context,
    plan: verbs.Name,
    verb: offered.For = "failover",
    group: verbs.GroupsOption = None,
    leave_out: verbs.LeaveOut = None,
    direction: Way = None,
    as_json: Json = False,
) -> None:
    """Exactly what may be chosen for a run of the plan now: each choice with its instant, and what the
    machines would lose."""
    part = verbs.part(group, leave_out, direction)
    with connect(context) as vault:
        found = vault.plans[plan].choices(offered.verb_of(verb), **part)
    if as_json:
        output.show_json(found)
        return
    offered.show(offered.of_plan(found.choices), "The machines have no recovery point in common.")


def _verb(word: str) -> Verb:
    by_word = {each.value.replace("_", "-"): each for each in verbs.VERBS}
    found = by_word.get(word.replace("_", "-"))
    if found is None:
        raise errors.InvalidArgument(
            f"A plan is not run for '{word}'.", do=f"Give one of: {', '.join(by_word)}."
        )
    return found


def _amount(name: str, given: int | None, wanted: rest.PlanChange | None, seen: rest.Plan) -> int:
    """One of the plan's amounts in seconds, by its name. A file contains it with everything else; other
    groups alone leave it as it is."""
    if given is not None:
        return given
    said = wanted is not None and name in wanted.model_fields_set
    return int(getattr(wanted if said else seen, name))


def _as_it_is(group: rest.PlanGroup) -> rest.PlanGroupChange:
    machines = tuple(each.id for each in group.machines)
    return rest.PlanGroupChange(machines=machines, before=group.before, after=group.after)


def _wanted(groups: Sequence[str] | None, file: Path | None) -> rest.PlanChange:
    if bool(groups) is (file is not None):
        raise errors.InvalidArgument(
            "The groups of a plan are given by --group, or by --file.", do="Give one of the two."
        )
    if file is not None:
        return _read(file)
    parts = [tuple(part.strip() for part in each.split(",")) for each in groups or ()]
    for given, names in zip(groups or (), parts, strict=True):
        if not all(names):
            raise errors.InvalidArgument(
                f"--group '{given}' names a machine without a name.",
                do="Give names or ids between commas; leave out a group without machines.",
            )
    return rest.PlanChange(groups=tuple(rest.PlanGroupChange(machines=each) for each in parts))


def _read(file: Path) -> rest.PlanChange:
    try:
        return rest.PlanChange.model_validate(json.loads(file.read_text()))
    except pydantic.ValidationError as error:
        raise errors.InvalidArgument(
            f"{file}: {validation_messages.first(error)}.",
            do="Correct the file and repeat: the plan is as it was.",
        ) from None
    except OSError as error:
        raise errors.InvalidArgument(
            f"{file} cannot be read: {error.strerror}.", do="Name a file that is there with --file."
        ) from error
    except ValueError as error:
        raise errors.InvalidArgument(
            f"{file} is no JSON: {error}.", do="Correct the file and repeat: the plan is as it was."
        ) from error


def _shown(plan: rest.Plan, as_json: bool) -> None:
    if as_json:
        output.show_json(plan)
        return
    goal = f", RTO goal {span(plan.rto_goal_seconds)}" if plan.rto_goal_seconds else ""
    held = plan.commit_after_held_seconds
    commits = f", commits by itself after its checks held for {span(held)}" if held else ""
    output.say(f"plan {plan.name}, changed {clock(plan.changed_at)}{goal}{commits}")
    for number, group in enumerate(plan.groups, start=1):
        output.say(f"group {number}:")
        for action in group.before:
            _show_action("before", action)
        for machine in group.machines:
            way = f"{machine.source_site} to {machine.target_site}"
            output.say(f"  {machine.name}: {output.words(machine.state or 'not protected any more')}, {way}")
        for action in group.after:
            _show_action("after", action)
    for each in plan.obstacles:
        output.say(f"obstacle: {each}")
    if plan.held_checks is not None:
        output.say(_held(plan.held_checks))


def _held(known: PlanHeldChecks) -> str:
    """What became of its commit by itself."""
    if known.job_id is not None:
        return f"committed by itself, by job {known.job_id}"
    if known.kept_open_by is not None:
        return f"kept open by {known.kept_open_by}, {clock(known.kept_open_at)}: a person commits it"
    if known.since is None or known.commits_not_before is None:
        return f"does not commit by itself now: {known.problem or 'its checks are being run'}"
    since, at = clock(known.since), clock(known.commits_not_before)
    return f"checks have held since {since}: it commits by itself, not before {at}"


def _show_action(when: str, action: rest.PlanAction) -> None:
    kinds, ways = ", ".join(action.kinds), ", ".join(action.directions)
    what = action.instruction
    if action.script is not None:
        what = (
            f"runs script {action.script}, {action.timeout_seconds:g} s at most{': ' if what else ''}{what}"
        )
    output.say(f"  {when}: {action.name} ({kinds}; {ways}): {what}")
