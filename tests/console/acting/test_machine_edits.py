"""What is set for a machine, its disks and the holds of its points: each edit by keyboard alone."""

import pytest

from secondsite.wire.common.disk_places import DiskFormat, DiskPlace
from secondsite.wire.rest.machine_settings import MachinePropertiesChange
from tests.console.acting import support_keyboard
from tests.support.console import support_console

pytestmark = support_console.SLOW
NAME = "app03"


@pytest.fixture
def machine(vault):
    return vault.machines[NAME]


@pytest.fixture
def settings(keyboard, machine):
    """The machine's page, with what is set for it."""
    keyboard.open(f"/machines/{machine.show().id}").reach("Settings").press("Enter")
    return keyboard.says("Size at the second site")


def done(keyboard):
    keyboard.page.get_by_role("dialog").wait_for(state="detached")
    keyboard.is_clean()


def test_a_machine_gets_another_policy(settings, vault, machine):
    vault.policies.create("silver", rpo_threshold_seconds=600)
    settings.act("Edit Policy").dialog("edit-policy-of").reach("Policy").press("s", "i").act("Save")
    done(settings)
    assert machine.policy().policy == "silver"


def test_properties_are_refused_at_the_field_and_kept(settings, machine):
    settings.act("Edit Size at the second site").dialog().write("Processors", "9999").act("Save")
    settings.says("Give a whole number from 1 to 512").press("Control+a").write("Processors", "2")
    settings.write("Memory", "512 MiB").write("Starts later by", "1 min 30 s").picture("edit-properties")
    settings.act("Save")
    done(settings)
    found = machine.properties()
    assert (found.vcpus, found.memory_bytes, found.start_delay_seconds) == (2, 512 << 20, 90)


def test_what_the_form_does_not_show_stays_as_another_person_set_it(settings, machine):
    """Where its disks go by themselves was set by a command meanwhile, and the form put back what was."""
    settings.act("Edit Size at the second site").dialog().reach("Processors").press("Control+a")
    settings.write("Processors", "4")
    wanted = {"vda": DiskPlace(place="images", format=DiskFormat.RAW)}
    machine.set_properties(MachinePropertiesChange(settle=wanted))
    settings.says("Somebody else changed this meanwhile").act("Go on with mine").act("Save")
    done(settings)
    found = machine.properties()
    assert (found.vcpus, found.settle) == (4, wanted)


def test_what_only_the_vault_knows_is_its_word(settings, machine):
    settings.act("Edit Size at the second site").dialog().reach("Memory").press("Control+a")
    settings.write("Memory", "1000 kB").act("Save").says("The vault refused it").says("16 MiB to 64 TiB")
    settings.picture("edit-refused").press("Escape", "Escape")
    settings.page.get_by_role("dialog").wait_for(state="detached")
    settings.tab.said.clear()  # the refusal that was asked for


def test_a_card_gets_an_address_and_names(settings, machine):
    settings.act("Edit Network cards").dialog().reach("Address there").press("t").write(
        "IPv4 address", "10.2"
    )
    settings.act("Save").says("with its prefix").press("Control+a").write("IPv4 address", "10.2.0.5/24")
    settings.write("DNS names", "web.shop.example").reach("In a drill").press("n").picture("edit-cards")
    settings.act("Save")
    done(settings)
    (card,) = machine.settings().cards
    assert (card.address, card.names) == ("10.2.0.5/24", ("web.shop.example",))
    assert (card.connected, card.test_connected) == (True, False)
    machine.set_cards([])  # nobody keeps names here


def test_checks_and_hooks_are_listed_anew(settings, machine):
    settings.act("Edit Checks").dialog().act("Add a check").write("Name of the check", "login").act("Save")
    settings.says("Give a whole number from 1 to 65535").write("Port", "22").picture("edit-checks").act(
        "Save"
    )
    done(settings)
    settings.act("Edit Hooks").dialog().act("Add a hook").write("Name of the hook", "dns")
    settings.write("Script", "dns.sh").reach("When").press("End").reach("For a test failover").press("Space")
    settings.picture("edit-hooks").act("Save")
    done(settings)
    (check,), (hook,) = machine.checks().checks, machine.hooks().hooks
    assert (check.name, check.port, hook.name, hook.moment) == ("login", 22, "dns", "before_stop")
    assert set(hook.kinds) == {"planned", "unplanned"}
    machine.set_checks([])  # others move it
    machine.set_hooks([])


