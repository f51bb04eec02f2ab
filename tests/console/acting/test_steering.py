"""Plans, jobs, several machines at once, and protection for new ones, by keyboard alone."""

from rig.eventually import eventually
from secondsite.domain.lifecycle import Verb
from secondsite.domain.points import RecoveryPointChoice
from secondsite.wire import rest
from secondsite.wire.common.machine_checks import MachineCheck
from tests.console.acting import support_keyboard
from tests.console.acting.support_machines import ODD
from tests.support.console import support_console

pytestmark = support_console.SLOW
BUSY = {"error": {"code": "busy", "message": "The site does not answer.", "do": "Ask again."}}
NO_PROMPT = MachineCheck(name="prompt", kind="console", text="no such prompt", deadline_seconds=2)
SAYS_ANOTHER = "([of, was]) => of.innerText !== was"
COMMON = RecoveryPointChoice.LATEST_MULTI_VM_PROCESSED.value
SHOWS_GONE = "(of) => of.selectedOptions[0]?.label.includes('not there any more')"
ENDS_IN_VIEW = "(all) => all.length && all.every((of) => of.getBoundingClientRect().right <= innerWidth)"
OF_CHILDREN = "(many) => document.querySelectorAll('.children > li').length === many"


def ended(vault, keyboard):
    """The verb of the job that was started, once it has ended well."""
    return vault.jobs[keyboard.job()].wait().verb


def test_a_plan_waits_for_a_person_who_answers_with_a_note(keyboard, vault):
    keyboard.open("/plans/shop").act("Test failover").dialog("plan-drill").says("Group 2: app06")
    keyboard.act("Test failover")
    job = vault.jobs[keyboard.job()]
    keyboard.act("Answer").dialog("answer").act("Answer").says("Choose an answer")
    keyboard.reach("Your answer").press("ArrowDown").write("What you saw", "they know").picture("answered")
    keyboard.act("Answer")
    job.wait()
    answers = [each.answer for each in job.show().tasks if each.answer]
    assert [each.note for each in answers] == ["they know"]
    keyboard.open("/plans/shop").act("Clean up the test failover").dialog("plan-clean-up")
    keyboard.act("Clean up the test failover")
    vault.jobs[keyboard.job()].wait()
    keyboard.is_clean()


def test_a_plan_that_was_not_protected_back_comes_home_once_somebody_lets_it(keyboard, vault):
    plan = vault.plans["shop"]
    (name,) = [each.name for each in plan.show().groups[0].machines]
    plan.run(Verb.PLANNED_FAILOVER, rest.PlanPlannedFailover(groups=(1,))).wait(60)
    plan.run(Verb.COMMIT, rest.PlanCommit(groups=(1,))).wait(60)
    keyboard.open("/plans/shop").act("Planned failover").dialog()
    keyboard.reach("Machines that are not protected back").press("ArrowDown")
    keyboard.says("All are synchronized from b to a while they run").says("Recommended")
    keyboard.picture("plan-fail-back").act("Planned failover")
    job = vault.jobs[keyboard.job()]
    keyboard.act("Answer").dialog().reach("Your answer").press("ArrowDown").act("Answer")
    job.wait(60)
    assert vault.machines[name].show().active_site == "a"
    plan.run(Verb.COMMIT, rest.PlanCommit(groups=(1,))).wait(60)
    plan.run(Verb.REPROTECT, rest.PlanReprotect(groups=(1,))).wait(60)
    keyboard.is_clean()


def test_a_failover_of_a_plan_is_typed(keyboard, vault):
    keyboard.open("/plans/shop").act("Fail over").dialog("plan-failover").says("Data may be lost")
    keyboard.act("Fail over").says("This is not shop").press("Escape")
    assert vault.machines["app05"].show().state == "protected"
    keyboard.is_clean()


def test_a_plan_takes_another_kind_of_point_for_all_its_machines(keyboard, vault):
    vault.plans.create("again", [rest.PlanGroupChange(machines=(name,)) for name in ("app04", "app06")])
    plan = vault.plans["again"]
    plan.run(Verb.FAILOVER, rest.PlanFailover(choice=RecoveryPointChoice.LATEST_PROCESSED)).wait(60)
    keyboard.open("/plans/again").act("Change the recovery point").dialog("plan-change-point")
    keyboard.says("What these machines have written since the failover is deleted")
    keyboard.write("Type again to confirm", "again").press("Enter")
    assert ended(vault, keyboard) == "change_recovery_point"
    for verb in (Verb.COMMIT, Verb.REPROTECT, Verb.PLANNED_FAILOVER, Verb.COMMIT, Verb.REPROTECT):
        plan.run(verb).wait(60)
    plan.delete()
    keyboard.is_clean()


