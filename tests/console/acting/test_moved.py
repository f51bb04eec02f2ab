"""What a dialog was opened for stays what it does: what others did meanwhile is told, and not done to."""

import re

from rig.eventually import eventually
from secondsite.domain.lifecycle import Verb
from secondsite.wire import rest
from tests.console.acting.support_machines import page_of
from tests.support.console import support_console

pytestmark = support_console.SLOW
CLEAN_UP = "Clean up the test failover"
GO_ON = "Go on with what is there now"
DISABLED = "(of) => of.disabled"
HOME = ("commit", "reprotect", "planned_failover", "commit", "reprotect")


def sends_nothing(keyboard, act):
    """The dialog's button cannot be pressed any more."""
    button = keyboard.page.get_by_role("dialog").get_by_role("button", name=act, exact=True)
    keyboard.page.wait_for_function(DISABLED, arg=button.element_handle())


def home_again(*machines):
    for verb in HOME:
        for job in [getattr(each, verb)() for each in machines]:
            job.wait()


def drilled_anew(machine):
    machine.cleanup_test_failover(notes="does not boot", verdict="failed").wait()
    machine.test_failover(network="none").wait()


def test_a_verdict_is_of_the_drill_that_was_looked_at(keyboard, vault):
    """Another drill had begun meanwhile: it was kept as passed, with notes of the first one."""
    machine = vault.machines["app01"]
    machine.test_failover(network="none").wait()
    keyboard.open(page_of(vault, "app01")).act(CLEAN_UP).dialog().write("Notes", "I logged in")
    drilled_anew(machine)
    keyboard.says("Meanwhile this changed").says("What you read here was of then").picture("other-drill")
    sends_nothing(keyboard, CLEAN_UP)
    keyboard.press("Escape").open("/machines?search=app0").act("Act on these").dialog()
    dialog = keyboard.page.get_by_role("dialog")
    dialog.get_by_label("What", exact=True).select_option("cleanup_test_failover")
    dialog.get_by_label("app01", exact=True).check()
    drilled_anew(machine)
    keyboard.says("app01: protected.*changed since this was opened").says("It is not possible now for: app01")
    sends_nothing(keyboard.picture("other-drill-batch"), CLEAN_UP)
    keyboard.act(GO_ON).act(CLEAN_UP)
    vault.jobs[keyboard.job()].wait()


def test_a_plan_commits_the_points_that_were_read(keyboard, vault):
    """The point was changed while the browser was off the net: it saw the states before and after, alike."""
    machines = [vault.machines[name] for name in ("app03", "app04")]
    vault.plans.create("off", [rest.PlanGroupChange(machines=("app03", "app04"))])
    for job in [each.failover() for each in machines]:
        job.wait()
    keyboard.open("/plans/off").act("Commit").dialog()
    keyboard.page.context.set_offline(True)
    other = list(machines[0].points.list())[-1]
    machines[0].change_recovery_point(point=other.id).wait()
    keyboard.page.context.set_offline(False)
    keyboard.says(r"app03 \(failed over, changed since this was opened, a to b\)").picture("plan-other-point")
    sends_nothing(keyboard, "Commit")
    vault.plans["off"].delete()
    home_again(*machines)


def test_what_the_page_did_not_hear_of_is_not_done_either(keyboard, vault):
    """On a line that had fallen silent the page showed the former way, and the failover went another."""
    machine = vault.machines["app06"]
    keyboard.open(page_of(vault, "app06")).act("Fail over").dialog()
    keyboard.write("Type app06 to confirm", "app06")

    def moved_before_it_arrives(route):
        machine.resynchronize().wait()
        route.continue_()

    keyboard.page.route("**/api/machines/failover", moved_before_it_arrives)
    keyboard.act("Fail over").says("Changed since it was read: app06 is protected, by resynchronize")
    sends_nothing(keyboard.says("Meanwhile this changed").picture("unheard"), "Fail over")
    assert machine.show().state == "protected"
    keyboard.page.unroute("**/api/machines/failover")
    keyboard.act(GO_ON)
    assert keyboard.page.get_by_label("Type app06 to confirm").input_value() == "app06"
    assert not keyboard.page.get_by_text("Changed since it was read").is_visible()
    keyboard.picture("gone-on").act("Fail over")
    vault.jobs[keyboard.job()].wait()
    home_again(machine)


