"""Sites, appliances, tokens, people and the audit log: each edit by keyboard alone, on a vault of its own."""

import json
import tempfile
from pathlib import Path

import pytest

from rig import Rig
from secondsite.domain import errors
from tests.console.acting import support_keyboard
from tests.support.console import support_console

pytestmark = support_console.SLOW
GROUPS = ("first", "second", "third")


@pytest.fixture(scope="module")
def rig():
    with tempfile.TemporaryDirectory(prefix="ss-", ignore_cleanup_errors=True) as folder:
        with Rig("simulated", Path(folder) / "rig", forked=True) as rig:
            rig.open(furnish=lambda site: furnish(rig, site))
            yield rig


def furnish(rig, site):
    rig.make_simulated(f"one-{site}", site, disk_bytes=(8 << 20,))


def done(keyboard):
    keyboard.page.get_by_role("dialog").wait_for(state="detached")
    keyboard.is_clean()
    return keyboard


def shown(keyboard, label):
    """A secret that is shown once."""
    text = keyboard.page.get_by_role("textbox", name=label, exact=True).input_value()
    keyboard.act("Close")
    done(keyboard)
    return text


def test_a_site_is_made_limited_and_deleted(keyboard, vault):
    keyboard.open("/sites").act("New site").dialog("site-new").write("Site", "oslo").act("Create")
    done(keyboard).act("Bandwidth oslo").dialog().write("Sends at most", "fast").act("Save")
    keyboard.says("Give a rate").press("Control+a").write("Sends at most", "100 MB/s").act("Add a window")
    keyboard.picture("site-bandwidth").act("Save")
    done(keyboard)
    bandwidth = vault.sites["oslo"].show().bandwidth
    assert (bandwidth.bytes_per_second, bandwidth.windows[0].begins) == (100_000_000, "08:00")
    keyboard.act("Verification oslo").dialog().reach("Boots a copy of each machine every so many days")
    keyboard.press("Control+a")
    keyboard.write("Boots a copy of each machine every so many days", "7").act("Save")
    done(keyboard)
    assert vault.sites["oslo"].show().verification.every_days == 7
    keyboard.act("Registration key oslo").dialog().act("Make a key").says("The key is shown only now")
    assert shown(keyboard, "Registration key")
    keyboard.act("Delete oslo").dialog("site-delete").act("Delete")
    done(keyboard)
    assert "oslo" not in [each.name for each in vault.sites]


def test_a_pair_of_sites_is_edited(keyboard, vault):
    before = vault.pairs.show("a", "b").reverse_after_commit
    keyboard.open("/sites").act("Edit a, b").dialog("pair")
    keyboard.reach("Protect back by itself after a commit").press("Space").act("Save")
    done(keyboard)
    assert vault.pairs.show("a", "b").reverse_after_commit is not before


def test_an_appliance_is_drained_and_its_removal_is_typed(keyboard, vault):
    (name,) = [each.name for each in vault.appliances if each.site == "b"]
    keyboard.open("/sites").act(f"Drain {name}").dialog("drain").act("Drain")
    keyboard.says("It is drained|Job").open("/sites").act(f"End the drain {name}").dialog()
    keyboard.act("End the drain")
    done(keyboard)
    keyboard.act(f"Revoke {name}").dialog("revoke").act("Revoke").says(f"This is not {name}")
    keyboard.press("Escape")
    done(keyboard)
    assert name in [each.name for each in vault.appliances]


def test_a_tokens_secret_is_shown_once_and_lets_in_until_it_is_revoked(keyboard, rig, browser, vault):
    keyboard.open("/access").act("New access token").dialog("token-new").act("Create").says("Give this.")
    keyboard.write("Name", "nagios").reach("Role reader").press("Space").act("Create").says(
        "Choose a role above"
    )
    keyboard.reach("Role operator").press("Space").act("Create").says("It is shown only now").picture("token")
    secret = shown(keyboard, "Secret of the token")
    (made,) = [each for each in vault.tokens.list() if each.name == "nagios"]
    assert list(made.roles) == ["operator"]
    tab = support_console.opened(browser, rig.url).log_in(secret)
    tab.page.context.close()
    keyboard.act("Rotate nagios").dialog().act("Rotate").says("It is shown only now")
    assert shown(keyboard, "Secret of the token") != secret
    keyboard.act("Revoke nagios").dialog().act("Revoke").says("This is not nagios")
    keyboard.write("Type nagios to confirm", "nagios").press("Enter")
    done(keyboard)
    assert "nagios" not in [each.name for each in vault.tokens.list()]


def test_a_person_is_invited_changed_disabled_and_deleted(keyboard, vault):
    keyboard.open("/access").act("New person").dialog("person-new").write("Name", "eve").act("Create")
    keyboard.says("It is shown only now")
    assert shown(keyboard, "Link")
    keyboard.act("Edit eve").dialog().reach("Role operator").press("Space").act("Save")
    done(keyboard)
    assert set(vault.people["eve"].show().roles) == {"reader", "operator"}
    keyboard.act("Disable eve").dialog().act("Disable")
    done(keyboard).act("Enable eve").dialog().act("Enable")
    done(keyboard).act("Reset password eve").dialog().act("Reset password").says("It is shown only now")
    assert shown(keyboard, "Link")
    keyboard.act("Delete eve").dialog("person-delete").write("Type eve to confirm", "eve").press("Enter")
    done(keyboard)
    with pytest.raises(errors.NotFound):
        vault.people["eve"].show()


