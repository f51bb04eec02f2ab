"""What a person does with the console."""

import re

import pytest

from rig.eventually import eventually
from tests.support.console import support_console

pytestmark = support_console.SLOW


LONG = "erp-with-a-name-that-is-rather-long-for-a-narrow-screen"
IS_CUT = "(of) => of.scrollWidth > of.clientWidth"
ROWS = "tbody tr:not([aria-hidden])"


def shows(tab, rows):
    """Wait until the list has so many rows."""
    tab.page.wait_for_function(f"() => document.querySelectorAll('{ROWS}').length === {rows}")


def test_a_wrong_token_is_told_with_the_vaults_own_words(tab):
    tab.open("/")
    tab.page.get_by_role("tab", name="Access token").click()
    tab.page.locator("input#token").fill("not-a-token")
    tab.page.keyboard.press("Enter")
    assert "token" in tab.page.locator(".pf-v6-c-alert").inner_text()


def test_an_empty_form_says_at_the_field_what_is_missing(tab):
    tab.open("/")
    tab.page.get_by_role("tab", name="Access token").click()
    tab.page.locator("button[type=submit]:visible").click()
    tab.page.get_by_text("Give an access token.").wait_for()


def test_whoever_logs_out_is_out_in_the_next_tab_too(inside, rig):
    again = support_console.Tab(inside.page.context, rig.url).open("/machines").is_settled()
    again.page.get_by_role("button", name="Log out").click()
    again.page.get_by_role("tab", name="Access token").wait_for()
    inside.open("/machines")
    inside.page.get_by_role("tab", name="Access token").wait_for()


def test_a_list_is_searched_as_one_types_and_its_filter_stands_in_the_address(inside):
    inside.open("/machines").is_settled()
    names = inside.page.locator(f"{ROWS} td:first-child")
    inside.page.get_by_label("Find by name").fill("WEB")
    shows(inside, 2)
    assert names.all_inner_texts() == ["web01", "web02"]
    inside.page.get_by_label("State", exact=True).select_option("failed_over")
    shows(inside, 1)
    assert inside.page.url.endswith("?search=WEB&state=failed_over")


def test_a_list_is_sorted_both_ways(inside):
    inside.open("/machines").is_settled()
    names = inside.page.locator(f"{ROWS} td:first-child")
    before = names.all_inner_texts()
    inside.page.get_by_role("button", name="Machine", exact=True).click()
    assert names.all_inner_texts() == before[::-1] == sorted(before, reverse=True)


def test_a_row_stays_under_the_pointer_while_what_it_is_sorted_by_changes(inside, rig):
    """Of 299 machines the first six changed places every other second."""
    inside.open("/machines").is_settled()
    inside.page.get_by_role("button", name="State", exact=True).click()
    names, row = inside.page.locator(f"{ROWS} td:first-child"), inside.page.locator(ROWS, has_text=LONG)
    before, box = names.all_inner_texts(), row.bounding_box()

    def points(text):
        for beside in (40, 60):
            inside.page.mouse.move(box["x"] + beside, box["y"] + 20)
        return text in row.inner_text()

    with rig.client() as vault:
        vault.machines[LONG].planned_failover()
        eventually(lambda: points("planned failed over"), within_seconds=120)
        assert names.all_inner_texts() == before
        inside.page.mouse.move(5, 5)
        eventually(lambda: names.all_inner_texts() != before)
        vault.machines[LONG].cancel_failover().wait()


def test_what_is_done_with_a_list_is_in_view_on_a_narrow_screen(rig, browser, token):
    """It was at the end of what scrolls sideways, without showing it."""
    tab = support_console.opened(browser, rig.url, "narrow").log_in(token).open("/machines").is_settled()
    box = tab.page.get_by_role("button", name="Act on these").bounding_box()
    assert box["x"] + box["width"] <= support_console.LOOKS["narrow"][0]
    tab.page.context.close()


def test_a_machine_is_reached_by_keyboard_alone(inside):
    inside.open("/machines").is_settled()
    inside.page.get_by_label("Find by name").focus()
    inside.page.keyboard.type("web02")
    shows(inside, 1)
    for _ in range(40):
        inside.page.keyboard.press("Tab")
        if inside.page.evaluate("document.activeElement.textContent") == "web02":
            break
    inside.page.keyboard.press("Enter")
    inside.page.get_by_role("heading", level=1, name="web02").wait_for()
    inside.page.get_by_text("Possible now", exact=True).wait_for()


def test_a_machine_says_why_something_is_not_possible(inside, rig):
    with rig.client() as vault:
        machine = vault.machines["web02"].show()
    inside.open(f"/machines/{machine.id}").is_settled()
    assert machine.refused_operations
    text = re.sub(r"\s+", " ", inside.page.inner_text("main"))
    for each in machine.refused_operations:
        assert each.why in text
    for each in machine.findings:
        assert each.do in text


