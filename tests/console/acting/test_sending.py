"""What becomes of a dialog whose session ends, whose answer is lost, or whose answer has come."""

import re

from rig.eventually import eventually
from tests.console.acting.support_machines import page_of
from tests.support.console import support_console

pytestmark = support_console.SLOW
ENDED = "Your session has ended"
TENTH = """(() => { const of = AbortSignal.timeout.bind(AbortSignal);
    AbortSignal.timeout = (ms) => of(ms / 10); })()"""
"""A page that waits a tenth of its times."""


def again(keyboard, secret):
    """Log in where the session has ended."""
    ended = keyboard.page.get_by_role("dialog", name=ENDED)
    ended.get_by_role("tab", name="Access token").click()
    ended.locator("input#token").fill(secret)
    keyboard.press("Enter")


def test_escape_above_a_dialog_that_nobody_sees_leaves_it(keyboard, vault, token):
    """It was heard by each open dialog: what was about to be sent, and a secret shown once, were gone."""
    keyboard.open(page_of(vault, "app06")).act("Fail over").dialog().write("Type app06 to confirm", "app06")
    keyboard.page.context.clear_cookies()
    keyboard.says(ENDED)
    keyboard.page.get_by_role("dialog", name=ENDED).locator("input#name").focus()
    keyboard.press("Escape", "Escape")
    again(keyboard, token)
    keyboard.page.get_by_role("dialog", name=ENDED).wait_for(state="detached")
    assert keyboard.page.get_by_label("Type app06 to confirm").input_value() == "app06"


def test_escape_above_an_editor_asks_nothing_unseen(keyboard, vault, token):
    keyboard.open("/plans/shop").act("Edit").dialog().reach("RTO goal").press("Control+a")
    keyboard.page.keyboard.type("7 h")
    keyboard.page.context.clear_cookies()
    keyboard.says(ENDED)
    keyboard.page.get_by_role("dialog", name=ENDED).locator("input#name").focus()
    keyboard.press("Escape", "Escape")
    again(keyboard, token)
    keyboard.page.get_by_role("dialog", name=ENDED).wait_for(state="detached")
    assert keyboard.page.get_by_label("RTO goal").input_value() == "7 h"
    assert keyboard.page.get_by_text("What you changed was not sent").count() == 0


def test_who_logs_in_in_another_tab_gets_nothing_of_this_one(rig, vault, keyboard):
    """What one person was about to send stood there for the next one, and was sent under their name."""
    vault.tokens.create("bob", "operator", person="bob")
    secret = vault.tokens["bob"].rotate().token
    keyboard.open(page_of(vault, "app06")).act("Fail over").dialog().write("Type app06 to confirm", "app06")
    changes_person(rig, keyboard, secret)
    keyboard.page.get_by_role("dialog").wait_for(state="detached")
    keyboard.page.locator(".who", has_text="bob").wait_for()
    vault.tokens["bob"].delete()


def changes_person(rig, keyboard, secret):
    other = support_console.Tab(keyboard.page.context, rig.url).open("/").is_settled()
    other.page.get_by_role("button", name="Log out").click()
    other.page.get_by_role("tab", name="Access token").wait_for()
    other.log_in(secret)


def test_who_logs_in_instead_gets_no_draft(vault, keyboard):
    """The browser asked whether to leave the page, and who stayed had the other's draft."""
    vault.tokens.create("bea", "operator", person="bea")
    secret = vault.tokens["bea"].rotate().token
    keyboard.page.on("dialog", lambda each: each.dismiss())
    keyboard.open("/plans/shop").act("Edit").dialog().reach("RTO goal").press("Control+a")
    keyboard.page.keyboard.type("7 h")
    keyboard.page.context.clear_cookies()
    keyboard.says(ENDED)
    again(keyboard, secret)
    keyboard.page.locator(".who", has_text="bea").wait_for()
    assert keyboard.page.get_by_role("dialog").count() == 0
    vault.tokens["bea"].delete()


class Lost:
    """A request that arrives, and whose answer does not, once."""

    def __init__(self):
        self.keys = []

    def __call__(self, route):
        self.keys.append(route.request.headers["idempotency-key"])
        if len(self.keys) > 1:
            route.continue_()
        else:
            route.fetch()
            route.abort()


def test_an_act_whose_answer_was_lost_is_sent_again_and_leads_to_its_job(keyboard, vault):
    """It was told as somebody else's, and what was to be sent again could not be."""
    lost = Lost()
    keyboard.page.route("**/api/machines/failover", lost)
    keyboard.open(page_of(vault, "app06")).act("Fail over").dialog().write("Type app06 to confirm", "app06")
    keyboard.press("Enter").says("It is not known whether the vault got this. Send it again")
    eventually(lambda: vault.machines["app06"].show().state == "failed_over")
    keyboard.page.wait_for_function("() => !document.body.innerText.includes('This is not')")
    assert keyboard.page.get_by_text("Meanwhile this changed").count() == 0
    keyboard.picture("unanswered").act("Fail over")
    assert vault.jobs[keyboard.job()].wait().verb == "failover"
    assert (len(lost.keys), len(set(lost.keys))) == (2, 1)
    for verb in ("commit", "reprotect", "planned_failover", "commit", "reprotect"):
        getattr(vault.machines["app06"], verb)().wait()


