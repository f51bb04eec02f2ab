"""The operator's whole story in the real console, against two real guests: a drill, the worst hour and the
way home; then a plan with a manual action, which a second person has to grant."""

import re

import pytest

import guestkit
from rig import Rig
from rig.eventually import eventually
from tests.e2e import support_e2e as e2e
from tests.e2e.console.support_operator import Operator
from tests.support import policies
from tests.support.console import support_console

pytestmark = [
    pytest.mark.guest,
    pytest.mark.slow,
    pytest.mark.every,
    pytest.mark.longest,
    pytest.mark.timeout(300),
]
WRITING = guestkit.Workload(records_per_second=6, load_kib_per_second=64)
NAMES = ("db01", "web01")
TRIED = "Nothing here keeps a machine that was failed over from being started"
NOTES = "boots, <b>login</b> works"


@pytest.fixture(scope="module")
def browser():
    support_console.require_axe()
    with support_console.chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def rig():
    with Rig("libvirt", forked=True) as rig:
        e2e.command_through(rig, "a")
        yield rig


@pytest.fixture(scope="module")
def people():
    """Those at the console, by name."""
    return {}


@pytest.fixture
def ann(people):
    return people["ann"]


def come(rig, browser, people, name, role):
    with rig.client() as vault:
        secret = vault.tokens.create(name, role, person=name).token
    people[name] = Operator(browser, rig.url, secret)
    return people[name]


def page_of(rig, name):
    return f"/machines/{rig.machine(name).id}"


def test_an_appliance_is_seen_as_it_is_enrolled_and_as_it_comes(rig, browser, people):
    def furnish(site):
        if site == "b":
            return
        for name in NAMES:
            rig.make_guest(name, workload=WRITING, screen=True)
        ann = come(rig, browser, people, "ann", "contributor")
        ann.opens("/").sees("No machine is protected yet").is_well("nothing-yet")
        ann.goes_to("Sites").sees("appliance-a, site a").sees("not connected").is_well("enrolled")

    rig.open(furnish=furnish)
    with rig.client() as vault:
        vault.policies.create(**policies.quick().model_dump())
    ann = people["ann"].sees("appliance-b, site b")
    with rig.client() as vault:  # once it knows what its host lacks, an appliance greets the vault anew
        eventually(lambda: all(TRIED in str(each.notes) for each in vault.appliances), 90)
    ann.page.get_by_text("not connected").first.wait_for(state="detached")
    assert ann.page.get_by_text("connected", exact=True).count() == 2
    ann.is_well("connected")


def test_both_guests_are_protected(rig, ann):
    for guest in rig.guests.values():
        e2e.wait_for_record(guest.console, 3, within_seconds=90)
    ann.goes_to("Machines").presses("Protect machines")
    dialog = ann.dialog()
    for name in NAMES:
        dialog.get_by_label(name, exact=True).check()
    dialog.get_by_label("Policy", exact=True).select_option("quick")
    dialog.get_by_text("Nothing is in the way").nth(1).wait_for()
    ann.starts("Protect machines", "protect")
    ann.sees("Jobs that it started").sees_it_end().is_well("protected")
    for name in NAMES:
        rig.new_points(name)
    ann.goes_to("Machines")
    for name in NAMES:
        ann.page.locator("tbody tr", has_text=name).get_by_text("protected", exact=True).wait_for()
    ann.is_well("machines")


def test_a_drill_shows_the_copys_screen_and_ends_with_a_verdict_and_notes(rig, ann):
    before = rig.guests["web01"].console.last_record
    ann.opens(page_of(rig, "web01")).presses("Test failover").sees("Starts from")
    ann.starts("Test failover", "drill")
    ann.sees_it_end()
    screen = ann.page.get_by_role("img", name="Screen of web01")
    screen.wait_for()
    assert screen.evaluate("image => image.complete && image.naturalWidth") > 300
    ann.is_well("drill-with-picture")
    assert e2e.booted(rig.console("b", "web01-test"), 1).verified_last > 0
    e2e.wait_for_record(rig.guests["web01"].console, before + 5)
    ann.opens(page_of(rig, "web01")).presses("Clean up the test failover")
    dialog = ann.dialog()
    dialog.get_by_label("Verdict").select_option("passed")
    dialog.get_by_label("Notes").fill(NOTES)
    ann.starts("Clean up the test failover", "clean-up")
    ann.sees_it_end()
    ann.opens(page_of(rig, "web01")).page.get_by_role("tab", name="Events").click()
    ann.tab.is_settled()
    ann.page.get_by_text(NOTES, exact=True).wait_for()
    ann.is_well("notes")
    assert rig.qemus("web01-test") == []


def test_the_evidence_of_the_drill_has_its_picture(rig, ann):
    with rig.client() as vault:
        eventually(lambda: next(iter(vault.evidence.list()), None))
    row = ann.goes_to("Drills and evidence").page.locator(
        "tr", has=ann.page.get_by_text("test failover", exact=True)
    )
    row.get_by_role("link").click()
    ann.tab.is_settled()
    screen = ann.page.locator("img.screen")
    screen.first.wait_for()
    ann.page.wait_for_function("() => document.querySelector('img.screen').naturalWidth > 300")
    ann.is_well("evidence")


def test_a_lost_site_is_what_the_overview_says_first(rig, ann):
    for name in NAMES:
        rig.new_points(name, 2)
    ann.goes_to("Overview")
    rig.lose("a")
    needs = ann.page.get_by_role("link", name=re.compile("appliance-a"))
    needs.first.wait_for()
    ann.is_well("site-lost")


