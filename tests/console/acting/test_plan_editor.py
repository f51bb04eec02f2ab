"""Recovery plans are made, changed, compared and deleted: by keyboard alone, and by drag."""

import pytest

from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.domain.lifecycle import Verb
from secondsite.wire import rest
from secondsite.wire.common.machine_checks import CheckKind, MachineCheck
from tests.console.acting import support_keyboard
from tests.support.console import support_console

pytestmark = support_console.SLOW
REACHED_END = """() => { const at = document.querySelector('[role=dialog] [role=group]');
    return at.scrollTop + at.clientHeight > at.scrollHeight - 2; }"""
BODY = "document.querySelector('.pf-v6-c-modal-box__body')"
TO_THE_END = f"() => {{ const at = {BODY}; at.scrollTop = at.scrollHeight; }}"
IN_VIEW = """(of) => { const { x, y, width, height } = of.getBoundingClientRect();
    return of.contains(document.elementFromPoint(x + width / 2, y + height / 2)); }"""


@pytest.fixture
def plan(vault):
    """A plan of three machines in two groups, which nobody else has."""
    vault.plans.create("desk", [rest.PlanGroupChange(machines=("app01", "app02")), one_of("app03")])
    yield vault.plans["desk"]
    vault.plans["desk"].delete()


def one_of(name):
    return rest.PlanGroupChange(machines=(name,))


def groups(plan):
    return [[each.name for each in group.machines] for group in plan.show().groups]


def test_a_plan_is_made_by_keyboard_alone(keyboard, vault):
    keyboard.open("/plans").act("New recovery plan").dialog("plan-new")
    keyboard.act("Create").says("Choose a machine for this group").picture("plan-new-wrong")
    assert keyboard.focus() == "Name"
    keyboard.write("Name", "Front Office").says('Use a-z, 0-9 and "-"')
    keyboard.press("Control+a").write("Name", "front").reach("RTO goal").press("Control+a")
    keyboard.write("RTO goal", "1 h 30 min").act("Choose machines for group 1")
    keyboard.reach("app01").press("Space").reach("app02").press("Space").act("Add a group")
    keyboard.act("Choose machines for group 2").reach("app04").press("Space")
    keyboard.act("Add an action: Before group 2").reach("Name of the action")
    keyboard.press("Enter").says("Give this.").write("Name of the action", "Call the desk")
    keyboard.write("What is to be done", "Tell them.").picture("plan-new")
    keyboard.act("Create").page.get_by_role("dialog").wait_for(state="detached")
    made = vault.plans["front"].show()
    assert groups(vault.plans["front"]) == [["app01", "app02"], ["app04"]]
    assert (made.rto_goal_seconds, made.groups[1].before[0].instruction) == (5400, "Tell them.")
    keyboard.open("/plans/front").act("Delete").dialog("plan-delete").act("Delete")
    keyboard.page.wait_for_url("**/console/plans")
    with pytest.raises(errors.NotFound):
        vault.plans["front"].show()
    keyboard.is_clean()


def test_machines_groups_and_actions_move_by_keys_that_say_where_they_went(keyboard, plan):
    keyboard.open("/plans/desk").act("Edit").dialog("plan-edit")
    keyboard.act("Move app01 down").says("app01: Machines of group 1, 2 of 2")
    assert keyboard.focus() == "Move app01 down"
    keyboard.press("Enter").says("app01: Machines of group 2, 1 of 2").press("Enter")
    keyboard.reach("Move Group 2 up").press("Enter").says("The group is now 1 of 2")
    keyboard.reach("Place of app02").press("ArrowUp").says("app02: Machines of group 1, 3 of 3")
    keyboard.reach("Take Group 2 out").press("Enter").act("Add an action: After group 1")
    keyboard.reach("Done by").press("ArrowDown").write("Name of the action", "Clear caches")
    keyboard.write("Script", "../clear").act("Save").says("Give the name of a file")
    keyboard.press("Control+a").write("Script", "clear.sh").reach("Runs").press("ArrowDown")
    keyboard.reach("Is killed after").press("Control+a").write("Is killed after", "0.001 s")
    keyboard.says("Give a span from 1 s to 6 h").press("Control+a").write("Is killed after", "10 min")
    keyboard.reach("Place of Clear caches").press("ArrowUp").says("Clear caches: Before group 1")
    keyboard.act("Save").says("This machine has not been started by then")
    keyboard.reach("Place of Clear caches").press("ArrowDown").picture("plan-moved")
    keyboard.act("Save").page.get_by_role("dialog").wait_for(state="detached")
    assert groups(plan) == [["app03", "app01", "app02"]]
    (script,) = plan.show().groups[0].after
    assert (script.script, script.guest, script.timeout_seconds) == ("clear.sh", "app03", 600)
    keyboard.is_clean()


