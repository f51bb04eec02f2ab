"""Each act on a machine, by keyboard alone."""

import pytest

from rig.eventually import eventually
from secondsite.domain.lifecycle import Verb
from tests.console.acting import support_keyboard
from tests.console.acting.support_machines import ODD, page_of
from tests.support.console import support_console

pytestmark = support_console.SLOW
SAYS_NO_MORE = "(said) => !document.querySelector('[role=dialog]').textContent.includes(said)"


def ended(vault, keyboard):
    """The verb of the job that was started, once it has ended well."""
    return vault.jobs[keyboard.job()].wait().verb


def test_a_drill_is_started_and_cleaned_up_with_notes(keyboard, vault):
    keyboard.open(page_of(vault, "app01")).act("Test failover").dialog("drill").says("Starts from")
    keyboard.write("Subnet that the new network gives out", "10.9.0.0/24").write("DNS servers", "10.9.0.53")
    keyboard.act("Test failover")
    assert ended(vault, keyboard) == "test_failover"
    (made,) = [each for each in vault.jobs[keyboard.job()].show().tasks if each.name == "Create test network"]
    assert "with addresses of 10.9.0.0/24" in made.sentence
    keyboard.open(page_of(vault, "app01")).act("Clean up the test failover").dialog("clean-up")
    keyboard.reach("Verdict").press("p").write("Notes", "boots, <b>login</b> works")
    keyboard.act("Clean up the test failover")
    assert ended(vault, keyboard) == "cleanup_test_failover"
    note = vault.machines["app01"].show().drill.notes[-1]
    assert (note.notes, note.verdict) == ("boots, <b>login</b> works", "passed")
    keyboard.is_clean()


def test_a_failover_that_loses_something_is_typed_first(keyboard, vault):
    keyboard.open(page_of(vault, "app02")).act("Fail over").dialog("failover").says("Data may be lost")
    keyboard.act("Fail over").says("This is not app02")
    assert vault.machines["app02"].show().state == "protected"
    keyboard.picture("failover-wrong")
    keyboard.write("Type app02 to confirm", "app02").press("Enter")
    assert ended(vault, keyboard) == "failover"
    keyboard.open(page_of(vault, "app02")).act("Change the recovery point").dialog("change-point")
    keyboard.act("Change the recovery point").says("Choose a point")
    keyboard.reach("Which point").press("ArrowDown")
    keyboard.write("Type app02 to confirm", "app02").press("Enter")
    assert ended(vault, keyboard) == "change_recovery_point"
    keyboard.is_clean()


def test_a_planned_failover_is_cancelled(keyboard, vault):
    vault.machines["app04"].planned_failover().wait()
    keyboard.open(page_of(vault, "app04")).act("Cancel the failover").dialog("cancel")
    keyboard.write("Type app04 to confirm", "app04").press("Enter")
    assert ended(vault, keyboard) == "cancel_failover"
    assert vault.machines["app04"].show().active_site == "a"
    keyboard.is_clean()


def test_an_instant_is_read_before_anything_is_sent(keyboard, vault):
    keyboard.open(page_of(vault, "app03")).act("Fail over").dialog()
    keyboard.reach("Latest: all that arrived").press("ArrowUp").reach("Instant (UTC)")
    keyboard.press("Enter").says("Give an instant as")
    keyboard.page.keyboard.type("2026-02-30 10:00:00")
    keyboard.says("Give an instant as").press("Control+a")
    keyboard.page.keyboard.type("2999-01-01 00:00:00")
    keyboard.says("This instant has not come yet").picture("failover-instant")
    keyboard.press("Escape").page.get_by_role("dialog").wait_for(state="detached")
    assert keyboard.focus() == "Fail over"
    keyboard.is_clean()


def test_a_machine_goes_there_and_home_again(keyboard, vault):
    for where in ("there", "home"):
        keyboard.open(page_of(vault, "app03")).act("Planned failover").dialog(f"planned-{where}")
        keyboard.act("Planned failover")
        assert ended(vault, keyboard) == "planned_failover"
        keyboard.open(page_of(vault, "app03")).act("Commit").dialog(f"commit-{where}").act("Commit")
        assert ended(vault, keyboard) == "commit"
        keyboard.open(page_of(vault, "app03")).act("Reprotect").dialog(f"reprotect-{where}")
        keyboard.act("Reprotect")
        assert ended(vault, keyboard) == "reprotect"
    assert vault.machines["app03"].show().active_site == "a"
    keyboard.is_clean()