def test_a_person_whose_scope_was_set_meanwhile_is_not_given_the_whole_vault(keyboard, vault):
    """The page had not heard of it, and people had no edition by which it would have been refused."""
    vault.people.create("rita", "reader")
    keyboard.open("/access").act("Edit rita").dialog().reach("Role operator").press("Space")

    def limited_before_it_arrives(route):
        vault.people["rita"].change("reader", site="b")
        route.continue_()

    keyboard.page.route("**/api/people/rita", limited_before_it_arrives)
    keyboard.act("Save").says("Somebody else changed this meanwhile").picture("person-stale")
    rita = vault.people["rita"].show()
    assert (list(rita.roles), rita.site) == (["reader"], "b")
    keyboard.page.unroute("**/api/people/rita")
    vault.people["rita"].delete()


def test_a_provider_is_made_changed_and_deleted(keyboard, vault):
    keyboard.open("/providers").act("New provider").dialog("provider-new").act("Create").says("Give this.")
    keyboard.write("Name", "staff").write("Issuer", "http://login.example").act("Create")
    keyboard.says("Give an address that begins with https").reach("Issuer").press("Control+a")
    keyboard.write("Issuer", "https://login.example/staff").write("Client", "secondsite")
    keyboard.write("Client's secret", "not to be told").act("Add a group").write("Group", "dr-operators")
    keyboard.reach("Role operator").press("Space").act("Add a group").act("Move Group 2 up")
    keyboard.write("Group", "dr-admins").reach("Role contributor").press("Space").picture("provider-filled")
    keyboard.act("Create")
    done(keyboard)
    made = vault.providers["staff"].show()
    assert (made.issuer, made.client_id) == ("https://login.example/staff", "secondsite")
    assert [(each.group, set(each.roles)) for each in made.groups] == [
        ("dr-admins", {"reader", "contributor"}),
        ("dr-operators", {"reader", "operator"}),
    ]
    keyboard.act("Edit staff").dialog("provider-edit").reach("Client").press("Control+a")
    keyboard.write("Client", "dr").act("Save").says("give it again")
    keyboard.write("Client's secret", "another one").act("Take Group 1 out").act("Save")
    done(keyboard)
    changed = vault.providers["staff"].show()
    assert (changed.client_id, [each.group for each in changed.groups]) == ("dr", ["dr-operators"])
    keyboard.act("Delete staff").dialog("provider-delete").write("Type staff to confirm", "staff")
    keyboard.press("Enter")
    done(keyboard)
    with pytest.raises(errors.NotFound):
        vault.providers["staff"].show()


def test_a_group_that_is_moved_keeps_the_focus(keyboard):
    """The second Enter moved another group: by keys none was moved up twice."""
    keyboard.open("/providers").act("New provider").dialog()
    for at, name in enumerate(GROUPS):
        keyboard.act("Add a group")
        keyboard.page.get_by_label("Group", exact=True).nth(at).fill(name)
    keyboard.reach("Move Group 3 up").press("Enter").says("third is now 2 of 3").press("Enter")
    keyboard.says("third is now 1 of 3").picture("group-moved")
    fields = keyboard.page.get_by_label("Group", exact=True)
    assert [fields.nth(at).input_value() for at in range(3)] == ["third", "first", "second"]
    assert keyboard.focus() == "Group 1"
    keyboard.press("Escape", "Escape")


def test_a_dialog_does_not_turn_into_its_opposite(keyboard, vault):
    """Who wanted to keep somebody out as well let them in again."""
    keyboard.open("/access").act("New person").dialog().write("Name", "mallory").act("Create")
    assert shown(keyboard, "Link")
    keyboard.act("Disable mallory").dialog()
    vault.people["mallory"].disable()
    keyboard.says("Meanwhile this changed: Disable is not possible any more").picture("act-gone")
    keyboard.press("Enter", "Escape")
    keyboard.page.get_by_role("dialog").wait_for(state="detached")
    assert vault.people["mallory"].show().disabled_at
    vault.people["mallory"].delete()


def test_the_audit_log_is_saved_whole_and_kept_for_as_long_as_is_said(keyboard, vault):
    keyboard.open("/audit").act("How long the audit log is kept").dialog().reach("Days").press("Control+a")
    keyboard.write("Days", "7").act("Save").says("Give a whole number from 30").press("Control+a")
    keyboard.write("Days", "400").act("Save")
    done(keyboard)
    with keyboard.page.expect_download() as download:
        keyboard.act("Save all entries")
    entries = json.loads(Path(download.value.path()).read_text())
    assert [each["number"] for each in entries] == list(range(len(entries), 0, -1))
    keyboard.says(f"{len(entries)} entries were saved")
    keyboard.is_clean()


@pytest.mark.parametrize("look", sorted(support_console.LOOKS))
def test_pages_with_their_buttons_are_clean_and_fit(rig, browser, token, look):
    keyboard = support_keyboard.Keyboard(support_console.opened(browser, rig.url, look).log_in(token))
    for page in ("sites", "access", "providers", "audit"):
        keyboard.open(f"/{page}").picture(f"{page}-{look}")
        assert (page, keyboard.tab.amiss()) == (page, [])
        assert not keyboard.tab.is_too_wide()
    keyboard.act("How long the audit log is kept").dialog(f"audit-kept-{look}")
    keyboard.is_clean()
    keyboard.page.context.close()