def test_after_something_is_taken_out_the_focus_is_where_it_was(keyboard, plan):
    """It was lost to the page below, and the next Tab began at the top."""
    keyboard.open("/plans/desk").act("Edit").dialog().act("Take app01 out").says("app01 was taken out")
    assert eventually(keyboard.focus) == "Take app02 out"
    keyboard.press("Enter").says("app02 was taken out")
    assert keyboard.focus() == "Choose machines for group 1"
    keyboard.act("Take Group 1 out").says("Group 1 was taken out")
    assert keyboard.focus() == "Take Group 1 out"
    keyboard.press("Enter")
    assert eventually(lambda: keyboard.focus() == "Add a group")


def test_machines_and_groups_are_dragged(keyboard, plan):
    keyboard.open("/plans/desk").act("Edit").dialog()
    item = keyboard.page.locator
    drag(keyboard, "Drag app01", item("li[data-key]", has_text="app03"), lower=False)
    keyboard.says("app01: Machines of group 2, 1 of 2")
    drag(keyboard, "Drag Group 1", item("li[data-group]", has_text="Group 2").last, lower=True)
    keyboard.says("The group is now 2 of 2").picture("plan-dragged")
    keyboard.act("Save").page.get_by_role("dialog").wait_for(state="detached")
    assert groups(plan) == [["app01", "app03"], ["app02"]]
    keyboard.is_clean()


def test_escape_ends_a_drag_and_nothing_else(keyboard, plan):
    keyboard.open("/plans/desk").act("Edit").dialog()
    mouse, handle = keyboard.page.mouse, keyboard.page.get_by_title("Drag app01")
    handle.scroll_into_view_if_needed()
    mouse.move(*middle(handle))
    mouse.down()
    dragged = keyboard.page.locator(".dragged")
    dragged.wait_for()
    keyboard.press("Escape")
    dragged.wait_for(state="detached")
    mouse.up()
    assert keyboard.page.get_by_role("dialog").is_visible()
    keyboard.press("Escape").page.get_by_role("dialog").wait_for(state="detached")
    assert groups(plan) == [["app01", "app02"], ["app03"]]


def drag(keyboard, handle, onto, *, lower):
    """By the pointer: press on a handle, wait at the lower edge until the list has come by, let go there."""
    mouse, handle = keyboard.page.mouse, keyboard.page.get_by_title(handle)
    handle.scroll_into_view_if_needed()
    mouse.move(*middle(handle))
    mouse.down()
    edge = keyboard.page.get_by_role("group").first.bounding_box()
    mouse.move(edge["x"] + 80, edge["y"] + edge["height"] - 5, steps=8)
    keyboard.page.wait_for_function(REACHED_END)
    end = onto.bounding_box()
    mouse.move(end["x"] + 40, end["y"] + (end["height"] - 4 if lower else 4), steps=8)
    mouse.up()


def middle(of):
    box = of.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_what_another_person_changed_stands_beside_it(keyboard, plan):
    keyboard.open("/plans/desk").act("Edit").dialog().reach("RTO goal").press("Control+a")
    keyboard.write("RTO goal", "2 h")
    plan.set([one_of("app01"), one_of("app03")], rto_goal_seconds=60)
    keyboard.says("Somebody else changed this meanwhile")
    rows = keyboard.page.get_by_role("alert").get_by_role("row")
    assert rows.filter(has_text="RTO goal").inner_text().split() == [
        "RTO",
        "goal",
        "0",
        "s",
        "1",
        "min",
        "2",
        "h",
    ]
    keyboard.dialog("plan-stale")
    assert keyboard.page.get_by_role("button", name="Save").is_disabled()
    keyboard.act("Go on with mine").act("Save").page.get_by_role("dialog").wait_for(state="detached")
    assert (groups(plan), plan.show().rto_goal_seconds) == ([["app01", "app02"], ["app03"]], 7200)
    keyboard.is_clean()


