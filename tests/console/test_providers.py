"""People log in by way of a provider of OpenID Connect, in a real browser and at a certified provider."""

import pytest

from secondsite.wire import rest
from tests.support.console import support_console
from tests.support.openid_provider import openid

pytestmark = support_console.SLOW


@pytest.fixture(scope="module")
def staff(rig, tmp_path_factory):
    """A certified provider that the vault knows as `staff`."""
    authority = openid.Authority(tmp_path_factory.mktemp("authority"))
    groups = (rest.GroupGrantShape(group="dr-operators", roles=("operator",)),)
    with openid.certified(authority, f"{rig.url}/console/enter/staff") as issuer, rig.client() as vault:
        settings = rest.ProviderSettings(
            issuer=issuer, client_id=openid.CLIENT, groups=groups, ca_pem=authority.pem
        )
        vault.providers.create("staff", settings, secret=openid.SECRET)
        yield vault
        vault.providers["staff"].delete()


def give(tab, name):
    """Log in at the provider's own pages."""
    tab.page.locator("[name=login]").fill(name)
    tab.page.locator("[name=password]").fill("x")
    tab.page.locator("[type=submit]").click()
    tab.page.locator("form:has([value=consent]) [type=submit]").click()


def test_a_person_comes_in_by_the_provider_and_is_where_they_wanted_to_be(staff, tab):
    tab.open("/logins").page.get_by_role("button", name="Log in with staff").click()
    give(tab, "anna+dr-operators")
    tab.page.get_by_role("button", name="Log out").wait_for()
    tab.page.wait_for_url("**/console/logins")
    brought = "[location.href, document.referrer, JSON.stringify(history.state), sessionStorage.length]"
    told = str(tab.page.evaluate(brought))
    assert "code=" not in told
    assert "state=" not in told
    tab.open("/account").is_settled()
    tab.page.get_by_text("You come from the provider staff").wait_for()
    assert tab.amiss() == []


def test_whoever_is_in_no_group_is_told_so_and_finds_the_way_back(staff, tab):
    tab.open("/").page.get_by_role("button", name="Log in with staff").click()
    give(tab, "berta")
    tab.page.get_by_text("You are in no group of 'staff'").wait_for()
    assert "code" not in tab.page.url
    support_console.PICTURES.mkdir(parents=True, exist_ok=True)
    tab.page.screenshot(path=support_console.PICTURES / "provider-refused.png")
    assert tab.amiss() == []
    tab.page.get_by_role("button", name="Back to the log-in").click()
    tab.page.get_by_role("button", name="Log in with staff").wait_for()


def test_the_end_of_a_log_in_that_somebody_else_began_is_refused(staff, tab, browser, rig):
    """A link of an attacker's, with the code of the attacker's own account."""
    tab.open("/enter/staff?code=abc&state=" + "x" * 43 + "&iss=https://evil.example")
    tab.page.get_by_text("This log-in was finished already").wait_for()
    assert tab.page.evaluate("fetch('/api/session').then((answer) => answer.status)") == 401


@pytest.mark.parametrize("look", sorted(support_console.LOOKS))
def test_the_page_of_providers_is_clean_and_asks_them(staff, rig, browser, token, look):
    tab = support_console.opened(browser, rig.url, look)
    tab.open("/").page.get_by_role("button", name="Log in with staff").wait_for()
    assert tab.amiss() == []
    tab.page.screenshot(path=support_console.PICTURES / f"log-in-{look}.png")
    tab.log_in(token).open("/providers").is_settled()
    tab.page.get_by_role("button", name="Ask it now").click()
    tab.page.get_by_text("It works").wait_for()
    tab.page.screenshot(path=support_console.PICTURES / f"providers-{look}.png", full_page=True)
    assert (tab.amiss(), tab.said, tab.is_too_wide()) == ([], [], False)
    tab.page.context.close()