def test_ages_are_counted_by_the_vaults_clock(inside, rig):
    """A browser's clock that was three hours ahead made everything three hours older."""
    inside.page.add_init_script("const now = Date.now; Date.now = () => now() + 3 * 3600e3;")
    with rig.client() as vault:
        machine = vault.machines["web01"].show()
    inside.open(f"/machines/{machine.id}").is_settled()
    ages = re.findall(r"(\d[^,(]*) ago", inside.page.inner_text("main"))
    assert ages
    assert [each for each in ages if " h" in each or " d" in each] == []


def test_what_happens_is_seen_without_loading_anything_anew(inside, rig):
    inside.open("/machines").is_settled()
    row = inside.page.locator("tbody tr", has_text="db01")
    row.get_by_text("protected").wait_for()
    with rig.client() as vault:
        vault.machines["db01"].test_failover(network="create").wait()
        row.get_by_text("drill running").wait_for()
        vault.machines["db01"].cleanup_test_failover(notes="seen").wait()
    row.get_by_text("drill running").wait_for(state="detached")
    inside.page.get_by_role("link", name="db01").click()
    inside.page.get_by_role("tab", name="Events").click()
    inside.page.get_by_text("seen", exact=True).wait_for()


def test_the_dark_theme_stays_for_the_next_visit(inside):
    inside.page.get_by_role("button", name="Dark theme").click()
    inside.open("/jobs").is_settled()
    assert "pf-v6-theme-dark" in inside.page.locator("html").get_attribute("class")


def test_ten_tabs_have_one_stream(inside, rig, browser):
    context = inside.page.context
    tabs = [support_console.Tab(context, rig.url).open("/machines") for _ in range(10)]
    for each in tabs:  # a browser has six connections in all
        each.page.get_by_role("link", name="db01").wait_for()
    told = browser.new_browser_cdp_session().send("Target.getTargets")["targetInfos"]
    assert [each["type"] for each in told].count("shared_worker") == 1


def test_a_page_that_is_first_opened_while_the_vault_is_away_comes_once_it_is_back(inside):
    """It had broken down for good."""
    inside.open("/machines").is_settled()
    inside.page.context.set_offline(True)
    inside.page.get_by_role("navigation").get_by_role("link", name="Recovery plans", exact=True).click()
    inside.page.wait_for_url("**/console/plans")
    inside.page.locator(".pf-v6-c-spinner").first.wait_for()
    inside.page.context.set_offline(False)
    inside.page.get_by_role("heading", level=1, name="Recovery plans").wait_for()


def test_a_vault_that_is_gone_is_said_with_the_age_of_what_stands_there(inside, rig):
    inside.open("/machines").is_settled()
    rig.vault.stop()
    try:
        inside.page.get_by_text(
            re.compile("No connection to the vault. What stands here is .* old")
        ).wait_for()
        assert inside.page.get_by_role("link", name="db01").is_visible()
    finally:
        rig.vault.start()
    inside.page.get_by_text("No connection to the vault").wait_for(state="detached", timeout=60_000)


@pytest.mark.parametrize("look", sorted(support_console.LOOKS))
def test_the_layout_of_a_long_list_does_not_come_of_what_is_in_view(rig, browser, token, look):
    """A long name that came into view made rows higher, which moved it out of view, and so on without end."""
    tab = support_console.opened(browser, rig.url, look).log_in(token).open("/machines").is_settled()
    places = "() => [...document.querySelectorAll('.scroller th')].map((each) => each.offsetLeft)"
    heights = f"() => [...document.querySelectorAll('{ROWS}')].map((each) => each.offsetHeight)"
    shows(tab, 4)
    before = tab.page.evaluate(places)
    assert len(set(tab.page.evaluate(heights))) == 1
    tab.page.get_by_label("Find by name").fill("web")
    shows(tab, 2)
    assert tab.page.evaluate(places) == before
    assert not tab.is_too_wide()
    tab.page.context.close()


def test_a_dialog_says_whole_what_it_is_about_also_on_a_phone(browser, rig, token):
    """ "Fail over: erp-with-a-na...", and of which of two machines it was could not be read."""
    tab = support_console.opened(browser, rig.url, "narrow").log_in(token)
    with rig.client() as vault:
        machine = vault.machines[LONG].show()
    tab.open(f"/machines/{machine.id}").is_settled()
    tab.page.get_by_role("button", name="Fail over", exact=True).click()
    title = tab.page.get_by_role("dialog").get_by_text(f"Fail over: {LONG}")
    title.wait_for()
    assert not title.evaluate(IS_CUT)
    tab.page.context.close()