def test_a_plan_that_somebody_edits_while_its_dialog_is_open_is_not_run_as_it_is_then(keyboard, vault):
    """Machines were failed over that nobody had read of."""
    vault.plans.create("pair", [rest.PlanGroupChange(machines=("app06",))])
    keyboard.open("/plans/pair").act("Fail over").dialog().says("Data may be lost")
    vault.plans["pair"].set([rest.PlanGroupChange(machines=("app05", "app06"))])
    keyboard.says("Meanwhile this changed").says("What you read here was of then")
    dialog = keyboard.page.get_by_role("dialog")
    assert dialog.get_by_role("button", name="Fail over", exact=True).is_disabled()
    vault.plans["pair"].delete()


def test_a_plan_whose_action_became_another_one_is_not_run_as_it_is_then(keyboard, vault):
    """A call to somebody had become a script, of the same name."""
    call = rest.PlanAction(name="Call", instruction="Call them.")
    vault.plans.create("calls", [rest.PlanGroupChange(machines=("app06",), before=(call,))])
    keyboard.open("/plans/calls").act("Planned failover").dialog().says("before it: Call")
    wipe = rest.PlanAction(name="Call", script="wipe.sh")
    vault.plans["calls"].set([rest.PlanGroupChange(machines=("app06",), before=(wipe,))])
    keyboard.says("Meanwhile this changed").says(r"Call \(Script wipe.sh")
    assert keyboard.page.get_by_text("is not possible any more").count() == 0
    keyboard.press("Escape")
    vault.plans["calls"].delete()


def test_a_choice_that_is_gone_is_shown_as_gone(keyboard, vault):
    """The field showed another one than what was sent."""
    vault.groups.create("pair", "a", "b", ["app01", "app04"], multi_vm_every_seconds=5)
    names = ("app01", "app04", "app06")
    vault.plans.create("some", [rest.PlanGroupChange(machines=(name,)) for name in names])
    eventually(lambda: COMMON in [each.choice for each in vault.plans["some"].choices().choices])
    keyboard.open("/plans/some").act("Fail over").dialog()
    field = keyboard.page.get_by_label("Recovery points", exact=True)
    field.select_option(COMMON)
    keyboard.act("Leave machines out")
    for name in names[:2]:
        keyboard.page.get_by_label(f"{name}, protected").check()
    keyboard.page.wait_for_function(SHOWS_GONE, arg=field.element_handle())
    assert field.input_value() == COMMON
    keyboard.picture("choice-gone").press("Escape")
    vault.plans["some"].delete()
    vault.groups["pair"].delete()


def test_what_cannot_be_read_again_says_of_when_it_is(keyboard, vault):
    """Nothing was said while each repeat was refused: it stood there as of now."""
    keyboard.open("/plans/shop").act("Test failover").dialog().says("Group 2: app06")
    keyboard.page.route("**/preview**", lambda route: route.fulfill(status=504, json=BUSY))
    keyboard.says(r"This could not be read again. What stands here is of \d").says("Group 2: app06")
    keyboard.says("The site does not answer. Ask again.").picture("read-again")
    keyboard.page.unroute("**/preview**")
    keyboard.page.get_by_text("This could not be read again").first.wait_for(state="detached")
    keyboard.press("Escape")


def test_a_job_of_very_many_says_at_first_only_what_can_be_read(keyboard, vault):
    """The names of 120 machines stood in bold above its steps."""
    job = vault.machines["app01"].resynchronize().wait()
    keyboard.page.route(f"**/api/jobs/{job.id}", with_many_names)
    keyboard.open(f"/jobs/{job.id}").says("Not done for server000").picture("job-of-many")
    assert keyboard.page.get_by_text("server119").is_hidden()
    keyboard.act("All of it").says("server119").picture("job-of-many-open")
    assert keyboard.tab.amiss() == []


def with_many_names(route):
    names = ", ".join(f"server{number:03d}" for number in range(120))
    problem = {"code": "failed", "message": f"Not done for {names}.", "do": "Try again."}
    route.fulfill(json={**support_keyboard.answer(route), "problem": problem})


