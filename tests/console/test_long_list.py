"""A list of machines that is longer than what is in view."""

import tempfile
from pathlib import Path

import pytest

from rig import Rig
from tests.support.console import support_console

pytestmark = support_console.SLOW
NAMES = [f"server{number:03d}" for number in range(60)]


@pytest.fixture(scope="module")
def long_list():
    with tempfile.TemporaryDirectory(prefix="ss-", ignore_cleanup_errors=True) as folder:
        with Rig("simulated", Path(folder) / "rig", forked=True) as rig:
            rig.open(furnish=lambda site: furnish(rig, site))
            with rig.client() as vault:
                for job in [vault.machines[name].enable_protection("a", "b") for name in NAMES]:
                    job.wait()
            yield rig


def furnish(rig, site):
    for name in NAMES if site == "a" else ():
        rig.make_simulated(name, site, disk_bytes=(1 << 20,))


@pytest.mark.parametrize("look", sorted(support_console.LOOKS))
def test_the_names_can_be_read_and_chosen_wherever_it_is_scrolled_to(long_list, browser, look):
    """What stands for the rows out of view took the place of the names on narrow screens."""
    token = (long_list.home("vault") / "token").read_text().strip()
    tab = support_console.opened(browser, long_list.url, look).log_in(token).open("/machines").is_settled()
    for name in (NAMES[0], NAMES[-1]):
        link = tab.page.get_by_role("link", name=name, exact=True)
        link.wait_for()
        box = link.bounding_box()
        assert box["width"] > 50
        tab.page.locator(".scroller").evaluate("(box) => box.scrollTo(0, box.scrollHeight)")
    assert not tab.is_too_wide()
    link.click()
    tab.page.get_by_role("heading", level=1, name=NAMES[-1]).wait_for()
    tab.page.context.close()


def test_who_looks_for_a_machine_in_a_dialog_sends_nothing(long_list, browser):
    """Who looked for the one to be ticked moved those that were ticked already."""
    token = (long_list.home("vault") / "token").read_text().strip()
    tab = support_console.opened(browser, long_list.url).log_in(token).open("/machines").is_settled()
    tab.page.get_by_role("button", name="Act on these").click()
    dialog = tab.page.get_by_role("dialog")
    dialog.get_by_label(NAMES[0], exact=True).check()
    dialog.get_by_label("Find by name").fill(NAMES[7])
    tab.page.keyboard.press("Enter")
    found = dialog.get_by_label(NAMES[7], exact=True)
    found.focus()
    tab.page.keyboard.press("Enter")
    tab.page.keyboard.press("Space")
    dialog.get_by_text("2 of 60 chosen").wait_for()
    with long_list.client() as vault:
        assert all(each.drill.state == "none" for each in vault.machines)
    tab.page.context.close()
