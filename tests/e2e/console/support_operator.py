"""A person with a pointer at the real console; at each station one looks for what would hinder others."""

import re

from tests.support.console import support_console

ENDED = re.compile("succeeded|failed|cancelled")
JOB_MS = 240_000


def pictures():
    """The folder in which what was seen is kept."""
    support_console.PICTURES.mkdir(parents=True, exist_ok=True)
    return support_console.PICTURES


class Operator:
    """Somebody who is logged in."""

    def __init__(self, browser, url, secret):
        self.tab = support_console.opened(browser, url).log_in(secret)
        self.page = self.tab.page

    def opens(self, path):
        self.tab.open(path).is_settled()
        return self

    def goes_to(self, name):
        """By the list of pages."""
        self.page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()
        self.tab.is_settled()
        return self

    def sees(self, text):
        self.page.get_by_text(re.compile(text)).first.wait_for()
        return self

    def presses(self, name, within=None):
        (within or self.page).get_by_role("button", name=name, exact=True).click()
        return self

    def dialog(self):
        """The open dialog, once it has all that it asked for."""
        dialog = self.page.get_by_role("dialog")
        dialog.wait_for()
        dialog.get_by_text("Both sites are asked").first.wait_for(state="detached")
        self.page.wait_for_function("() => !document.querySelector('[role=dialog] .pf-v6-c-spinner')")
        return dialog

    def starts(self, act, station):
        """Presses the button of that name in the open dialog; gives the job's id, whose page comes then."""
        dialog = self.dialog()
        self.is_well(station)
        self.presses(act, dialog)
        self.page.wait_for_url(re.compile(r"/console/jobs/.+"))
        self.tab.is_settled()
        return self.page.url.rpartition("/")[2]

    def sees_it_end(self, as_="succeeded"):
        """Follows the job whose page is open, without loading it anew."""
        state = self.page.locator(".head .pf-v6-c-label")
        state.filter(has_text=ENDED).wait_for(timeout=JOB_MS)
        assert state.inner_text() == as_, self.page.inner_text("main")
        return self

    def is_well(self, station):
        """Nothing hinders anybody here, and the browser's console said nothing; the picture is kept."""
        self.page.screenshot(path=pictures() / f"story-{station}.png")
        amiss = [*self.tab.amiss(), *self.tab.said, *(["too wide"] if self.tab.is_too_wide() else [])]
        assert not amiss, amiss
        return self
