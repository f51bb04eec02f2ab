"""Every page, light, dark and narrow: nothing in the browser's console, nothing that keeps people out."""

import pytest

from tests.console import support_filled, support_pictures
from tests.support.console import support_console

pytestmark = support_console.SLOW


@pytest.fixture(scope="module")
def rig():
    with support_filled.filled() as rig:
        yield rig


@pytest.mark.parametrize("look", sorted(support_console.LOOKS))
def test_every_page_is_clean(rig, browser, token, look):
    tab = support_console.opened(browser, rig.url, look).log_in(token)
    found = {}
    for name in support_pictures.each(tab, rig):
        support_pictures.take(tab, support_console.PICTURES / f"{name}-{look}.png")
        amiss = [*tab.amiss(), *tab.said, *(["wider than the screen"] if tab.is_too_wide() else [])]
        found.update({name: amiss} if amiss else {})
        tab.said.clear()
    tab.page.context.close()
    assert found == {}


def test_the_run_of_a_plan_leads_to_the_plan(inside, rig):
    inside.open(support_pictures.paths(rig)["job-waits"]).is_settled()
    inside.page.locator("main dd a").first.click()
    inside.page.get_by_role("heading", level=1, name="shop", exact=True).wait_for()


def test_the_log_in_is_clean(tab):
    tab.open("/").is_settled()
    assert tab.amiss() == []