def test_machines_whose_answer_was_lost_are_sent_again(keyboard, vault):
    lost = Lost()
    keyboard.page.route("**/api/machines/resynchronize", lost)
    keyboard.open("/machines?search=app0").act("Act on these").dialog()
    dialog = keyboard.page.get_by_role("dialog")
    dialog.get_by_label("What", exact=True).select_option("resynchronize")
    for name in ("app01", "app04"):
        dialog.get_by_label(name, exact=True).check()
    dialog.get_by_role("button", name="Resynchronize").click()
    keyboard.says("It is not known whether the vault got this. Send it again").act("Resynchronize")
    assert vault.jobs[keyboard.job()].wait().state == "succeeded"
    assert len(set(lost.keys)) == 1


def test_what_is_not_answered_in_time_is_told_and_can_be_left(keyboard, vault):
    """Neither Escape nor any button did anything, and nothing was said, for as long as it took."""
    keyboard.page.add_init_script(TENTH)
    keyboard.open(page_of(vault, "app06")).act("Update DNS names").dialog()
    keyboard.page.route("**/api/machines/update-names", lambda route: None)
    keyboard.act("Update DNS names").says("It is on its way").picture("on-its-way")
    keyboard.says("It is not known whether the vault got this").press("Escape")
    keyboard.page.get_by_role("dialog").wait_for(state="detached")


def test_enter_above_a_secret_asks_for_no_other_one(keyboard, vault):
    """It stands in the dialog's one field: Enter there made another one, and this one was dead."""
    vault.people.create("mia", "reader")
    asked = []
    keyboard.page.on("request", lambda each: asked.append(each) if each.method == "POST" else None)
    keyboard.open("/access").act("Reset password mia").dialog().act("Reset password")
    link = keyboard.page.get_by_role("dialog").locator("input")
    link.wait_for()
    said = link.input_value()
    link.press("Enter")
    keyboard.page.wait_for_timeout(500)
    assert (len(asked), link.input_value()) == (1, said)
    keyboard.act("Close")
    vault.people["mia"].delete()


def test_what_once_did_not_fit_confirms_nothing_later(keyboard, vault):
    """It came back with the machines that it had been typed for."""
    keyboard.open("/machines?search=app0").act("Act on these").dialog()
    dialog = keyboard.page.get_by_role("dialog")
    what, typed = dialog.get_by_label("What", exact=True), dialog.get_by_label(re.compile("^Type 1 machine"))
    what.select_option("failover")
    dialog.get_by_label("app01", exact=True).check()
    typed.fill("1 machine")
    what.select_option("disable_protection")
    what.select_option("failover")
    assert typed.input_value() == ""
    keyboard.press("Escape")


def with_a_provider(route):
    route.fulfill(json={**route.fetch().json(), "providers": [{"name": "staff"}]})


def test_who_logs_in_by_a_provider_leaves_nothing_behind(rig, keyboard, vault, token):
    """The page was left for the provider's, though it said that what was about to be sent stays."""
    keyboard.page.route("**/api/log-in", with_a_provider)
    keyboard.open(page_of(vault, "app06")).act("Fail over").dialog().write("Type app06 to confirm", "app06")
    keyboard.page.context.clear_cookies()
    keyboard.says(ENDED).says("Log in with staff, in another tab").picture("log-in-elsewhere")
    with keyboard.page.context.expect_page() as opened:
        keyboard.page.get_by_role("link", name="Log in with staff, in another tab").click()
    opened.value.get_by_role("tab", name="Access token").wait_for()
    support_console.Tab(keyboard.page.context, rig.url).log_in(token)
    keyboard.page.get_by_role("dialog", name=ENDED).wait_for(state="detached")
    assert keyboard.page.get_by_label("Type app06 to confirm").input_value() == "app06"


def test_who_sees_one_site_sees_its_overview(rig, browser, vault):
    """Of a site that the role does not see the map knew no place: nothing at all was shown."""
    secret = vault.tokens.create("second", "operator", site="b").token
    tab = support_console.opened(browser, rig.url).log_in(secret)
    tab.open("/").is_settled()
    tab.page.get_by_role("img", name=re.compile("a .*b")).wait_for()
    assert tab.page.get_by_text("This page broke down").count() == 0
    tab.page.screenshot(path=support_console.PICTURES / "overview-of-one-site.png")
    tab.page.context.close()
    vault.tokens["second"].delete()
