"""A machine with UEFI variables and a TPM: private files of QEMU's user and of swtpm's, at both sites,
through a failover, a reboot and the way home."""

from pathlib import Path

from rig import images
from rig.eventually import eventually
from secondsite.domain.lifecycle import Verb
from secondsite.wire import rest
from tests.e2e.installed.support_life import IN_TURN, MARKS, OFF, protection
from tests.support import uefi

pytestmark = [*MARKS, IN_TURN]
NAME, ENTRY = "uefi01", "Shell of paris"
VARIABLES = f"/var/lib/libvirt/qemu/nvram/{NAME}_VARS.fd"
DISK, CONSOLE = f"/var/lib/libvirt/images/{NAME}.qcow2", f"/var/log/libvirt/guests/{NAME}.log"


def made(rig):
    """By its owner, at site a, where it starts with its host; its first start is over."""
    for site in (
        "a",
        "b",
    ):  # the CA of TPMs that this machine has, which lies below theirs, is another user's
        rig.hosts[site].must("find", "/var/lib/swtpm-localca", "-mindepth", "1", "-delete")
    host = rig.hosts["a"]
    images.qemu_img("create", "-q", "-f", "qcow2", str(host.path(DISK)), "16M")
    host.path(VARIABLES).write_bytes(uefi.variables_with_entry(ENTRY))
    host.must("virsh", "define", "/dev/stdin", text=uefi.domain_xml(NAME, VARIABLES, DISK, CONSOLE))
    rig.virsh("a", "autostart", NAME)
    rig.virsh("a", "start", NAME)
    started(rig, "a", 1)


def started(rig, site, times):
    """Its firmware has found the entry that its owner put into its variables, so often."""

    def look():
        own = rig.hosts[site].upper / CONSOLE.lstrip("/")
        console = own if own.exists() else rig.console(site, NAME).path
        return console.exists() and console.read_bytes().count(uefi.loaded(ENTRY)) >= times

    eventually(look, 300)


def test_its_private_files_go_with_it_and_are_there_after_a_reboot(life):
    rig = life.rig
    made(rig)
    rig.must(Verb.ENABLE_PROTECTION, protection(NAME))
    point = rig.new_points(NAME)[-1]
    found = images.manifest(rig.replica_folder("b", rig.machine(NAME).id), point.id)["firmware"]
    assert [Path(file["name"]).name for file in found] == ["nvram", "tpm2-00.permall"]
    rig.virsh("a", "destroy", NAME)
    rig.must(Verb.FAILOVER, rest.Failover(machines=(NAME,)))
    started(rig, "b", 1)
    life.reboot("b")
    started(rig, "b", 2)
    assert OFF not in rig.codes(NAME)
    rig.must(Verb.COMMIT, rest.Commit(machines=(NAME,)))
    rig.must(Verb.REPROTECT, rest.Reprotect(machines=(NAME,)))
    rig.new_points(NAME)
    rig.virsh("b", "destroy", NAME)
    rig.hosts["a"].must("rm", CONSOLE)  # libvirt begins an owner's file anew with each start
    rig.must(Verb.FAILOVER, rest.Failover(machines=(NAME,)))
    started(rig, "a", 1)
    rig.must(Verb.COMMIT, rest.Commit(machines=(NAME,)))
    rig.must(Verb.DISABLE_PROTECTION, rest.DisableProtection(machines=(NAME,)))
    rig.virsh("a", "destroy", NAME)
    rig.virsh("a", "undefine", NAME, "--nvram", "--checkpoints-metadata")