def test_a_job_that_waits_is_cancelled(keyboard, vault):
    job = vault.plans["shop"].run(Verb.TEST_FAILOVER)
    keyboard.open(f"/jobs/{job.id}").says("Answers: ")
    took = keyboard.page.locator("dt:has-text('Took') + dd")
    keyboard.page.wait_for_function(SAYS_ANOTHER, arg=[took.element_handle(), took.inner_text()])
    keyboard.act("Cancel the job").dialog("cancel-job").act("Cancel the job")
    assert job.wait(must_succeed=False).state in ("cancelled", "partially_succeeded", "failed")
    keyboard.is_clean()
    for name in ("app05", "app06"):
        if vault.machines[name].show().drill.open:
            vault.machines[name].cleanup_test_failover().wait()


def test_several_machines_are_drilled_by_one_call(keyboard, vault):
    keyboard.open("/machines?search=app0").act("Act on these").dialog("batch")
    keyboard.act("Test failover").says("Choose a machine").reach("app01").press("Space").reach("app04")
    keyboard.press("Space").says("2 of").picture("batch-chosen")
    keyboard.act("Test failover")
    job = vault.jobs[keyboard.job()].wait()
    assert len(job.children) == 2
    for name in ("app01", "app04"):
        vault.machines[name].cleanup_test_failover().wait()
    keyboard.is_clean()


def test_all_that_can_be_are_chosen_and_one_that_no_longer_can_be_is_named(keyboard, vault):
    """The vault refused the whole call for one machine, which the list had offered."""
    vault.machines["app04"].planned_failover().wait()
    keyboard.open("/machines?search=app0").act("Act on these").dialog()
    keyboard.reach("Choose all").press("Space").says(r"\d of \d chosen")
    away = keyboard.page.get_by_role("checkbox", name="app04: planned failed over")
    assert (away.is_disabled(), away.is_checked()) == (True, False)
    vault.machines["app01"].test_failover(network="none").wait()
    keyboard.says("It is not possible now for: app01: protected, drill running. Take them out")
    keyboard.picture("batch-hindered").reach("app01: protected, drill running").press("Space")
    keyboard.page.get_by_text("It is not possible now for").wait_for(state="detached")
    keyboard.reach("What").press("p").reach("Direction").press("Escape")
    vault.machines["app01"].cleanup_test_failover().wait()
    vault.machines["app04"].cancel_failover().wait()
    keyboard.is_clean()


def test_nobody_is_moved_the_other_way_than_was_read(keyboard, vault):
    """Who was moved and protected the other way round meanwhile went back, with no word."""
    keyboard.open("/machines?search=app0").act("Act on these").dialog().reach("What").press("p")
    keyboard.reach("app01").press("Space").says("The machine at a is shut down")
    for _ in range(2):
        for verb in ("planned_failover", "commit", "reprotect"):
            getattr(vault.machines["app01"], verb)().wait()
        keyboard.says("app01: protected, changed since this was opened. Take them out")
    keyboard.reach("app01: protected, changed since this was opened").press("Space")
    keyboard.page.get_by_text("It is not possible now for").wait_for(state="detached")
    keyboard.press("Escape").is_clean()


def test_a_plan_is_not_run_the_other_way_than_was_read(keyboard, vault):
    vault.plans.create("ways", [rest.PlanGroupChange(machines=("app04",))])
    keyboard.open("/plans/ways").act("Planned failover").dialog()
    for verb in ("planned_failover", "commit", "reprotect"):
        getattr(vault.machines["app04"], verb)().wait()
    keyboard.says("Meanwhile this changed").says(r"app04 \(protected, a to b\)")
    assert keyboard.page.get_by_role("button", name="Planned failover", exact=True).last.is_disabled()
    keyboard.press("Escape")
    for verb in ("planned_failover", "commit", "reprotect"):
        getattr(vault.machines["app04"], verb)().wait()
    vault.plans["ways"].delete()


def test_machines_that_go_different_ways_are_told_way_by_way(keyboard, vault):
    """Of all of them was said where the first one goes."""
    for verb in ("planned_failover", "commit", "reprotect"):
        getattr(vault.machines["app04"], verb)().wait()
    keyboard.open("/machines?search=app0").act("Act on these").dialog().reach("What").press("p")
    keyboard.reach("app01").press("Space").reach("app04").press("Space")
    keyboard.says("app01: The machine at a is shut down").says("app04: The machine at b is shut down")
    keyboard.picture("batch-ways").act("Planned failover").says("Choose a direction")
    keyboard.reach("Direction").press("h").act("Planned failover")
    assert vault.jobs[keyboard.job()].wait().state == "succeeded"
    assert [vault.machines[each].show().active_site for each in ("app01", "app04")] == ["a", "a"]
    vault.machines["app04"].commit().wait()
    vault.machines["app04"].reprotect().wait()
    keyboard.is_clean()