def test_the_machine_fails_over_to_the_point_that_was_chosen(rig, ann):
    chosen = rig.points("web01")[-2]
    ann.opens(page_of(rig, "web01")).presses("Fail over")
    dialog = ann.dialog()
    dialog.get_by_label("One of the recovery points").check()
    dialog.get_by_label("Which point").select_option(chosen.id)
    ann.sees("Starts from")
    typed = dialog.get_by_label("Type web01 to confirm")
    if typed.count():
        typed.fill("web01")
    job = ann.starts("Fail over", "failover")
    ann.sees_it_end().is_well("failed-over")
    assert rig.machine("web01").failover.point_id == chosen.id
    assert e2e.booted(rig.console("b", "web01"), 1).verified_last > 0
    with rig.client() as vault:
        assert vault.jobs[job].show().requested_by == "ann"


def test_the_point_is_changed_for_an_older_one(rig, ann):
    older = rig.points("web01")[0]
    records = rig.console("b", "web01").boots[-1].verified_last
    ann.opens(page_of(rig, "web01")).presses("Change the recovery point")
    dialog = ann.dialog()
    dialog.get_by_label("Which point").select_option(older.id)
    dialog.get_by_label("Type web01 to confirm").fill("web01")
    ann.starts("Change the recovery point", "change-point")
    ann.sees_it_end()
    assert e2e.booted(rig.console("b", "web01"), 2).verified_last < records
    assert rig.machine("web01").failover.point_id == older.id


def act(rig, ann, verb, station):
    ann.opens(page_of(rig, "web01")).presses(verb)
    ann.starts(verb, station)
    ann.sees_it_end()


def test_it_is_committed_and_protected_back_once_its_site_is_there_again(rig, ann):
    act(rig, ann, "Commit", "commit")
    rig.appliances["a"].start()
    rig.wait_connected()
    ann.goes_to("Overview").page.get_by_role("link", name=re.compile("appliance-a")).wait_for(
        state="detached"
    )
    act(rig, ann, "Reprotect", "reprotect")
    machine = rig.machine("web01")
    assert (machine.state, machine.active_site, machine.target_site) == ("protected", "b", "a")
    ann.is_well("reprotected")


def test_it_comes_home_without_losing_a_record(rig, ann):
    boots = len(rig.console("a", "web01").boots)
    act(rig, ann, "Planned failover", "failback")
    boot = e2e.booted(rig.console("a", "web01"), boots + 1)
    assert boot.verified_last == rig.console("b", "web01").boots[-1].bye
    act(rig, ann, "Commit", "commit-at-home")
    act(rig, ann, "Reprotect", "reprotect-at-home")
    assert (rig.machine("web01").state, rig.machine("web01").active_site) == ("protected", "a")
    assert len(rig.qemus("web01")) == 1


def test_a_second_person_grants_the_run_of_the_plan(rig, browser, people, ann):
    e2e.ask(rig, "a", "start_again", name="db01")
    with rig.client() as vault:
        action = {"name": "Look at the database", "instruction": "Look whether the database answers"}
        groups = [{"machines": ("db01",), "after": (action,)}, {"machines": ("web01",)}]
        come(rig, browser, people, "bob", "operator")
        vault.plans.create("shop", groups, rto_goal_seconds=3600)
        for name in ("carl", "dora"):
            vault.tokens.create(name, "access_administrator", person=name, valid_seconds=None)
        vault.approvals.require("planned_failover")
    for name in NAMES:
        rig.new_points(name)
    ann.goes_to("Recovery plans").page.get_by_role("link", name="shop").click()
    ann.tab.is_settled().page.get_by_role("button", name="Planned failover").wait_for()
    ann.is_well("plan")
    ann.presses("Planned failover")
    dialog = ann.dialog()
    dialog.get_by_text("Group 2: web01").wait_for()
    ann.is_well("plan-run")
    ann.presses("Ask for approval: Planned failover", dialog).sees("The request waits for a second person")
    ann.tab.said.clear()  # a browser tells each refusal
    ann.is_well("asked")
    dialog.get_by_role("link", name="See the requests").click()
    ann.sees("Withdraw")
    bob = people["bob"]
    bob.goes_to("Overview").sees("planned.failover").is_well("asked-of-bob")
    bob.goes_to("Access").presses("Grant request 1")
    bob.starts("Grant", "grant")
    with rig.client() as vault:
        assert vault.jobs[bob.page.url.rpartition("/")[2]].show().requested_by == "ann"


def test_the_plan_waits_for_what_a_person_saw_and_goes_on_in_its_order(rig, people, ann):
    bob = people["bob"]
    job = bob.page.url.rpartition("/")[2]
    homes = {name: rig.console("a", name) for name in NAMES}
    before = {name: len(rig.console("b", name).boots) for name in NAMES}
    ann.opens("/").page.get_by_role("link", name="planned failover plan shop").first.click()
    ann.sees("Look whether the database answers").is_well("waits-for-a-person")
    assert rig.machine("db01").active_site == "b"
    assert rig.machine("web01").active_site == "a"
    ann.presses("Answer")
    dialog = ann.dialog()
    dialog.get_by_label("Your answer").select_option(index=1)
    dialog.get_by_label("What you saw").fill("it answers")
    ann.is_well("answer").presses("Answer", dialog)
    for each in (ann, bob):
        each.sees_it_end().sees("it answers").is_well("plan-ended")
    for name in NAMES:
        boot = e2e.booted(rig.console("b", name), before[name] + 1)
        assert boot.verified_last == homes[name].boots[-1].bye
        assert len(rig.qemus(name)) == 1
    with rig.client() as vault:
        (answer,) = [each.answer for each in vault.jobs[job].show().tasks if each.answer]
    assert (answer.by, answer.note) == ("ann", "it answers")
