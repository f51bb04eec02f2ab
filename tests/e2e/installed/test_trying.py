"""A host on which nothing would start says so on its first day: the appliance, as its unit runs it, starts a
tiny machine of its own. A machine's check tries a view and a start. Whatever dies amid it, nothing stays."""

import re

import pytest

from rig.eventually import eventually
from tests.e2e.installed.support_life import MARKS

pytestmark = [*MARKS, pytest.mark.every(turn="installed")]
CONF = "/etc/libvirt/qemu.conf"
STRICT = "dynamic_ownership = 0\n"
"""QEMU's user gets no file of ours: nothing starts."""
HOME = "/var/lib/secondsite/appliance"
VETO = "/etc/libvirt/hooks/qemu.d/secondsite"
CLIENT = "/var/lib/secondsite/vault/client.json"


@pytest.fixture(scope="module")
def rig(new_rig):
    return new_rig.open()


def settings(rig, text):
    host = rig.hosts["b"]
    host.write(CONF, text)
    host.must("systemctl", "restart", "libvirtd")


def notes(rig):
    with rig.client() as vault:
        return next(each.notes for each in vault.appliances if each.name == "appliance-b")


def machines(rig, site):
    return [each for each in rig.virsh(site, "list", "--all", "--name").split() if "trial" in each]


def scratch(rig, site):
    return rig.hosts[site].run("sh", "-c", f"ls {HOME}/scratch").stdout.split()


def left(rig, site):
    """What a trial could have left at a site."""
    folders = rig.hosts[site].run("sh", "-c", f"ls -d {HOME}/store/trial-* 2> /dev/null").stdout.split()
    return machines(rig, site) + scratch(rig, site) + folders


def test_a_host_on_which_nothing_starts_is_found_by_trying_and_so_is_that_it_was_mended(rig):
    well = rig.cli("appliance", "check", "appliance-b")
    assert well.returncode == 0, well
    assert "tried: a start in" in well.stdout
    assert "tried: a view in" in well.stdout
    before = rig.hosts["b"].must("cat", CONF)
    settings(rig, before + STRICT)
    said = rig.cli("appliance", "check", "appliance-b")
    assert said.returncode == 4, said
    assert "in the way at b: A machine on trial: The machine cannot run here" in said.stdout
    assert re.search(r"trial-\S+/vda.qcow2", said.stdout)
    assert left(rig, "b") == []
    settings(rig, before)
    assert rig.cli("appliance", "check", "appliance-b").returncode == 0


def test_a_new_appliance_on_such_a_host_has_it_in_its_notes(rig):
    assert notes(rig) == () or "A machine on trial" not in " ".join(notes(rig))
    before = rig.hosts["b"].must("cat", CONF)
    settings(rig, before + STRICT)
    assert rig.cli("appliance", "check", "appliance-b").returncode == 4
    rig.appliances["b"].stop()
    rig.appliances["b"].start()
    eventually(lambda: "A machine on trial" in " ".join(notes(rig)), 60)
    settings(rig, before)
    eventually(lambda: rig.cli("appliance", "check", "appliance-b").returncode == 0, 60)  # it connects anew


def test_a_machines_check_tries_a_view_and_a_start_and_leaves_it_as_it_was(rig):
    machine = rig.make_guest("web01")
    machine.console.wait_for_boot(within_seconds=240)
    before = rig.virsh("a", "dumpxml", "web01")
    said = rig.cli("machine", "preflight", "web01", "--source", "a", "--target", "b")
    assert said.returncode == 0, said
    assert "tried: a view of 1 disk at appliance-a in " in said.stdout
    assert "tried: a start at appliance-b in " in said.stdout
    assert rig.virsh("a", "dumpxml", "web01") == before
    assert rig.virsh("a", "checkpoint-list", "--name", "web01").split() == []
    assert left(rig, "a") + left(rig, "b") == []


@pytest.mark.parametrize("site", ["a", "b"])
@pytest.mark.parametrize("there", [machines, scratch])
def test_what_is_killed_amid_it_leaves_nothing(rig, site, there):
    """Killed as soon as the paused machine, or the scratch file of its view, is there."""
    ask = f"SECONDSITE_CLIENT={CLIENT} secondsite appliance check appliance-{site}"
    loop = f"touch /run/asks; (while [ -e /run/asks ]; do {ask}; done) > /dev/null 2>&1 &"
    rig.hosts["vault"].run("sh", "-c", loop)
    eventually(lambda: killed_amid(rig, site, there), 120)
    rig.hosts["vault"].must("rm", "/run/asks")
    rig.appliances[site].start()
    eventually(lambda: left(rig, site) == [], 60)
    rig.wait_connected()
    said = rig.cli("appliance", "check", f"appliance-{site}")
    assert said.returncode == 0, said


def killed_amid(rig, site, there):
    """Whether something was left when the appliance was killed; if not, it runs again."""
    if not there(rig, site):
        return False
    rig.appliances[site].kill()
    if left(rig, site):
        return True
    rig.appliances[site].start()
    return False


def test_a_host_without_the_start_hook_is_warned_of_it_until_it_has_one(rig):
    host = rig.hosts["b"]
    eventually(lambda: rig.cli("appliance", "check", "appliance-b").returncode == 0, 60)
    host.must("mv", VETO, "/root/veto")
    said = rig.cli("appliance", "check", "appliance-b")
    assert said.returncode == 0, said
    assert "warning at b: Nothing here keeps a machine that was failed over from being started" in said.stdout
    rig.appliances["b"].stop()
    rig.appliances["b"].start()
    eventually(lambda: "Nothing here keeps a machine" in " ".join(notes(rig)), 60)
    host.must("mv", "/root/veto", VETO)
    rig.appliances["b"].stop()
    rig.appliances["b"].start()
    eventually(lambda: "Nothing here keeps" not in " ".join(notes(rig)), 60)
    assert "warning" not in rig.cli("appliance", "check", "appliance-b").stdout
