"""Texts that others wrote, and pages from elsewhere, against somebody who is logged in."""

from tests.support.console import support_console

pytestmark = support_console.SLOW
NAME = "erp-with-a-name-that-is-rather-long-for-a-narrow-screen"
BAIT = "<img src=x onerror=document.title='caught'><script>document.title='caught'</script>"


def test_a_frame_around_the_console_stays_empty(inside, rig):
    page = inside.page.context.new_page()
    page.set_content(f"<iframe src='{rig.url}/console/'></iframe>")
    page.wait_for_timeout(1500)
    assert page.frames[-1].query_selector("#root > *") is None


def test_what_somebody_wrote_is_shown_as_text_and_runs_nothing(inside, rig):
    with rig.client() as vault:
        vault.machines[NAME].test_failover(network="create").wait()
        vault.machines[NAME].cleanup_test_failover(notes=BAIT).wait()
        machine = vault.machines[NAME].show().id
    inside.open(f"/machines/{machine}").is_settled()
    inside.page.get_by_role("tab", name="Events").click()
    inside.page.get_by_text(BAIT, exact=True).wait_for()
    assert inside.page.locator("img[src=x]").count() == 0
    assert "caught" not in inside.page.title()


ADD = """(how) => { try {
    const it = document.createElement('script'); it.append(how); document.body.append(it);
} catch (problem) { return String(problem); } }"""


def test_a_script_that_got_into_the_page_would_not_run(inside):
    inside.page.evaluate(ADD, "document.title = 'caught'")
    assert "caught" not in inside.page.title()
    inside.page.evaluate("() => { document.title = 'caught'; }")
    assert "caught" in inside.page.title()