def test_a_reprotect_names_the_appliance_and_the_store(keyboard, vault):
    machine = vault.machines["app07"]
    comes(machine, "planned_failover", "commit")
    keyboard.open(page_of(vault, "app07")).act("Reprotect").dialog().says("The old disks at a are compared")
    keyboard.reach("Disks").press("n").says("b is replicated to a, onto new disks")
    keyboard.reach("Appliance").press("a").reach("Store").press("d").picture("reprotect-place")
    with keyboard.page.expect_request("**/api/machines/reprotect") as sent:
        keyboard.act("Reprotect")
    assert ended(vault, keyboard) == "reprotect"
    (there,) = [each for each in vault.appliances if each.site == "a"]
    body = sent.value.post_data_json
    assert (body["location"], body["target_appliance"], body["store"]) == ("alternate", there.id, "default")
    keyboard.is_clean()
    comes(machine, "planned_failover", "commit", "reprotect")


def test_on_the_way_home_the_kind_of_point_is_chosen(keyboard, vault):
    machine = vault.machines["app07"]
    comes(machine, "planned_failover", "commit", "reprotect")
    eventually(lambda: len(machine.choices(Verb.PLANNED_FAILOVER).choices) > 1, 60)
    keyboard.open(page_of(vault, "app07")).act("Planned failover").dialog()
    keyboard.reach("Recovery point").press("End").says("left behind there until the failover is committed")
    keyboard.write("Type app07 to confirm", "app07").picture("planned-kind")
    with keyboard.page.expect_request("**/api/machines/planned-failover") as sent:
        keyboard.press("Enter")
    assert ended(vault, keyboard) == "planned_failover"
    assert sent.value.post_data_json["choice"] == "latest_app_consistent"
    comes(machine, "commit", "reprotect")


def comes(machine, *verbs):
    for verb in verbs:
        getattr(machine, verb)().wait()


def test_a_machine_is_resynchronized(keyboard, vault):
    keyboard.open(page_of(vault, "app01")).act("Resynchronize").dialog("resynchronize").act("Resynchronize")
    assert ended(vault, keyboard) == "resynchronize"
    keyboard.is_clean()


def test_what_happened_meanwhile_is_said_beside_what_was(keyboard, vault):
    keyboard.open(page_of(vault, "app04")).act("Fail over").dialog()
    vault.machines["app04"].planned_failover().wait()
    keyboard.says("Meanwhile this changed").says("planned failed over, b").says("protected, a")
    keyboard.picture("meanwhile")
    vault.machines["app04"].cancel_failover().wait()
    keyboard.is_clean()


def test_a_commit_is_of_the_failover_that_was_read(keyboard, vault):
    """Another point had been started meanwhile: that one was kept, and the way back deleted."""
    machine = vault.machines["app02"]
    if machine.show().state == "protected":  # else it was failed over before
        machine.failover().wait()
    keyboard.open(page_of(vault, "app02")).act("Commit").dialog()
    now = machine.show().failover.point_id
    other = next(each for each in machine.points.list() if each.id != now)
    machine.change_recovery_point(point=other.id).wait()
    keyboard.says("Meanwhile this changed").says("failed over, b")
    keyboard.page.get_by_text("is not possible any more").wait_for(state="detached")
    assert keyboard.page.get_by_role("button", name="Commit", exact=True).last.is_disabled()
    keyboard.says("Meanwhile this changed")
    for verb in ("commit", "reprotect", "planned_failover", "commit", "reprotect"):
        getattr(machine, verb)().wait()


def test_a_session_that_ends_takes_nothing_along(keyboard, vault, token):
    keyboard.open(page_of(vault, "app06")).act("Fail over").dialog().write("Type app06 to confirm", "app06")
    keyboard.page.context.clear_cookies()
    keyboard.says("Your session has ended").picture("session-ended")
    assert not keyboard.page.get_by_text("Starts from").first.is_visible()
    ended = keyboard.page.get_by_role("dialog", name="Your session has ended")
    ended.get_by_role("tab", name="Access token").click()
    ended.locator("input#token").fill(token)
    keyboard.press("Enter")
    ended.wait_for(state="detached")
    keyboard.says("Starts from")
    assert keyboard.page.get_by_label("Type app06 to confirm").input_value() == "app06"


