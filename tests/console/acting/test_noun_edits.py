"""Policies, groups, mappings, pools, schedules and targets of notices: each edit by keyboard alone."""

import pytest

from secondsite.domain import errors
from tests.console.acting import support_keyboard
from tests.support.console import support_console

pytestmark = support_console.SLOW


def done(keyboard):
    keyboard.page.get_by_role("dialog").wait_for(state="detached")
    keyboard.is_clean()
    return keyboard


def test_a_policy_is_made_changed_and_deleted(keyboard, vault):
    keyboard.open("/policies").act("New policy").dialog("policy-new").write("Policy", "bronze")
    keyboard.reach("RPO goal").press("Control+a").write("RPO goal", "soon").act("Create")
    keyboard.says("Give a span from 1 s to 7 d").press("Control+a").write("RPO goal", "20 min").act("Create")
    done(keyboard).act("Edit bronze").dialog("policy-edit").reach("Points stay").press("Control+a")
    keyboard.write("Points stay", "2 d 12 h").act("Save")
    done(keyboard)
    found = vault.policies["bronze"].show()
    assert (found.rpo_threshold_seconds, found.retention_seconds) == (1200, 216_000)
    keyboard.act("Delete bronze").dialog().act("Delete")
    done(keyboard)
    with pytest.raises(errors.NotFound):
        vault.policies["bronze"].show()


def test_another_persons_policy_is_not_overwritten_unseen(keyboard, vault):
    vault.policies.create("shared", rpo_threshold_seconds=600)
    keyboard.open("/policies").act("Edit shared").dialog().reach("RPO goal").press("Control+a")
    vault.policies["shared"].update(rpo_threshold_seconds=700)
    keyboard.says("Somebody else changed this meanwhile").act("Take what is there now").act("Save")
    done(keyboard)
    assert vault.policies["shared"].show().rpo_threshold_seconds == 700


def test_a_group_gets_machines_and_loses_them(keyboard, vault):
    keyboard.open("/groups").act("New group").dialog("group-new").write("Group", "trio").act("Create")
    keyboard.says("Give this.").reach("From site").press("a").reach("To site").press("b")
    keyboard.reach("app01").press("Space").reach("app03").press("Space").picture("group-filled").act("Create")
    done(keyboard)
    assert sorted(vault.groups["trio"].show().machines) == ["app01", "app03"]
    keyboard.act("Edit trio").dialog().reach("app01").press("Space").act("Save")
    done(keyboard)
    assert list(vault.groups["trio"].show().machines) == ["app03"]
    keyboard.act("Delete trio").dialog().act("Delete")
    done(keyboard)


def test_a_network_is_unmapped_and_mapped_again(keyboard, vault):
    (mapping,) = vault.mappings.list("a", "b")
    keyboard.open("/networks").act(f"Map {mapping.source_network}").dialog("mapping")
    keyboard.reach("Becomes at b").press("Home").act("Save")
    done(keyboard)
    assert list(vault.mappings.list("a", "b")) == []
    keyboard.act(f"Map {mapping.source_network}").dialog().reach("Becomes at b").press("s").act("Save")
    done(keyboard)
    assert list(vault.mappings.list("a", "b")) == [mapping]


def test_a_pool_is_made_changed_and_deleted(keyboard, vault):
    keyboard.open("/networks").act("New pool of addresses").dialog("pool-new").write("Pool", "desk")
    keyboard.reach("Site").press("b").write("Network", "ssb").write("Subnet", "10.2.0.0/24").act("Create")
    keyboard.says("Give this.").write("Addresses", "10.2.0.50-10.2.0.59").act("Create")
    done(keyboard)
    assert vault.pools["desk"].show().size == 10
    keyboard.act("Edit desk").dialog().reach("Gateway").press("Control+a").write("Gateway", "10.2.0.1").act(
        "Save"
    )
    done(keyboard)
    assert vault.pools["desk"].show().gateway == "10.2.0.1"
    keyboard.act("Delete desk").dialog().act("Delete")
    done(keyboard)


def test_a_schedule_of_drills_is_made_paused_and_deleted(keyboard, vault):
    keyboard.open("/drills").act("New schedule").dialog("schedule-new").write("Schedule", "nightly")
    keyboard.reach("Of the plan").press("s").reach("At (UTC)").press("Control+a").write("At (UTC)", "25:00")
    keyboard.act("Create").says("Give a time of day").press("Control+a").write("At (UTC)", "02:30")
    keyboard.reach("Paused: it starts nothing").press("Space").act("Create")
    done(keyboard)
    found = vault.drill_schedules["nightly"].show()
    assert (found.plan, found.at, found.paused) == ("shop", "02:30", True)
    keyboard.act("Delete nightly").dialog().act("Delete")
    done(keyboard)


def test_a_target_of_notices_is_made_tried_and_deleted(keyboard, vault):
    keyboard.open("/notices").act("New target of notices").dialog("target-new").write("Target", "pager")
    keyboard.reach("By").press("w").write("Address", "pager").act("Create").says("as https://HOST/PATH")
    keyboard.press("Control+a").write("Address", "http://127.0.0.1:9/hook")
    keyboard.act("Create").says("at least 16 characters").write("Secret", "0123456789abcdef").act("Create")
    done(keyboard).act("Send a test pager").dialog().act("Send a test").says("It did not arrive")
    keyboard.picture("target-tested").act("Close")
    done(keyboard).act("Edit pager").dialog("target-edit").reach("Findings").press("c").act("Save")
    done(keyboard)
    assert vault.notices["pager"].show().wanted.findings == "critical"
    keyboard.act("Delete pager").dialog().act("Delete")
    done(keyboard)


@pytest.mark.parametrize("look", sorted(support_console.LOOKS))
def test_pages_with_their_buttons_are_clean_and_fit(rig, browser, token, look):
    keyboard = support_keyboard.Keyboard(support_console.opened(browser, rig.url, look).log_in(token))
    for page in ("policies", "groups", "networks", "drills", "notices"):
        keyboard.open(f"/{page}").picture(f"{page}-{look}")
        assert (page, keyboard.tab.amiss()) == (page, [])
        assert not keyboard.tab.is_too_wide()
    keyboard.is_clean()
    keyboard.page.context.close()