def test_a_point_is_held_with_its_reason_and_released(keyboard, machine):
    point = next(iter(machine.points.list()))
    keyboard.open(f"/machines/{machine.show().id}").reach("Recovery points").press("Enter")
    at = f"{point.taken_at:%Y-%m-%d %H:%M:%S}Z"
    keyboard.act(f"Hold {at}").dialog("hold").act("Hold").says("Say why it is held")
    keyboard.write("Reason", "for the auditor").act("Hold")
    done(keyboard)
    assert [each.held for each in machine.points.list() if each.id == point.id] == ["for the auditor"]
    keyboard.act(f"Release {at}").dialog().says("for the auditor").act("Release")
    done(keyboard)


def test_a_copy_is_restored_from_a_point(keyboard, vault, machine):
    point = next(iter(machine.points.list()))
    keyboard.open(f"/machines/{machine.show().id}").reach("Recovery points").press("Enter")
    keyboard.act(f"Restore a copy {point.taken_at:%Y-%m-%d %H:%M:%S}Z").dialog("restore-copy")
    keyboard.write("Name of the copy", "app-monday").write("Folder", "images").act("Restore a copy")
    keyboard.says("Give an absolute path").reach("Folder").press("Control+a")
    keyboard.page.keyboard.type("/srv/copies")
    keyboard.reach("Start it").press("Space")
    with keyboard.page.expect_request("**/restore") as sent:
        keyboard.act("Restore a copy")
    assert vault.jobs[keyboard.job()].show().verb == "restore_copy"
    wanted = {"name": "app-monday", "folder": "/srv/copies", "network": None, "start": True}
    assert sent.value.post_data_json == {**wanted, "unencrypted": False}


def test_what_lets_one_connect_is_confirmed_and_taken_back(keyboard, machine):
    def standing():
        return {each.line.value: each.standing.value for each in machine.connecting().lines}["san-policy"]

    keyboard.open(f"/machines/{machine.show().id}").says("open: nobody looked")
    keyboard.act("Confirm san-policy").dialog("connecting").says("its SAN policy is OnlineAll").act("Confirm")
    done(keyboard)
    assert standing() == "confirmed"
    keyboard.says("yes: confirmed by").act("Take back san-policy").dialog().act("Take back")
    done(keyboard)
    assert standing() == "open"


def test_a_hold_does_not_turn_into_its_release(keyboard, machine):
    """Who had given a reason to hold a point released the one that another person had put on it meanwhile."""
    point = next(iter(machine.points.list()))
    keyboard.open(f"/machines/{machine.show().id}").reach("Recovery points").press("Enter")
    keyboard.act(f"Hold {point.taken_at:%Y-%m-%d %H:%M:%S}Z").dialog().write("Reason", "for the court")
    machine.points[point.id].hold("for the auditor")
    keyboard.says("Meanwhile this changed: Hold is not possible any more").press("Enter", "Escape")
    keyboard.page.get_by_role("dialog").wait_for(state="detached")
    assert [each.held for each in machine.points.list() if each.id == point.id] == ["for the auditor"]
    machine.points[point.id].release()


def test_disks_are_left_out_and_taken_in(keyboard, rig, vault):
    machine = vault.machines["app04"]
    (disk,) = machine.show().disks
    keyboard.open(f"/machines/{machine.show().id}")
    keyboard.says("Leave disks out").act("Leave disks out").dialog("exclude").act("Leave disks out")
    keyboard.says("Choose a disk").reach("Choose all").press("Space").says(f"do not hold {disk.key}")
    keyboard.press("Escape").page.get_by_role("dialog").wait_for(state="detached")
    keyboard.is_clean()


def test_a_reader_is_told_why_nothing_can_be_edited(rig, browser, vault, machine):
    secret = vault.tokens.create("onlooker", "reader").token
    keyboard = support_keyboard.Keyboard(support_console.opened(browser, rig.url).log_in(secret))
    keyboard.open(f"/machines/{machine.show().id}").reach("Settings").press("Enter")
    keyboard.says("Your role does not allow this: Edit")
    assert keyboard.page.get_by_role("button", name="Edit").count() == 0
    keyboard.page.context.close()


@pytest.mark.parametrize("look", sorted(support_console.LOOKS))
def test_an_editor_is_clean_and_fits(rig, browser, token, machine, look):
    keyboard = support_keyboard.Keyboard(support_console.opened(browser, rig.url, look).log_in(token))
    keyboard.open(f"/machines/{machine.show().id}").reach("Settings").press("Enter")
    keyboard.act("Edit Network cards").dialog(f"edit-cards-{look}")
    assert not keyboard.tab.is_too_wide()
    keyboard.is_clean()
    keyboard.page.context.close()