def test_what_a_dialog_says_of_loss_and_obstacles_follows_while_it_stands(keyboard, rig, vault):
    """It was of the instant when it was opened, in the present tense."""
    keyboard.open(page_of(vault, "app06")).act("Fail over").dialog().says("Nothing is in the way")
    before = keyboard.page.get_by_role("dialog").get_by_text("Starts from").inner_text()
    rig.appliances["a"].stop()
    try:
        keyboard.says("has no connection to the vault")
        keyboard.page.wait_for_function(SAYS_NO_MORE, arg=before)
    finally:
        rig.appliances["a"].start()
        rig.wait_connected()
    keyboard.says("Nothing is in the way")


def test_a_dialog_says_how_old_it_is_while_the_vault_is_not_heard(keyboard, rig, vault):
    keyboard.open(page_of(vault, "app06")).act("Fail over").dialog()
    rig.vault.stop()
    try:
        keyboard.page.get_by_role("dialog").get_by_text("No connection to the vault. What").wait_for()
        keyboard.picture("failover-unheard")
    finally:
        rig.vault.start()
        rig.wait_connected()


class Held:
    """Requests of a tab, which wait."""

    def __init__(self):
        self.routes, self.is_shut = [], True

    def __call__(self, route):
        if self.is_shut:
            self.routes.append(route)
        else:
            route.continue_()

    def go_on(self):
        self.is_shut = False
        for each in self.routes:
            each.continue_()


def test_a_dialog_whose_program_is_still_fetched_is_seen_to_come(keyboard, vault):
    """On a thin link the press seemed to do nothing."""
    keyboard.open(page_of(vault, "app06")).page.get_by_role("button", name="Fail over").wait_for()
    held, waits = Held(), keyboard.page.locator(".pf-v6-c-backdrop .pf-v6-c-spinner")
    keyboard.page.route("**/assets/*.js", held)
    keyboard.act("Fail over")
    waits.wait_for()
    keyboard.press("Escape")
    waits.wait_for(state="detached")
    keyboard.press("Enter")
    waits.wait_for()
    held.go_on()
    keyboard.dialog().press("Escape").is_clean()


def test_what_is_on_its_way_is_not_left_as_it_is(keyboard, vault):
    """Escape closed the dialog, and the act happened."""
    keyboard.open(page_of(vault, "app06")).act("Resynchronize").dialog()
    held = Held()
    keyboard.page.route("**/*resynchronize*", held)
    keyboard.act("Resynchronize").page.get_by_role("button", name="Loading").first.wait_for()
    keyboard.press("Escape")
    left = keyboard.page.get_by_role("button", name="Leave it as it is")
    assert (left.is_visible(), left.is_disabled()) == (True, True)
    held.go_on()
    assert ended(vault, keyboard) == "resynchronize"


def test_nothing_is_sent_before_it_can_be_read(keyboard, vault):
    """On a thin link the red button was there before what it would do."""
    held = Held()
    keyboard.page.route("**/choices**", held)
    keyboard.open(page_of(vault, "app06")).act("Fail over").says("What will happen")
    act = keyboard.page.get_by_role("dialog").get_by_role("button", name="Fail over", exact=True)
    keyboard.page.locator("[role=dialog] .pf-v6-c-spinner").first.wait_for()
    assert act.is_disabled()
    held.go_on()
    keyboard.dialog()
    assert act.is_enabled()
    keyboard.press("Escape").is_clean()


def test_a_site_that_was_given_up_and_is_back_can_be_taken_back(keyboard, rig, vault):
    """The field was gone, and what it said was sent and refused."""
    vault.machines["app06"].planned_failover().wait()
    rig.appliances["a"].stop()
    try:
        keyboard.open(page_of(vault, "app06")).act("Commit").dialog().says("A site that is gone for good")
        field = keyboard.page.get_by_label("A site that is gone for good")
        field.select_option("a")
        keyboard.says("What only a has is lost")
    finally:
        rig.appliances["a"].start()
        rig.wait_connected()
    keyboard.says("a is there again. Choose anew.").picture("site-is-back")
    keyboard.page.get_by_text("What only a has is lost").wait_for(state="detached")
    field.select_option("")
    keyboard.page.get_by_text("a is there again").wait_for(state="detached")
    keyboard.press("Escape")
    vault.machines["app06"].cancel_failover().wait()


