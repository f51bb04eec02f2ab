"""A security key, which Chromium plays, in the console, where the vault is reached by a name."""

import pytest

from rig.eventually import eventually
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


def add(tab, name):
    tab.page.locator("input#key-name").fill(name)
    tab.page.locator("input#key-password").fill(PASSWORD)
    tab.page.get_by_role("button", name="Add a security key").click()


def keep(tab):
    tab.page.get_by_role("button", name="I have kept them").click()


def test_a_key_is_added_used_and_removed(named, person):
    come_in(named, person("karl"))
    add(named, "blue")
    named.page.locator(".codes li").first.wait_for()
    assert named.page.locator(".codes li").count() == 10
    keep(named)
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
    add(named, "blue")
    keep(named)
    named.page.get_by_role("button", name="Log out").click()
    named.chromium.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": named.key})
    named.chromium.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    give_password(named, "kuno")
    named.page.get_by_role("button", name="Use a security key").click()
    alert(named, "No security key answered")
    named.page.get_by_role("button", name="Use a security key").wait_for()


def test_a_key_that_was_added_already_and_a_name_that_is_too_long_are_told(named, person):
    come_in(named, person("kai"))
    add(named, "x" * 61)
    named.page.get_by_text("At most 60 characters.").wait_for()
    add(named, "blue")
    keep(named)
    add(named, "green")
    alert(named, "This security key is added already")
    clean(named, "security-key-twice")


def test_recovery_codes_do_not_go_unasked(named, person):
    """They are shown once: a reload lost them."""
    come_in(named, person("klara"))
    add(named, "blue")
    codes, asked = named.page.locator(".codes li"), []
    codes.first.wait_for()

    def dismiss(dialog):
        asked.append(dialog.type)
        dialog.dismiss()

    named.page.on("dialog", dismiss)
    named.page.evaluate("location.reload()")
    assert eventually(lambda: asked) == ["beforeunload"]
    named.page.keyboard.press("Escape")
    named.page.get_by_text("They cannot be shown again").wait_for()
    named.page.evaluate("history.back()")
    named.page.wait_for_function("() => history.state === 'stays'")
    assert (codes.count(), named.page.url.endswith("/account")) == (10, True)
    clean(named, "recovery-codes")
    keep(named)
    named.page.get_by_role("button", name="Remove blue").wait_for()


def test_whoever_has_a_key_and_no_app_is_asked_for_no_code_of_one(named, person):
    come_in(named, person("kora"))
    add(named, "blue")
    keep(named)
    named.page.get_by_role("button", name="Set up", exact=True).wait_for()
    assert named.page.get_by_label("Code of the app, or a recovery code").count() == 0
    named.page.get_by_role("button", name="Log out").click()
    give_password(named, "kora")
    alert(named, "Use your security key at the log-in of the console, or give one of your recovery codes")


def test_a_key_that_nobody_touches_is_not_waited_for(named, person):
    """A recovery code could not be given meanwhile."""
    come_in(named, person("kim"))
    add(named, "blue")
    keep(named)
    named.page.get_by_role("button", name="Log out").click()
    named.chromium.send(
        "WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": named.key, "enabled": False}
    )
    give_password(named, "kim")
    key = named.page.get_by_role("button", name="Use a security key")
    key.click()
    alert(named, "Touch your security key now")
    clean(named, "log-in-untouched")
    named.page.get_by_role("button", name="Do not wait for it").click()
    alert(named, "No security key answered")
    eventually(key.is_enabled)


def test_at_an_address_the_page_says_why_not(tab, person):
    come_in(tab, person("kira"))
    tab.page.get_by_text("At the address 127.0.0.1 no browser takes a security key").wait_for()
    clean(tab, "security-keys-at-an-address")
