"""Back to a page that was left, in a browser that keeps pages for that, as people's browsers do."""

import re

import pytest

from tests.support.console import support_console

pytestmark = support_console.SLOW
MARK = """() => {
    window.left = true;
    addEventListener('pageshow', ({ persisted }) => sessionStorage.setItem('persisted', persisted));
}"""
READ_ANEW = "() => sessionStorage.getItem('persisted') === 'true' && !window.left"


@pytest.fixture(scope="module")
def browser():
    with support_console.chromium(keeps_pages=True) as browser:
        yield browser


def back(page):
    """Goes back to a page that was left, which the browser has kept."""
    page.go_back(wait_until="commit")
    page.wait_for_function(READ_ANEW)


def test_a_page_that_one_came_back_to_is_read_anew(inside, rig):
    """It showed for ever what was so when it was left, said nothing of it, and its dialogs acted on that."""
    inside.open("/machines").is_settled().page.evaluate(MARK)
    inside.page.goto(f"{rig.url}/manual/")
    back(inside.page)
    inside.is_settled().page.get_by_text("web01").first.wait_for()


def test_who_logged_in_next_does_not_come_back_to_a_page_of_the_former_person(inside, rig):
    """The page bore the former person's name and machines, and what was sent from it was the next one's."""
    with rig.client() as vault:
        other = vault.tokens.create("next", "reader", person="bea")
    inside.open("/machines").is_settled().page.evaluate(MARK)
    inside.page.get_by_role("button", name="Log out").click()
    inside.page.get_by_role("tab", name="Access token").wait_for()
    inside.log_in_here(other.token)
    back(inside.page)
    inside.page.locator(".who").get_by_text(re.compile("bea|next")).wait_for()