@pytest.mark.parametrize("look", sorted(support_console.LOOKS))
def test_both_choices_are_in_view_however_much_differs(rig, browser, token, plan, look):
    """They stood below what scrolls, and long words led the form's own column out of view."""
    keyboard = support_keyboard.Keyboard(support_console.opened(browser, rig.url, look).log_in(token))
    plan.set([called(number, "x" * 60) for number in range(1, 5)])
    keyboard.open("/plans/desk").act("Edit").dialog().act("Move Group 1 down")
    plan.set([called(number, "y" * 60) for number in range(1, 5)])
    for choice in ("Take what is there now", "Go on with mine"):
        in_view(keyboard, choice)
    says = keyboard.page.locator(".dialog-says")
    assert says.evaluate("(of) => [of.scrollWidth <= of.clientWidth, of.scrollHeight > of.clientHeight]") == [
        True,
        True,
    ]
    keyboard.picture(f"plan-stale-{look}").act("Go on with mine")
    keyboard.page.context.close()


def called(number, name):
    call = rest.PlanAction(name=name, instruction="Call them.")
    return rest.PlanGroupChange(machines=(f"app0{number}",), before=(call,))


def test_what_another_person_changed_is_looked_at_again_before_it_is_deleted(keyboard, plan):
    """The same refusal came for ever."""
    keyboard.open("/plans/desk").act("Delete").dialog()
    plan.set([one_of("app01")])
    keyboard.act("Delete").says("Somebody else changed this meanwhile").says("Close this, and open it anew")
    dialog = keyboard.page.get_by_role("dialog")
    assert dialog.get_by_role("button", name="Delete", exact=True).is_disabled()
    keyboard.press("Escape")
    dialog.wait_for(state="detached")
    keyboard.act("Delete").dialog().press("Escape")
    assert groups(plan) == [["app01"]]


def test_when_a_plan_commits_by_itself_is_set_and_outlives_another_edit(keyboard, vault, plan):
    for name in ("app01", "app02", "app03"):
        vault.machines[name].set_checks([MachineCheck(name="agent", kind=CheckKind.AGENT)])
    keyboard.open("/plans/desk").act("Edit").dialog().reach("Commits by itself after").press("Control+a")
    keyboard.write("Commits by itself after", "2 min").act("Save").says("Give a span from 5 min to 7 d")
    keyboard.press("Control+a").write("Commits by itself after", "1 h").act("Save")
    keyboard.page.get_by_role("dialog").wait_for(state="detached")
    keyboard.says("its checks have held for 1 h")
    keyboard.act("Edit").dialog().reach("RTO goal").press("Control+a")
    keyboard.write("RTO goal", "3 h").act("Save")
    keyboard.page.get_by_role("dialog").wait_for(state="detached")
    shown = plan.show()
    assert (shown.rto_goal_seconds, shown.commit_after_held_seconds) == (10_800, 3600)
    for name in ("app01", "app02", "app03"):
        vault.machines[name].set_checks([])  # others move them
    keyboard.is_clean()


def test_a_failover_is_left_to_a_person_who_commits_it(keyboard, vault):
    machine = vault.machines["app07"]
    machine.set_checks([MachineCheck(name="agent", kind=CheckKind.AGENT, deadline_seconds=2)])
    vault.plans.create("late", [one_of("app07")], commit_after_held_seconds=604_800)
    try:
        with pytest.raises(errors.JobNotSucceeded):  # it has no agent
            vault.plans["late"].run(Verb.FAILOVER, rest.PlanFailover()).wait(60)
        keyboard.open("/plans/late")
        eventually(
            lambda: vault.plans["late"].show().held_checks, 120
        )  # a new vault hears for a minute first
        keyboard.says("does not commit by itself now").act("Keep open").dialog("keep-open")
        keyboard.says("a person commits it").act("Keep open")
        keyboard.page.get_by_role("dialog").wait_for(state="detached")
        keyboard.says("keeps this failover open").picture("plan-kept-open").is_clean()
        assert vault.plans["late"].show().held_checks.kept_open_by
        assert not keyboard.page.get_by_role("button", name="Keep open").count()
    finally:
        vault.plans["late"].delete()
        machine.set_checks([])
        for verb in ("commit", "reprotect", "planned_failover", "commit", "reprotect"):
            getattr(machine, verb)().wait()


