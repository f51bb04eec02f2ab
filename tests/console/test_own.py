"""People come in by a link, and have a password and a second factor of their own, by the console alone."""

import pyotp
import pytest

from secondsite.client.logging_in import LoggingIn
from secondsite.domain import errors
from tests.console.support_own import PASSWORD, alert, choose, clean, follow, person
from tests.support.console import support_console

__all__ = ["person"]

pytestmark = support_console.SLOW


def present(tab, password):
    tab.page.locator("input#factor-password").fill(password)
    tab.page.get_by_role("button", name="Set up").click()


@pytest.mark.parametrize("look", sorted(support_console.LOOKS))
def test_a_person_comes_in_by_a_link_and_sets_up_password_and_second_factor(rig, browser, person, look):
    link = person(f"olga {look}")
    tab = support_console.opened(browser, rig.url, look)
    follow(tab, link)
    assert "link" not in tab.page.url.partition("console")[2]
    assert link not in str(
        tab.page.evaluate("[location.href, document.referrer, history.length, history.state]")
    )
    clean(tab, f"link-{look}")
    tab.page.get_by_role("button", name="Log in").click()
    alert(tab, "You came by a link")
    tab.page.wait_for_url("**/console/account")
    tab.said.clear()
    choose(tab, PASSWORD)
    alert(tab, "The password is set")
    present(tab, "not the password")
    alert(tab, "The present password is wrong")
    tab.said.clear()  # a browser tells each refusal
    present(tab, PASSWORD)
    picture = tab.page.get_by_role("img", name="QR code for the app")
    picture.wait_for()
    tab.page.wait_for_function("() => document.querySelector('img.qr').naturalWidth > 100")
    clean(tab, f"factor-{look}")
    secret = tab.page.locator("code").inner_text()
    tab.page.locator("input#factor-code").fill(pyotp.TOTP(secret).now())
    tab.page.get_by_role("button", name="Turn on").click()
    codes = tab.page.locator(".codes li")
    codes.first.wait_for()
    assert codes.count() == 10
    recovery = codes.first.inner_text()
    clean(tab, f"codes-{look}")
    tab.page.get_by_role("button", name="I have kept them").click()
    tab.page.locator("input#factor-remove").fill(recovery)
    assert recovery not in tab.page.inner_text("main")
    tab.page.get_by_role("button", name="Remove").click()
    tab.page.locator("input#factor-password").wait_for()
    assert tab.said == []
    tab.page.context.close()


def test_a_link_that_is_opened_twice_says_so_and_counts_once(tab, person):
    link = person("paul")
    follow(tab, link)
    tab.page.get_by_role("button", name="Log in").click()
    alert(tab, "You came by a link")
    follow(tab, link)  # in the page that is open already
    assert "link" not in tab.page.url.partition("console")[2]
    tab.page.get_by_role("button", name="Log in").click()
    alert(tab, "This link was used")


def test_two_passwords_that_differ_are_not_sent(tab, person):
    follow(tab, person("rosa"))
    tab.page.get_by_role("button", name="Log in").click()
    alert(tab, "You came by a link")
    tab.page.locator("input#fresh").fill(PASSWORD)
    tab.page.locator("input#again").fill(PASSWORD + "y")
    tab.page.get_by_role("button", name="Set the password").click()
    tab.page.get_by_text("The two are not the same.").wait_for()


def test_whoever_has_a_second_factor_gives_a_code_of_it_with_a_link(rig, tab, person):
    follow(tab, person("susa"))
    tab.page.get_by_role("button", name="Log in").click()
    tab.page.get_by_role("button", name="Set up").click()
    secret = pyotp.TOTP(tab.page.locator("code").inner_text())
    tab.page.locator("input#factor-code").fill(secret.now())
    tab.page.get_by_role("button", name="Turn on").click()
    recovery = tab.page.locator(".codes li").first.inner_text()
    with rig.client() as vault:
        again = vault.people["susa"].reset_password().link
    follow(tab, again)
    tab.page.get_by_role("button", name="Log in").click()
    tab.page.locator("input#code").fill(recovery)
    tab.page.get_by_role("button", name="Log in").click()
    alert(tab, "You came by a link")


@pytest.fixture
def command_line(rig):
    with LoggingIn(rig.url, rig.home("vault") / "pki/ca.pem") as vault:
        yield vault


def look_at(tab, code):
    tab.open("/logins").is_settled()
    tab.page.get_by_label("Code", exact=True).fill(code.lower())
    tab.page.get_by_role("button", name="Look").click()
    tab.page.get_by_text("olga at her desk").wait_for()


def test_a_command_line_is_let_in_by_the_code_that_it_shows(inside, command_line):
    asked = command_line.ask("olga at her desk")
    look_at(inside, asked.code)
    clean(inside, "login-of-a-command-line")
    inside.page.get_by_role("button", name="Let it in").click()
    alert(inside, "It is let in")
    assert command_line.wait(asked).secret


def test_a_command_line_that_is_refused_is_not_let_in(inside, command_line):
    asked = command_line.ask("olga at her desk")
    look_at(inside, asked.code)
    inside.page.get_by_role("button", name="Refuse").click()
    alert(inside, "It is not let in")
    with pytest.raises(errors.Unauthenticated):
        command_line.wait(asked)


def test_a_code_that_nobody_shows_is_told(inside):
    inside.open("/logins").is_settled()
    inside.page.get_by_label("Code", exact=True).fill("BCDF-GHJK")
    inside.page.get_by_role("button", name="Look").click()
    inside.page.locator(".pf-v6-c-alert.pf-m-danger").wait_for()
