"""Every page, light, dark and narrow: nothing in the browser's console, nothing that keeps people out."""

import pytest

from tests.console import support_console

pytestmark = support_console.SLOW
PICTURES = support_console.ROOT / ".cache/console/pictures"
LISTS = ("", "machines", "jobs", "plans", "drills", "groups", "policies", "networks", "sites", "notices",
         "account", "logins", "access", "providers", "audit", "settings", "nowhere")  # fmt: skip


@pytest.fixture(scope="module")
def paths(rig):
    with rig.client() as vault:
        machine = vault.machines["web02"].show().id
        job = next(each.id for each in vault.jobs.list() if each.verb == "failover")
        evidence = next(iter(vault.evidence.list())).id
    ones = (f"machines/{machine}", f"jobs/{job}", "plans/shop", f"drills/{evidence}")
    return ["/" + each for each in (*LISTS, *ones)]


@pytest.mark.parametrize("look", sorted(support_console.LOOKS))
def test_every_page_is_clean(rig, browser, token, paths, look):
    tab = support_console.opened(browser, rig.url, look).log_in(token)
    PICTURES.mkdir(parents=True, exist_ok=True)
    found = {}
    for path in paths:
        tab.open(path).is_settled()
        tab.page.screenshot(path=PICTURES / f"{'-'.join(path.split('/')[1:]) or 'overview'}-{look}.png")
        amiss = [*tab.amiss(), *tab.said, *(["wider than the screen"] if tab.is_too_wide() else [])]
        found.update({path: amiss} if amiss else {})
        tab.said.clear()
    tab.page.context.close()
    assert found == {}


def test_each_part_of_a_machines_page_is_clean(inside, paths):
    inside.open(next(each for each in paths if each.startswith("/machines/"))).is_settled()
    found = {}
    for name in ("Recovery points", "Settings", "Events"):
        inside.page.get_by_role("tab", name=name).click()
        inside.is_settled()
        inside.page.screenshot(path=PICTURES / f"machine-{name.split()[0].lower()}-light.png")
        if amiss := [*inside.amiss(), *inside.said]:
            found[name] = amiss
    assert found == {}


def test_the_log_in_is_clean(tab):
    tab.open("/").is_settled()
    assert tab.amiss() == []