def test_what_was_changed_is_not_lost_by_one_key(keyboard, plan):
    keyboard.open("/plans/desk").act("Edit").dialog().act("Move app02 up").press("Escape")
    keyboard.says("What you changed was not sent").press("Escape")
    keyboard.page.get_by_role("dialog").wait_for(state="detached")
    assert groups(plan) == [["app01", "app02"], ["app03"]]
    keyboard.is_clean()


def test_ones_own_change_whose_answer_was_lost_is_told_as_saved(keyboard, plan):
    """It was told as somebody else's."""
    keyboard.page.route("**/api/plans/desk", lose_the_answer)
    keyboard.open("/plans/desk").act("Edit").dialog().reach("RTO goal").press("Control+a")
    keyboard.write("RTO goal", "5 h").act("Save").says("It is saved: the vault got it").act("Close")
    keyboard.page.get_by_role("dialog").wait_for(state="detached")
    assert plan.show().rto_goal_seconds == 18_000


def lose_the_answer(route):
    if route.request.method == "PUT":
        route.fetch()
        return route.abort()
    return route.continue_()


def test_back_and_reload_ask_before_they_drop_what_was_changed(keyboard, plan):
    """They dropped it without a word."""
    keyboard.open("/plans").act("desk").act("Edit").dialog().act("Move app02 up")
    page, asked = keyboard.page, []

    def dismiss(dialog):
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.evaluate("location.reload()")
    assert eventually(lambda: asked) == ["beforeunload"]
    page.evaluate("history.back()")
    keyboard.says("What you changed was not sent")
    assert page.url.endswith("/plans/desk")
    page.evaluate("history.back()")
    page.get_by_role("dialog").wait_for(state="detached")
    page.wait_for_function("() => history.state !== 'stays'")
    page.evaluate("history.back()")
    page.wait_for_url("**/console/plans")
    assert groups(plan) == [["app01", "app02"], ["app03"]]


def test_what_is_said_is_in_view_however_far_the_form_is_scrolled(keyboard, plan, rig):
    """It stood above what scrolls: Escape and Save seemed to do nothing, or too much."""
    keyboard.page.set_viewport_size({"width": 1000, "height": 500})
    keyboard.open("/plans/desk").act("Edit").dialog().act("Move app02 up")
    at_the_end(keyboard).press("Escape")
    in_view(keyboard, "What you changed was not sent")
    keyboard.act("Move app02 down").act("Move app02 up")
    keyboard.page.get_by_text("What you changed was not sent").wait_for(state="detached")
    at_the_end(keyboard).press("Escape")
    in_view(keyboard, "What you changed was not sent")
    plan.set([one_of("app01"), one_of("app02")], rto_goal_seconds=60)
    in_view(keyboard, "Somebody else changed this meanwhile")
    keyboard.picture("plan-stale-low").act("Go on with mine")
    rig.vault.stop()
    try:
        at_the_end(keyboard).act("Save")
        in_view(keyboard, "It is not known whether the vault got this")
    finally:
        rig.vault.start()
        rig.wait_connected()


def at_the_end(keyboard):
    keyboard.page.evaluate(TO_THE_END)
    return keyboard


def in_view(keyboard, text):
    found = keyboard.page.get_by_role("dialog").get_by_text(text)
    found.wait_for()
    keyboard.page.wait_for_function(IN_VIEW, arg=found.element_handle())


def test_the_page_says_what_a_run_gives_each_machine(keyboard, plan):
    keyboard.open("/plans/desk").says("A run of all of it now").reach("Which run").press("End")
    row = keyboard.page.get_by_role("button", name="app01 starts at b")
    row.focus()
    keyboard.press("Enter").says("the drill's network").picture("plan-preview")
    assert keyboard.tab.amiss() == []
    keyboard.is_clean()


@pytest.mark.parametrize("look", sorted(support_console.LOOKS))
def test_the_editor_is_clean_and_fits(rig, browser, token, plan, look):
    tab = support_console.opened(browser, rig.url, look).log_in(token)
    keyboard = support_keyboard.Keyboard(tab).open("/plans/desk")
    keyboard.act("Edit").dialog().act("Add an action: Before group 1").reach("Name of the action")
    keyboard.dialog(f"plan-edit-{look}")
    assert not tab.is_too_wide()
    keyboard.is_clean()
    tab.page.context.close()
