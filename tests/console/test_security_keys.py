"""A security key, which Chromium plays, in the console, where the vault is reached by a name."""

import pytest

from tests.console.support_own import PASSWORD, alert, choose, clean, follow, person
from tests.support.console import support_console

__all__ = ["person"]
pytestmark = support_console.SLOW
KEY = {
    "protocol": "ctap2",
    "transport": "usb",
    "hasResidentKey": False,
    "hasUserVerification": False,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def named(rig, browser):
    """A tab that reaches the vault by a name, and has a security key."""
    tab = support_console.opened(browser, rig.url.replace("127.0.0.1", "localhost"))
    tab.chromium = tab.page.context.new_cdp_session(tab.page)
    tab.chromium.send("WebAuthn.enable")
    tab.key = tab.chromium.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})["authenticatorId"]
    yield tab
    tab.page.context.close()


def come_in(tab, link):
    follow(tab, link)
    tab.page.get_by_role("button", name="Log in").click()
    alert(tab, "You came by a link")
    choose(tab, PASSWORD)
    alert(tab, "The password is set")


def give_password(tab, name):
    tab.page.get_by_label("Name", exact=True).fill(name)
    tab.page.locator("input#password").fill(PASSWORD)
    tab.page.get_by_role("button", name="Log in", exact=True).click()


def test_a_key_is_added_used_and_removed(named, person):
    come_in(named, person("karl"))
    named.page.locator("input#key-name").fill("blue")
    named.page.locator("input#key-password").fill(PASSWORD)
    named.page.get_by_role("button", name="Add a security key").click()
    named.page.locator(".codes li").first.wait_for()
    assert named.page.locator(".codes li").count() == 10
    named.page.get_by_role("button", name="I have kept them").click()
    named.page.get_by_role("button", name="Remove blue").wait_for()
    clean(named, "security-keys")
    named.page.get_by_role("button", name="Log out").click()
    give_password(named, "karl")
    alert(named, "A code of the second factor is needed")
    clean(named, "log-in-with-key")
    named.page.get_by_role("button", name="Use a security key").click()
    named.page.get_by_role("button", name="Log out").wait_for()
    named.open("/account").page.get_by_role("button", name="Remove blue").click()
    named.page.get_by_text("You have none.").wait_for()


def test_another_key_is_told_not_to_answer(named, person):
    come_in(named, person("kuno"))
    named.page.locator("input#key-name").fill("blue")
    named.page.locator("input#key-password").fill(PASSWORD)
    named.page.get_by_role("button", name="Add a security key").click()
    named.page.get_by_role("button", name="I have kept them").click()
    named.page.get_by_role("button", name="Log out").click()
    named.chromium.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": named.key})
    named.chromium.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    give_password(named, "kuno")
    named.page.get_by_role("button", name="Use a security key").click()
    alert(named, "No security key answered")
    named.page.get_by_role("button", name="Use a security key").wait_for()


def test_at_an_address_the_page_says_why_not(tab, person):
    come_in(tab, person("kira"))
    tab.page.get_by_text("At the address 127.0.0.1 no browser takes a security key").wait_for()
    clean(tab, "security-keys-at-an-address")
