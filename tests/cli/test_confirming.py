"""At a terminal a verb says what it will do, and asks; elsewhere it wants a yes on its command line."""

import os
import pty
import re
import select
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from unittest.mock import MagicMock, Mock

import pytest

from rig.eventually import eventually
from secondsite.cli.verbs import data_synchronization, predictions, second_copies
from secondsite.domain import errors
from secondsite.domain.health import Health
from secondsite.domain.lifecycle import State, Verb, allowed_operations
from secondsite.domain.plans.directions import Direction
from secondsite.domain.points import RecoveryPointChoice
from secondsite.domain.prediction.data_sync import DataSync
from secondsite.domain.prediction.predicting import Basis
from secondsite.fabrics import simulated
from secondsite.fabrics.simulated.host.host import Host
from secondsite.wire import rest
from secondsite.wire.rest.predictions import Prediction

pytestmark = pytest.mark.slow
COMMAND = Path(sys.executable).with_name("secondsite")


def state(cli, name):
    return cli.must(f"machine show {name} --json").json["state"]


def at_a_terminal(line, typed, meanwhile=None):
    """What a person sees and answers there; gives the exit code and all that was shown. `meanwhile`: what
    happens while the question stands there."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([COMMAND, *line.split()], stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while meanwhile and b"Begin?" not in shown and (more := _heard(ours)):
            shown += more
        try:
            if meanwhile:
                meanwhile()
        finally:
            os.write(ours, f"{typed}\n".encode())
        shown += b"".join(iter(lambda: _read(ours), b""))
        os.close(ours)
    return process.returncode, " ".join(shown.decode().split())


def _heard(terminal):
    return _read(terminal) if select.select([terminal], [], [], 60)[0] else b""


def _read(terminal):
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other end is closed
        return b""


@pytest.mark.parametrize(
    ("verb", "told"),
    [
        ("failover --while-running {machine}", "started at b, away from a; from "),
        ("failover --shut-down", "shut down if that can be done, then started at b"),
        (
            "planned-failover",
            "shut down at a, its last changes are sent, and it starts at b; nothing is lost",
        ),
        ("test-failover", "a copy of it starts at b, in an isolated network, and it runs on at a; from "),
        ("test-failover --network none", "in no network"),
        ("disable-protection", "its recovery points at b are deleted"),
    ],
)
def test_what_will_happen_is_told_and_who_says_no_begins_nothing(cli, protected, verb, told):
    command, *options = verb.format(machine=protected).split()
    code, shown = at_a_terminal(f"machine {command} {protected} {' '.join(options)}", "n")
    assert code == 1
    assert f"{protected}: " in shown
    assert told in shown
    assert "Begin? [y/N]" in shown
    assert state(cli, protected) == "protected"


def test_before_a_commit_it_is_told_whether_the_machine_is_protected_back_by_itself(cli, protected):
    cli.must(f"machine planned-failover {protected} --yes")
    for turn, told in (
        ("--reverse-after-commit", "then it is protected back to a by itself"),
        (
            "--no-reverse-after-commit",
            "it is not protected until a person reprotects it: so it is set between a and b",
        ),
    ):
        cli.must(f"site pair b a {turn}")
        code, shown = at_a_terminal(f"machine commit {protected}", "n")
        assert code == 1
        assert told in shown
        assert "own storage" not in shown
    cli.must("site pair a b --settle b=images")
    _, shown = at_a_terminal(f"machine commit {protected}", "n")
    assert "then its disks move to b's own storage by themselves" in " ".join(shown.split())


MOVES = (
    "failover", "planned-failover", "test-failover", "cleanup-test-failover", "change-recovery-point",
    "commit",
    "cancel-failover", "reprotect", "disable-protection",
)  # fmt: skip


@pytest.mark.parametrize("verb", MOVES)
def test_where_nobody_can_be_asked_nothing_begins_without_a_yes(cli, protected, verb):
    said = cli(f"machine {verb} {protected} --json")
    assert said.exit == 2
    assert "nobody can be asked" in said.problem["message"]
    assert "--yes" in said.problem["do"]
    assert state(cli, protected) == "protected"


@pytest.mark.parametrize(
    "line",
    [
        "site delete a", "appliance delete a", "policy delete gold", "token delete admin",
        "group delete shop",
        "plan delete shop", "pool delete dmz", "notice delete hook", "mapping delete a/one b",
        "drill schedule remove monthly",
    ],
)  # fmt: skip
def test_nothing_is_deleted_unasked_either(cli, line):
    said = cli(f"{line} --json")
    assert said.exit == 2
    assert "nobody can be asked" in said.problem["message"]


def test_a_second_copy_beside_a_running_machine_wants_its_name_and_a_yes_does_not_stand_for_it(
    cli, protected
):
    said = cli(f"machine failover {protected} --yes --json")
    assert said.exit == 2
    assert f"{protected} runs at a, and will go on there" in said.problem["message"]
    assert f"secondsite machine planned-failover {protected}" in said.problem["do"]
    assert f"--while-running {protected}" in said.problem["do"]
    code, shown = at_a_terminal(f"machine failover {protected}", "y")
    assert (code, "two of it will write" in shown) == (1, True)
    assert state(cli, protected) == "protected"


def running(name="web01", state=State.PROTECTED, findings=()):
    """A machine that runs at a, as its vault shows it."""
    found = [
        rest.Finding(
            code=code,
            severity="critical",
            what="?",
            cause="?",
            do="?",
            since=datetime(2026, 11, 28, tzinfo=UTC),
        )
        for code in findings
    ]
    return rest.Machine(
        id=name, name=name, state=state, health=Health.HEALTHY, source_site="a", target_site="b",
        source_appliance="a", active_site="a", power="running", findings=tuple(found),
        allowed_operations=allowed_operations(state)
    )  # fmt: skip


def refusal_of(*machines, plan=None):
    """What a script is told that would start copies of them."""
    vault = MagicMock()
    vault.appliances.list.return_value = [Mock(site="a", connected=True)]
    vault.appliances.list.return_value[0].name = "a"
    shown = {each.name: Mock(show=Mock(return_value=each)) for each in machines}
    vault.machines.__getitem__.side_effect = shown.__getitem__
    with pytest.raises(errors.InvalidArgument) as refused:
        if plan is None:
            second_copies.accept(vault, list(shown), ())
        else:
            second_copies.accept_plan(vault, plan, rest.PlanPart(), ())
    return refused.value.do


def plan_of(*machines):
    members = [Mock(id=each.name, state=each.state) for each in machines]
    for member, each in zip(members, machines, strict=True):
        member.name = each.name
    plan = Mock(groups=(Mock(machines=members),))
    plan.name = "shop"
    return plan


def test_the_refusal_of_a_second_copy_names_a_planned_failover_only_for_machines_that_it_is_possible_for():
    """After a failover that failed, and of a machine that a rescue had started, it was refused in turn."""
    undecided = "Before you stop either copy, find out at both sites which one is in use"
    assert "Move without loss: 'secondsite machine planned-failover web01'." in refusal_of(running())
    half_way = running(state=State.FAILOVER_FAILED)
    assert "planned-failover" not in refusal_of(half_way)
    assert "'secondsite machine cancel-failover web01' lets the machine go on" in refusal_of(half_way)
    for finding in ("started-without-vault", "record-is-behind", "source-running-after-failover"):
        said = refusal_of(running(findings=[finding]))
        assert ("planned-failover" in said, undecided in said) == (False, True)
        assert "shut the old copy down ('virsh shutdown web01'), then 'secondsite machine failover" in said
        assert "--while-running web01" in said
    unmoved = running().model_copy(update={"allowed_operations": (Verb.FAILOVER,)})
    assert "Stop it at a first; then 'secondsite machine failover web01'." in refusal_of(unmoved)
    said = refusal_of(running("db01"), running(state=State.FAILOVER_FAILED))
    assert "planned-failover db01'." in said
    assert "cancel-failover web01'" in said


def test_the_refusal_of_a_plans_second_copies_names_its_planned_failover_only_if_all_can_go():
    web, db = running(), running("db01", findings=["started-without-vault"])
    assert "'secondsite plan planned-failover shop'." in refusal_of(web, plan=plan_of(web))
    said = refusal_of(web, db, plan=plan_of(web, db))
    assert "plan planned-failover" not in said
    assert "machine planned-failover web01'." in said
    assert "then 'secondsite machine failover db01'" in said


def test_before_a_machine_whose_memory_is_saved_is_failed_over_it_is_said_that_this_stays_behind(
    cli, rig, protected
):
    """A planned failover is refused then; this one asked nothing, and said nothing."""
    root = rig.home("appliance-a") / "fabric"
    here = Host(root).records.all()
    simulated.save(root, next(each.fabric_id for each in here if each.definition.name == protected))
    eventually(lambda: cli.must(f"machine show {protected} --json").json["power"] == "saved", 40)
    said = f"The memory of {protected} is saved at a, and stays behind"
    code, shown = at_a_terminal(f"machine failover {protected}", "n")
    assert (code, said in shown, shown.index(said) < shown.index("Begin?")) == (1, True, True)
    cli.must(f"plan create saved-{protected} --group {protected}")
    code, shown = at_a_terminal(f"plan failover saved-{protected}", "n")
    assert (code, said in shown) == (1, True)
    told = cli.must(f"machine failover {protected} --yes")
    assert said in told.err
    assert said in told.out
    assert state(cli, protected) == "failed_over"


def test_a_plan_wants_its_name_for_machines_that_run(cli, protected):
    cli.must(f"plan create beside-{protected} --group {protected}")
    said = cli(f"plan failover beside-{protected} --yes --json")
    assert said.exit == 2
    assert f"--while-running beside-{protected}" in said.problem["do"]
    cli.must(f"plan failover beside-{protected} --yes --while-running beside-{protected}")
    assert state(cli, protected) == "failed_over"


def test_who_says_yes_begins_it_and_what_follows_says_what_is_lost(cli, protected):
    code, shown = at_a_terminal(f"machine failover {protected}", f"{protected}\ny")
    assert (code, state(cli, protected)) == (0, "failed_over")
    assert "loses" in shown
    for verb, told in (
        ("change-recovery-point --choice latest_processed", "what it wrote there since its failover is lost"),
        ("commit", "it stays at b"),
    ):
        command, *options = verb.split()
        _, shown = at_a_terminal(f"machine {command} {protected} {' '.join(options)}", "n")
        assert told in shown
    assert state(cli, protected) == "failed_over"
    cli.must(f"machine commit {protected} --yes")
    _, shown = at_a_terminal(f"machine reprotect {protected}", "n")
    assert "original location, onto its old disks, with appliance a" in shown
    assert "sends about " in shown
    assert "which was written since its failover, and what only the old disks have" in shown
    _, copied = at_a_terminal(f"machine reprotect {protected} --location alternate", "n")
    assert "at most: a full copy" in copied
    assert "alternate location, onto new disks, with appliance a" in copied
    assert "protected from b to a; the old disks there take over what has changed since" in shown


def test_a_point_that_is_not_there_is_told_before_anybody_is_asked(cli, protected):
    code, shown = at_a_terminal(f"machine failover {protected} --choice latest_verified", "y")
    assert code != 0
    assert "Begin?" not in shown
    assert state(cli, protected) == "protected"


def from_what(line):
    """The time of the instant that the verb says that it starts from."""
    _, shown = at_a_terminal(line, "n")
    found = re.search(r"from (\d{4}-\S+ \S+Z)", shown)
    assert found is not None, shown
    return found[1]


def oldest_of(cli, name):
    return cli.must(f"point list {name} --json").json[-1]


@pytest.mark.parametrize("verb", ["failover --shut-down", "test-failover"])
def test_a_point_that_is_named_is_the_one_that_is_shown(cli, protected, verb):
    code, shown = at_a_terminal(f"machine {verb} {protected} --point 20200101T000000Z-1.1", "y")
    assert (code, "Begin?" in shown) == (3, False)
    assert "There is no recovery point '20200101T000000Z-1.1'" in shown
    named = oldest_of(cli, protected)
    shown = from_what(f"machine {verb} {protected} --point {named['id']}")
    assert shown.startswith(named["taken_at"][:19].replace("T", " "))


def test_a_time_can_be_given_at_a_terminal_to_every_verb_that_takes_one(cli, protected):
    for verb in ("test-failover", "failover --shut-down"):
        _, shown = at_a_terminal(f"machine {verb} {protected} --at 2020-01-01T00:00:00Z", "y")
        assert "No cycle of 2020-01-01T00:00:00.000Z can be recovered" in shown
    cli.must(f"machine failover {protected} --yes --while-running {protected}")
    _, shown = at_a_terminal(f"machine change-recovery-point {protected} --at 2020-01-01T00:00:00Z", "y")
    assert "No cycle of 2020-01-01T00:00:00.000Z can be recovered" in shown


def test_a_machine_that_the_verb_is_not_possible_for_is_told_before_anybody_is_asked(cli, protected):
    cli.must(f"machine failover {protected} --yes --while-running {protected}")
    code, shown = at_a_terminal(f"machine failover {protected}", "y")
    assert (code, "Begin?" in shown) == (4, False)
    assert f"failover is not possible for machine '{protected}' in state failed over" in shown


def test_with_yes_nobody_is_asked(cli, protected):
    code, shown = at_a_terminal(f"machine planned-failover {protected} --yes", "")
    assert (code, "Begin?" in shown) == (0, False)
    assert state(cli, protected) == "planned_failed_over"
    code, shown = at_a_terminal(f"machine cancel-failover {protected}", "n")
    assert "stopped at b and started at a; what it wrote at b is lost" in shown


def test_what_was_moved_while_the_question_stood_there_is_not_moved_again(cli, protected):
    """Somebody had failed it over and home again, to another point, before the yes."""
    moves = partial(cli.must, f"machine resynchronize {protected}")
    code, shown = at_a_terminal(f"machine failover {protected} --shut-down", "y", moves)
    assert (code, f"Changed since it was read: {protected} is protected" in shown) == (10, True)
    cli.must(f"plan create of-{protected} --group {protected}")
    code, shown = at_a_terminal(f"plan planned-failover of-{protected}", "y", moves)
    assert (code, f"Changed since it was read: {protected} is protected" in shown) == (10, True)
    assert state(cli, protected) == "protected"


def test_the_hooks_that_will_run_are_named(cli, protected):
    cli.must(f"hook set {protected} give --script give --moment after_start")
    cli.must(f"hook set {protected} home --script give --moment after_start --direction home")
    try:
        _, shown = at_a_terminal(f"machine failover {protected}", "n")
    finally:
        cli.must(f"hook clear {protected}")
    assert f"{protected}: its hooks run too: give; their time is not in that" in shown


def test_a_plan_is_asked_about_there_too(cli, protected):
    cli.must(f"plan create of-{protected} --group {protected}")
    cli.must(f"hook set {protected} give --script give --moment after_start --kind planned")
    code, shown = at_a_terminal(f"plan planned-failover of-{protected}", "n")
    cli.must(f"hook clear {protected}")
    assert "; its hooks run too: give" in shown
    assert (code, "Begin? [y/N]" in shown) == (1, True)
    assert f"{protected}: a to b" in shown
    assert state(cli, protected) == "protected"


def test_how_long_it_will_take_is_told_from_its_drill_and_its_job_says_what_it_took(cli, protected):
    _, shown = at_a_terminal(f"machine failover {protected}", "n")
    # machines of other tests may have been drilled between the same sites
    told = (
        f"{protected}: (no time is predicted: No run of it in this direction is known|"
        "takes about .* of other machines between the same sites)"
    )
    assert re.search(told, shown), shown
    cli.must(f"machine test-failover {protected} --yes")
    cli.must(f"machine cleanup-test-failover {protected} --yes")
    job = next(each for each in cli.must("job list --json").json if each["verb"] == "test_failover")
    eventually(lambda: cli.must(f"job show {job['id']} --json").json["timing"], 60)
    assert re.search(
        r"took [\d.]+ m?s, (nothing was|[\d.]+ m?s were) predicted", cli.must(f"job show {job['id']}").out
    )
    _, shown = at_a_terminal(f"machine failover {protected}", "n")
    assert f"{protected}: takes about " in shown
    assert "by its last 1 run, drills and failovers being alike in this" in shown
    assert "goal" not in shown
    policy = cli.must(f"machine show {protected} --json").json["policy"]
    cli.must(f"policy update {policy} --rto-goal 1h")
    _, shown = at_a_terminal(f"machine failover {protected}", "n")
    assert "; within its goal of 1 h" in shown
    assert re.search(r"^RTO goal +1 h$", cli.must(f"policy show {policy}").out, re.M)
    cli.must(f"policy update {policy} --rto-goal 0")
    _, shown = at_a_terminal(f"machine planned-failover {protected}", "n")
    assert re.search(
        "a drill does not shut it down|takes about .* of other machines between the same sites", shown
    ), shown


def test_a_goal_that_will_be_missed_is_told():
    found = Prediction(
        machine="web01", verb=Verb.FAILOVER, basis=Basis.OWN, runs=3, seconds=90, least_seconds=80,
        most_seconds=130, goal_seconds=60
    )  # fmt: skip
    said = (
        "takes about 1 min 30 s (1 min 20 s to 2 min 10 s), by its last 3 runs; its goal of 1 min will be "
        "missed"
    )
    assert predictions.line(found) == said


@pytest.mark.parametrize("direction", [None, Direction.AWAY])
def test_a_failback_that_synchronizes_by_itself_is_asked_for_with_its_direction(direction):
    asked = Mock()
    about = data_synchronization.confirmed(
        DataSync.DURING, RecoveryPointChoice.LATEST, None, direction, yes=True
    )
    about.begin(asked)
    assert asked.planned_failover.call_args.kwargs["direction"] is direction
