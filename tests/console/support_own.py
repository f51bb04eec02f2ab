"""What people do on the pages of their own log-in."""

import pytest

from tests.support.console import support_console

PASSWORD = "four horses in the rain"


def alert(tab, text):
    tab.page.locator(".pf-v6-c-alert", has_text=text).wait_for()


def clean(tab, name):
    """Nothing keeps people out; what is seen is kept to be looked at."""
    support_console.PICTURES.mkdir(parents=True, exist_ok=True)
    tab.page.screenshot(path=support_console.PICTURES / f"{name}.png", full_page=True)
    assert tab.amiss() == []
    assert not tab.is_too_wide()


def follow(tab, link):
    tab.open(f"/#link={link}")
    tab.page.get_by_text("This link lets you in once").wait_for()


def choose(tab, password, **former):
    for label, given in {**former, "New password": password, "New password once more": password}.items():
        tab.page.get_by_label(label, exact=True).first.fill(given)
    tab.page.get_by_role("button", name="Set the password").click()


@pytest.fixture
def person(rig):
    """Makes a person with this name, who goes afterwards, and gives the link."""
    made = []
    with rig.client() as vault:

        def make(name):
            made.append(name)
            return vault.people.create(name, "contributor").link

        yield make
        for name in made:
            vault.people[name].delete()