def test_what_will_happen_otherwise_is_typed_again(keyboard, vault):
    machine = vault.machines["app06"]
    keyboard.open(page_of(vault, "app06")).act("Fail over").dialog().says("The machine at a is shut down")
    keyboard.write("Type app06 to confirm", "app06")
    for verb in ("planned_failover", "commit", "reprotect"):
        getattr(machine, verb)().wait()
    eventually(lambda: "failover" in machine.show().allowed_operations)
    keyboard.act(GO_ON).says("The machine at b is shut down").act("Fail over").says("This is not app06")
    assert machine.show().state == "protected"
    keyboard.picture("typed-again").press("Escape")
    for verb in ("planned_failover", "commit", "reprotect"):
        getattr(machine, verb)().wait()


def test_who_goes_on_after_a_lost_answer_means_another_act(keyboard, vault):
    """ "Send it again" would have sent it the other way, without a name."""
    machine = vault.machines["app06"]
    keyboard.open(page_of(vault, "app06")).act("Fail over").dialog()
    keyboard.write("Type app06 to confirm", "app06")
    keyboard.page.route("**/api/machines/failover", lambda route: route.abort())
    keyboard.act("Fail over").says("It is not known whether the vault got this")
    keyboard.page.unroute("**/api/machines/failover")
    for verb in ("planned_failover", "commit", "reprotect"):
        getattr(machine, verb)().wait()
    eventually(lambda: "failover" in machine.show().allowed_operations)
    keyboard.act(GO_ON).says("The machine at b is shut down").act("Fail over").says("This is not app06")
    assert not keyboard.page.get_by_text("It is not known whether").is_visible()
    assert machine.show().state == "protected"
    keyboard.picture("another-act").press("Escape")
    for verb in ("planned_failover", "commit", "reprotect"):
        getattr(machine, verb)().wait()


def test_a_plan_that_was_edited_unheard_is_not_run(keyboard, vault):
    """Its machines had been exchanged, and have the same numbers: others were failed over than were read."""
    vault.plans.create("swap", [rest.PlanGroupChange(machines=("app03",))])
    keyboard.open("/plans/swap").act("Fail over").dialog().write("Type swap to confirm", "swap")

    def exchanged_before_it_arrives(route):
        vault.plans["swap"].set([rest.PlanGroupChange(machines=("app04",))])
        route.continue_()

    keyboard.page.route("**/api/plans/swap/failover", exchanged_before_it_arrives)
    keyboard.act("Fail over").says("Plan 'swap' was changed since it was read").says(r"app04 \(protected")
    sends_nothing(keyboard.picture("exchanged"), "Fail over")
    assert {vault.machines[name].show().state for name in ("app03", "app04")} == {"protected"}
    keyboard.act(GO_ON).act("Fail over").says("This is not swap").picture("exchanged-gone-on").press("Escape")
    vault.plans["swap"].delete()


def test_a_machine_that_is_left_out_hinders_no_run(keyboard, vault):
    """In the worst hour one leaves out just what others work on."""
    vault.plans.create("most", [rest.PlanGroupChange(machines=("app03", "app04"))])
    keyboard.open("/plans/most").act("Test failover").dialog()
    vault.machines["app04"].resynchronize().wait()
    sends_nothing(keyboard.says("app04 .protected, changed since"), "Test failover")
    keyboard.act("Leave machines out").page.get_by_label("app04, protected").check()
    keyboard.act("Test failover")
    vault.jobs[keyboard.job()].wait()
    vault.machines["app03"].cleanup_test_failover().wait()
    vault.plans["most"].delete()