def test_of_machines_that_are_not_there_any_more_nothing_is_said(keyboard, vault):
    """A copy was said to start at a dash."""
    vault.machines[ODD].enable_protection("a", "b").wait()
    keyboard.open("/machines?search=spaces").act("Act on these").dialog().says("A copy starts at b")
    vault.machines[ODD].disable_protection().wait()
    keyboard.page.get_by_text("A copy starts at").wait_for(state="detached")
    keyboard.says("its protection ended").press("Escape").is_clean()


def test_a_direction_says_that_those_which_would_go_the_other_way_stay(keyboard, vault):
    """Of them was said what would happen to them."""
    keyboard.open("/machines?search=app0").act("Act on these").dialog().reach("What").press("p")
    keyboard.reach("Direction").press("a")
    keyboard.says("Those that stand at home go, all others stay as they are")
    keyboard.reach("Direction").press("End").says("Those that stand away from home go, all others stay")
    keyboard.press("Escape").is_clean()


def test_what_is_typed_confirms_what_it_was_typed_for(keyboard, vault):
    """It counted on, for another verb and for other machines."""
    keyboard.open("/machines?search=app0").act("Act on these").dialog()
    dialog = keyboard.page.get_by_role("dialog")
    typed, what = dialog.get_by_label("Type 2 machines to confirm"), dialog.get_by_label("What", exact=True)
    what.select_option("failover")
    for name in ("app01", "app04"):
        dialog.get_by_label(name, exact=True).check()
    typed.fill("2 machines")
    what.select_option("disable_protection")
    assert typed.input_value() == ""
    typed.fill("2 machines")
    dialog.get_by_label("app04", exact=True).uncheck()
    dialog.get_by_label("app06", exact=True).check()
    assert typed.input_value() == ""
    dialog.get_by_role("button", name="Disable protection", exact=True).click()
    keyboard.says("This is not 2 machines").press("Escape").is_clean()


def test_what_hinders_a_run_of_a_plan_is_left_out(keyboard, vault):
    """The refusal named an option of the command line, and the dialog had nothing like it."""
    vault.plans.create("half", [rest.PlanGroupChange(machines=(name,)) for name in ("app05", "app06")])
    vault.machines["app05"].planned_failover().wait()
    keyboard.open("/plans/half").act("Test failover").dialog().says("app05 is planned_failed_over")
    keyboard.act("Leave machines out").reach("app05, planned failed over").press("Space").says(
        "Group 2: app06"
    )
    keyboard.picture("plan-left-out").act("Test failover")
    assert vault.jobs[keyboard.job()].wait().state == "succeeded"
    vault.machines["app06"].cleanup_test_failover().wait()
    vault.machines["app05"].cancel_failover().wait()
    vault.plans["half"].delete()
    keyboard.is_clean()


def test_of_many_children_the_failed_ones_come_first_and_all_can_be_seen(keyboard, vault):
    """Only the newest 200 could be, and nothing said so: here a page holds one."""
    names = ("app01", "app04", "app06")
    vault.machines["app04"].set_checks([NO_PROMPT])
    job = vault.machines[names].test_failover(network="none")
    states = job.wait(must_succeed=False).children_by_state
    assert {each.value: many for each, many in states.items()} == {"succeeded": 2, "partially_succeeded": 1}
    keyboard.page.route("**/api/jobs?**", by_one)
    keyboard.open(f"/jobs/{job.id}").says("Jobs that it started")
    children = keyboard.page.locator(".children > li")
    children.filter(has_text="app04").wait_for()
    assert "app04" in children.first.inner_text()
    keyboard.page.set_viewport_size({"width": 390, "height": 844})
    assert children.get_by_role("button").evaluate_all(ENDS_IN_VIEW)
    keyboard.picture("job-children-narrow").act("Show earlier ones").page.wait_for_function(
        OF_CHILDREN, arg=3
    )
    vault.machines[names].cleanup_test_failover().wait()
    vault.machines["app04"].set_checks([])
    keyboard.is_clean()


def by_one(route):
    route.continue_(url=route.request.url.replace("limit=100", "limit=1"))


def test_a_new_machine_is_protected(keyboard, vault):
    keyboard.open("/machines").act("Protect machines").dialog("enable")
    keyboard.act("Protect machines").says("Choose a machine")
    keyboard.reach("new01").press("Space").says("Nothing is in the way").picture("enable-chosen")
    keyboard.act("Protect machines")
    assert ended(vault, keyboard) == "enable_protection"
    vault.machines["new01"].disable_protection().wait()
    keyboard.is_clean()
