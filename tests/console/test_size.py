"""What goes over the wire: a thin link is all that may be left."""

from tests.support.console import support_console

pytestmark = support_console.SLOW
FIRST_BYTES, LATER_BYTES = 400_000, 60_000
WAYS_BYTES = {"Serial console": 85_000, "Screen": 60_000}
"""A terminal and a viewer of screens, which no page has with it."""
MODULES = {"Serial console": "terminal", "Screen": "screen"}
PAGES = ("machines", "jobs", "plans", "drills", "groups", "policies", "networks", "sites", "notices",
         "account", "logins", "access", "audit", "settings")  # fmt: skip


def test_the_first_page_with_its_data_and_each_later_one_are_small(rig, browser, token, record_property):
    first = support_console.opened(browser, rig.url).log_in(token)
    fresh = browser.new_context(
        ignore_https_errors=True,
        storage_state=first.page.context.storage_state(),
        viewport={"width": 1400, "height": 900},
    )
    tab = support_console.Tab(fresh, rig.url)
    wire = support_console.Wire(tab.page)
    tab.open("/").is_settled()
    tab.page.get_by_text("What replicates where").wait_for()
    whole = sum(wire.bytes.values())
    record_property("first_page_bytes", whole)
    assert 100_000 < whole <= FIRST_BYTES, wire.bytes
    later = {}
    for name in PAGES:
        before = wire.program()
        tab.page.locator(f"nav a[href='/console/{name}']").click()
        tab.page.wait_for_url(f"**/console/{name}")
        tab.is_settled()
        later[name] = wire.program() - before
    record_property("later_page_bytes", str(later))
    print(whole, later)
    assert {name: count for name, count in later.items() if count > LATER_BYTES} == {}
    fresh.close()


def test_a_terminal_and_a_screen_are_fetched_when_they_are_opened(rig, browser, token, record_property):
    with rig.client() as vault:
        machine = vault.machines["web01"]
        machine.drill.give_pass("admin")
        page = f"/machines/{machine.show().id}"
    tab = support_console.opened(browser, rig.url).log_in(token)
    wire = support_console.Wire(tab.page)
    tab.open(page).is_settled()
    cost = {}
    for name in WAYS_BYTES:
        before = wire.program()
        with tab.page.expect_response(f"**/assets/{MODULES[name]}-*.js"):
            tab.page.get_by_role("button", name=f"{name} web01").click()
        tab.is_settled()
        cost[name] = wire.program() - before
    record_property("ways_bytes", str(cost))
    print(cost)
    assert {name: count for name, count in cost.items() if not 20_000 < count < WAYS_BYTES[name]} == {}
    tab.page.context.close()