def test_a_release_whose_answer_was_lost_is_of_the_same_hold_only(keyboard, vault):
    """ "Send it again: it is carried out once at most" released the hold of somebody else."""
    machine = vault.machines["app06"]
    hold = machine.points[next(iter(machine.points.list())).id]
    hold.hold("mine, of yesterday")
    keyboard.open(page_of(vault, "app06")).reach("Recovery points").press("Enter")
    keyboard.page.get_by_role("button", name=re.compile("^Release ")).first.click()
    keyboard.dialog().says("It was held: mine, of yesterday")

    def lost(route):
        hold.hold("evidence of the court")
        route.abort()

    keyboard.page.route("**/hold**", lost)
    keyboard.act("Release").says("Meanwhile this changed: Release").picture("release-lost")
    sends_nothing(keyboard, "Release")
    keyboard.page.unroute("**/hold**")
    keyboard.press("Escape")
    hold.release("evidence of the court")


def test_a_release_is_of_the_hold_that_was_read(keyboard, vault):
    """Another person held the point for the court, and that hold was released."""
    machine = vault.machines["app06"]
    hold = machine.points[next(iter(machine.points.list())).id]
    hold.hold("mine, of yesterday")
    keyboard.open(page_of(vault, "app06")).reach("Recovery points").press("Enter")
    keyboard.page.get_by_role("button", name=re.compile("^Release ")).first.click()
    keyboard.dialog().says("It was held: mine, of yesterday")
    hold.hold("evidence of the court")
    keyboard.says("Meanwhile this changed: Release").says("It was held: mine, of yesterday").picture(
        "release"
    )
    sends_nothing(keyboard, "Release")
    hold.release()


def holding(keyboard, vault):
    """The dialog that holds a point of a machine, with a reason; gives the point."""
    machine = vault.machines["app06"]
    point = next(iter(machine.points.list()))
    keyboard.open(page_of(vault, "app06")).reach("Recovery points").press("Enter")
    keyboard.act(f"Hold {point.taken_at:%Y-%m-%d %H:%M:%S}Z").dialog().write("Reason", "evidence")
    return machine.points[point.id]


def shows(keyboard, button):
    """The page below the dialog has a button that begins so."""
    found = keyboard.page.get_by_role("button", name=re.compile(f"^{button} "), include_hidden=True)
    found.first.wait_for(state="attached")


def test_an_act_that_went_does_not_come_again_by_itself(keyboard, vault):
    """Its dialog stood above another one, empty, and took what was typed there."""
    point = holding(keyboard, vault)
    point.hold("audit 7")
    keyboard.says("Meanwhile this changed: Hold is not possible any more").picture("hold-gone")
    point.release()
    shows(keyboard, "Hold")
    sends_nothing(keyboard, "Hold")
    keyboard.press("Escape").act("Fail over").dialog().write("Type app06 to confirm", "app")
    assert keyboard.page.get_by_role("dialog").count() == 1


def test_ones_own_act_is_not_told_as_that_of_somebody_else(keyboard, vault):
    """The vault told of it before it answered: "Hold is not possible any more", and the dialog was gone."""
    point, kept = holding(keyboard, vault), []

    def late(route):
        headers = {**route.request.headers, "sec-fetch-site": "same-origin"}
        kept.append((route, route.fetch(headers=headers)))

    keyboard.page.route("**/hold", late)
    keyboard.act("Hold")
    shows(keyboard, "Release")
    keyboard.says("It is on its way").picture("hold-late")
    assert not keyboard.page.get_by_text("Meanwhile this changed").is_visible()
    ((route, response),) = kept
    route.fulfill(response=response)
    keyboard.page.get_by_role("dialog").wait_for(state="detached")
    assert not keyboard.page.get_by_text("Meanwhile this changed").is_visible()
    keyboard.page.unroute("**/hold")
    point.release()


def test_a_hold_whose_answer_was_lost_says_so(keyboard, vault):
    """Nothing said that it is not known whether the vault got it."""
    point = holding(keyboard, vault)

    def lost(route):
        route.fetch(headers={**route.request.headers, "sec-fetch-site": "same-origin"})
        route.abort()

    keyboard.page.route("**/hold", lost)
    keyboard.act("Hold").says("It is not known whether the vault got this").says("Hold is not possible any")
    sends_nothing(keyboard.picture("hold-lost"), "Hold")
    keyboard.page.unroute("**/hold")
    point.release()


