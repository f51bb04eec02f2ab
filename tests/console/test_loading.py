"""A console whose program does not come over the line."""

from tests.support.console import support_console

pytestmark = support_console.SLOW


def test_a_page_whose_program_is_cut_off_says_so_and_is_there_once_the_line_is(browser, rig):
    """It stayed blank, until somebody thought of loading it again."""
    tab = support_console.opened(browser, rig.url)
    cut = []

    def cut_off(route):
        cut.append(route.request.url)
        route.abort()

    tab.page.route("**/assets/*.js", cut_off)
    tab.open("/").page.get_by_text("It is tried again every five seconds.").wait_for()
    tab.page.screenshot(path=support_console.PICTURES / "not-fetched.png")
    tab.page.unroute("**/assets/*.js")
    tab.page.get_by_role("tab", name="Access token").wait_for()
    assert cut
    tab.page.context.close()