def test_disabling_is_typed(keyboard, vault):
    page = page_of(vault, "app07")
    keyboard.open(page).act("Disable protection").dialog("disable")
    keyboard.act("Disable protection").says("This is not app07")
    keyboard.write("Type app07 to confirm", "app07").press("Enter")
    assert ended(vault, keyboard) == "disable_protection"
    keyboard.is_clean()
    keyboard.open(page).says("This machine is not under protection")
    vault.machines["app07"].enable_protection("a", "b").wait()  # others go on with it


def test_a_reader_sees_what_the_role_does_not_allow(rig, browser, vault):
    secret = vault.tokens.create("watcher", "reader").token
    tab = support_console.opened(browser, rig.url).log_in(secret)
    tab.open(page_of(vault, "app01")).is_settled()
    tab.page.get_by_text("Your role does not allow: Fail over").wait_for()
    assert tab.page.get_by_role("button", name="Fail over").count() == 0
    tab.open("/providers").is_settled().page.get_by_text("Your role does not allow this: Log-in").wait_for()
    tab.page.context.close()


@pytest.mark.parametrize("look", sorted(support_console.LOOKS))
def test_a_dialog_is_clean_and_fits(rig, browser, token, vault, look):
    tab = support_console.opened(browser, rig.url, look).log_in(token)
    keyboard = support_keyboard.Keyboard(tab).open(page_of(vault, "app01"))
    keyboard.act("Fail over").dialog().says("Nothing is in the way").picture(f"failover-{look}")
    assert not tab.is_too_wide()
    keyboard.press("Escape").open("/machines").act("Act on these").dialog(f"batch-{look}")
    assert not tab.is_too_wide()
    keyboard.is_clean()
    tab.page.context.close()


def test_a_committed_machine_comes_home_in_one_job(keyboard, vault):
    vault.machines["app05"].planned_failover().wait()
    vault.machines["app05"].commit().wait()
    keyboard.open(page_of(vault, "app05")).act("Fail back").dialog("fail-back").says("Recommended")
    keyboard.reach("Synchronize its data").press("End").picture("fail-back-during").act("Fail back")
    assert vault.jobs[keyboard.job()].wait().state == "succeeded"
    assert vault.machines["app05"].show().active_site == "a"
    keyboard.is_clean()
    vault.machines["app05"].commit().wait()
    vault.machines["app05"].reprotect().wait()


def test_what_was_recommended_at_first_is_what_a_failback_does(keyboard, vault):
    """While the dialog stood the recommendation changed, and with it what one click would do."""
    machine = vault.machines["app05"]
    for verb in ("planned_failover", "commit"):
        getattr(machine, verb)().wait()
    keyboard.open(page_of(vault, "app05")).act("Fail back").dialog().says("Recommended: before")
    keyboard.page.route("**/reprotect-preview**", recommending_the_other)
    keyboard.says("Recommended: during").says("Changes are sent from b to a while the machine runs")
    assert keyboard.page.get_by_label("Synchronize its data").input_value() == "before"
    keyboard.picture("fail-back-other").press("Escape")
    for verb in ("reprotect", "planned_failover", "commit", "reprotect"):
        getattr(machine, verb)().wait()


def recommending_the_other(route):
    route.fulfill(json={**support_keyboard.answer(route), "data_sync": "during"})


def test_a_name_is_confirmed_by_what_is_seen_of_it(keyboard, vault):
    """Of blanks at its end, and of more than one in it, nothing is seen: it could not be confirmed at all."""
    vault.machines[ODD].enable_protection("a", "b").wait()
    keyboard.open(page_of(vault, ODD)).act("Disable protection").dialog()
    keyboard.write(f"Type {ODD} to confirm", "two spaces").press("Enter")
    assert ended(vault, keyboard) == "disable_protection"
    keyboard.is_clean()