def test_a_cancellation_is_of_the_run_that_was_read(keyboard, vault):
    """Another person retried the job meanwhile, and its second run was cancelled."""
    action = rest.PlanAction(name="Call the bank", instruction="Ask them.")
    vault.plans.create("bank", [rest.PlanGroupChange(machines=("app02",), before=(action,))])
    job = vault.jobs[vault.plans["bank"].run(Verb.TEST_FAILOVER).id]
    eventually(lambda: job.show().waits_for_person)
    keyboard.open(f"/jobs/{job.id}").act("Cancel the job").dialog()
    job.answer("failed")
    keyboard.says("Meanwhile this changed: Cancel the job is not possible any more")
    eventually(lambda: job.show().ended_at)
    job.retry()
    eventually(lambda: job.show().waits_for_person)
    keyboard.says("attempt 2").says("What you read here was of then").picture("cancel-again")
    sends_nothing(keyboard, "Cancel the job")
    job.cancel()
    eventually(lambda: job.show().ended_at)
    vault.plans["bank"].delete()


def test_the_dialog_of_a_failback_stays_when_another_person_was_faster(keyboard, vault):
    """It was gone without a word, and so was what had been typed there."""
    machine = vault.machines["app07"]
    for verb in ("planned_failover", "commit"):
        getattr(machine, verb)().wait()
    keyboard.open(page_of(vault, "app07")).act("Fail back").dialog()
    machine.reprotect().wait()
    keyboard.says("Meanwhile this changed").picture("fail-back-gone")
    sends_nothing(keyboard, "Fail back")
    for verb in ("planned_failover", "commit", "reprotect"):
        getattr(machine, verb)().wait()


def refusing(route):
    route.fulfill(
        status=504, json={"error": {"code": "appliance-silent", "message": "Appliance 'a' is silent."}}
    )


def test_a_failback_begins_with_what_is_known(keyboard, vault):
    """Without an answer "while it runs" stood there, and turned into "shut down now" with the first one."""
    machine = vault.machines["app05"]
    for verb in ("planned_failover", "commit"):
        getattr(machine, verb)().wait()
    keyboard.page.route("**/reprotect-preview**", refusing)
    keyboard.open(page_of(vault, "app05")).act("Fail back").dialog().says("Appliance 'a' is silent")
    keyboard.act("Fail back").says("Choose one: what is recommended is not known").picture(
        "fail-back-unknown"
    )
    keyboard.reach("Synchronize its data").press("b").says("Changes are sent from b to a while")
    keyboard.page.unroute("**/reprotect-preview**")
    keyboard.says("Recommended: before").says("Changes are sent from b to a while").press("Escape")
    for verb in ("reprotect", "planned_failover", "commit", "reprotect"):
        getattr(machine, verb)().wait()


def test_who_would_go_the_other_way_is_not_said_to_go(keyboard, vault):
    """Of one that stays the dialog said where it starts."""
    machine = vault.machines["app03"]
    for verb in ("planned_failover", "commit", "reprotect"):
        getattr(machine, verb)().wait()
    eventually(lambda: "planned_failover" in machine.show().allowed_operations)
    keyboard.open("/machines?search=app0").act("Act on these").dialog()
    dialog = keyboard.page.get_by_role("dialog")
    dialog.get_by_label("What", exact=True).select_option("planned_failover")
    for name in ("app03", "app04"):
        dialog.get_by_label(name, exact=True).check()
    dialog.get_by_label("Direction", exact=True).select_option("home")
    keyboard.says("app04: stays: it does not go that way").says("Planned failover: 1 machine")
    keyboard.says("The machine at b is shut down").picture("direction-home")
    assert not dialog.get_by_text("The machine at a is shut down").is_visible()
    for verb in ("planned_failover", "commit", "reprotect"):
        getattr(machine, verb)().wait()
