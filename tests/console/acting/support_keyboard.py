"""What a person does without a pointer: keys alone, and what has the focus."""

import re

from tests.support.console import support_console

MOST_TABS = 120
EXPECTED = ("status of 409", "ERR_NETWORK_CHANGED")
"""Refusals; and that a network of some guest of this host came or went, after which a browser asks again."""
NAME = """() => { const at = document.activeElement; if (!at || at === document.body) return '';
    const label = at.labels && at.labels[0] ? at.labels[0].textContent : '';
    return [at.getAttribute('aria-label') || label || at.textContent || at.value || ''].join(' ').trim(); }"""


def answer(route):
    """What the vault says to a request of the page, which is one of its own."""
    return route.fetch(headers={**route.request.headers, "sec-fetch-site": "same-origin"}).json()


class Keyboard:
    """Keys of a tab."""

    def __init__(self, tab):
        self.tab, self.page = tab, tab.page

    def open(self, path):
        self.tab.open(path).is_settled()
        return self

    def focus(self):
        """The name of what has the focus."""
        return self.page.evaluate(NAME)

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)
        return self

    def reach(self, name):
        """Tab until what has the focus is named so."""
        seen = []
        for _ in range(MOST_TABS):
            seen.append(self.focus())
            if seen[-1] == name:
                return self
            self.page.keyboard.press("Tab")
        raise AssertionError(f"no way by Tab to {name!r}: {seen}")

    def act(self, name):
        """Reach a button or link once it can be pressed, and press it."""
        button = self.page.get_by_role("button", name=name, exact=True)
        last = button.or_(self.page.get_by_role("link", name=name, exact=True)).last
        last.wait_for()
        self.page.wait_for_function("(of) => !of.disabled", arg=last.element_handle())
        return self.reach(name).press("Enter")

    def write(self, field, text):
        self.reach(field)
        self.page.keyboard.type(text)
        return self

    def dialog(self, look=None):
        """Wait for the dialog with all that it asked for; nothing in it hinders anybody."""
        self.page.get_by_role("dialog").wait_for()
        self.page.wait_for_function("() => !document.querySelector('[role=dialog] .pf-v6-c-spinner')")
        self.page.wait_for_function(
            "() => document.querySelector('[role=dialog]').contains(document.activeElement)"
        )
        if look:
            self.picture(look)
        assert self.tab.amiss() == []
        return self

    def picture(self, name):
        support_console.PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=support_console.PICTURES / f"act-{name}.png")
        return self

    def says(self, text):
        self.page.get_by_text(re.compile(text)).first.wait_for()
        return self

    def job(self):
        """The job's page that a started act leads to; gives its id."""
        self.page.wait_for_url(re.compile(r"/console/jobs/.+"))
        return self.page.url.rpartition("/")[2]

    def is_clean(self):
        """Nothing was said in the browser's console but a refusal that was asked for."""
        assert [each for each in self.tab.said if not any(one in each for one in EXPECTED)] == []
