"""The veto against the start of an old copy, on a real libvirtd with its hook, where libvirt does not
start from the definition that it keeps: memory that was saved, before the fence or behind it, by libvirt
or to a file of the owner's, a snapshot, a file of before. And what was undone is as it was: the owner's
memory starts again."""

from pathlib import Path

import libvirt
import pytest

import secondsite.fabrics.libvirt.host
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import PowerState
from secondsite.fabrics.libvirt.host import domain_xml
from tests.fabrics.support_owner import made, state, virsh
from tests.support import libvirtd

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

HOOK = Path(secondsite.fabrics.libvirt.host.__file__).with_name("start-veto")
RESTORED = (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_RESTORED)


@pytest.fixture(scope="module")
def host():
    with libvirtd.running(own_network=True, hook=HOOK) as daemon, libvirtd.hosted(daemon) as host:
        yield host


def fence(host, fabric_id):
    host.fabric.power.forbid_start(fabric_id, steps.TAG)


def undo(host, fabric_id):
    host.fabric.power.allow_start(fabric_id, steps.TAG, with_host=False)


def saved_definition(host, fabric_id):
    return host.domain(fabric_id).managedSaveGetXMLDesc(libvirt.VIR_DOMAIN_SAVE_IMAGE_XML_SECURE)


def is_marked(text):
    return domain_xml.is_start_forbidden(domain_xml.parse(text))


def refused(host, fabric_id, act):
    """The hook stands in the way, and the machine does not run."""
    with pytest.raises(libvirt.libvirtError, match="was failed over"):
        act()
    assert state(host, fabric_id) is not PowerState.RUNNING


@pytest.mark.parametrize("first", ["saved", "fenced"])
def test_a_machine_whose_memory_is_saved_does_not_start_behind_its_fence_and_goes_on_once_that_is_lifted(
    host, first
):
    """The definition inside the managed save said nothing of the fence: its owner started a second copy."""
    fabric_id = made(host, "saved")
    acts = [lambda: virsh(host, "managedsave", fabric_id), lambda: fence(host, fabric_id)]
    for act in acts if first == "saved" else reversed(acts):
        act()
    fence(host, fabric_id)  # it is put up again and again
    assert is_marked(saved_definition(host, fabric_id)), "for a hook that knows that definition only"
    refused(host, fabric_id, host.domain(fabric_id).create)
    assert state(host, fabric_id) is PowerState.SAVED
    undo(host, fabric_id)
    assert not is_marked(saved_definition(host, fabric_id))
    virsh(host, "start", fabric_id)
    assert tuple(host.domain(fabric_id).state()) == RESTORED
    assert not is_marked(host.domain(fabric_id).XMLDesc(0))


def test_a_mark_in_what_is_saved_takes_nothing_from_its_definition(host):
    """Neither a console's password nor what other programs have in the metadata, in their words."""
    console = "<graphics type='vnc' port='-1' autoport='yes' passwd='secret'/>"
    fabric_id = made(host, "kept-words", console)
    arguments = (libvirt.VIR_DOMAIN_METADATA_ELEMENT, "<id of='them'/>", "theirs", "http://their.example/1")
    host.domain(fabric_id).setMetadata(*arguments, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    virsh(host, "managedsave", fabric_id)
    before = saved_definition(host, fabric_id)
    fence(host, fabric_id)
    marked = saved_definition(host, fabric_id)
    assert marked == before.replace(f'tag="{steps.TAG}"', f'tag="{steps.TAG}" start="forbidden"')
    assert "passwd='secret'" in marked
    undo(host, fabric_id)
    assert saved_definition(host, fabric_id) == before
    virsh(host, "start", fabric_id)


def test_what_was_saved_before_the_machine_was_protected_is_marked_too(host):
    fabric_id = made(host, "saved-before")
    host.fabric.tracking.disable(fabric_id)
    virsh(host, "managedsave", fabric_id)
    assert steps.TAG not in saved_definition(host, fabric_id)
    host.fabric.tracking.enable(fabric_id, steps.TAG)
    fence(host, fabric_id)
    assert is_marked(saved_definition(host, fabric_id))
    refused(host, fabric_id, host.domain(fabric_id).create)
    undo(host, fabric_id)
    virsh(host, "start", fabric_id)
    assert tuple(host.domain(fabric_id).state()) == RESTORED


def test_the_hook_alone_refuses_what_is_saved_and_could_not_be_marked(host):
    """The definition that libvirt keeps decides: here somebody edited the saved one."""
    fabric_id = made(host, "edited")
    virsh(host, "managedsave", fabric_id)
    before = saved_definition(host, fabric_id)
    fence(host, fabric_id)
    host.domain(fabric_id).managedSaveDefineXML(before, 0)
    refused(host, fabric_id, host.domain(fabric_id).create)
    undo(host, fabric_id)
    virsh(host, "start", fabric_id)
    assert tuple(host.domain(fabric_id).state()) == RESTORED


def test_memory_that_its_owner_saved_to_a_file_is_not_restored_behind_the_fence_and_is_once_that_is_lifted(
    host,
):
    fabric_id = made(host, "to-a-file")
    kept = host.root / f"{fabric_id}.saved"
    virsh(host, "save", fabric_id, kept)
    fence(host, fabric_id)
    refused(host, fabric_id, lambda: host.connection.handle.restore(str(kept)))
    undo(host, fabric_id)
    host.connection.handle.restore(str(kept))
    assert tuple(host.domain(fabric_id).state()) == RESTORED


def test_a_fence_that_was_lifted_does_not_outlive_itself_in_a_file_that_was_saved_behind_it(host):
    fabric_id = made(host, "saved-behind")
    kept = host.root / f"{fabric_id}.saved"
    fence(host, fabric_id)
    virsh(host, "save", fabric_id, kept)
    undo(host, fabric_id)
    host.connection.handle.restore(str(kept))
    assert tuple(host.domain(fabric_id).state()) == RESTORED


def test_a_machine_is_not_created_from_a_file_of_before_behind_its_fence(host):
    """As by 'virsh create FILE', which starts from that file and keeps the definition."""
    fabric_id = made(host, "from-a-file")
    before = host.domain(fabric_id).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    host.fabric.power.stop(fabric_id)
    fence(host, fabric_id)
    refused(host, fabric_id, lambda: host.connection.handle.createXML(before, 0))
    assert host.fabric.inventory.get(fabric_id).start_forbidden
    undo(host, fabric_id)
    host.connection.handle.createXML(before, 0)
    assert state(host, fabric_id) is PowerState.RUNNING


def test_a_start_without_the_saved_memory_is_refused_too(host):
    """'virsh start --force-boot': libvirt throws the memory away before it asks anybody, as its owner told
    it."""
    fabric_id = made(host, "forced")
    virsh(host, "managedsave", fabric_id)
    fence(host, fabric_id)
    forced = libvirt.VIR_DOMAIN_START_FORCE_BOOT
    refused(host, fabric_id, lambda: host.domain(fabric_id).createWithFlags(forced))


def snapshot(host, fabric_id):
    """With memory, and without checkpoints, beside which libvirt makes none."""
    virsh(host, "snapshot-create-as", fabric_id, "theirs")
    return host.domain(fabric_id).snapshotLookupByName("theirs")


@pytest.mark.parametrize("was_on", [True, False], ids=["of-a-running-machine", "of-one-that-was-off"])
def test_a_snapshot_is_not_reverted_to_and_started_behind_the_fence(host, was_on):
    fabric_id = made(host, "reverted")
    if not was_on:
        host.fabric.power.stop(fabric_id)
    theirs = snapshot(host, fabric_id)
    host.fabric.power.stop(fabric_id)
    fence(host, fabric_id)
    domain = host.domain(fabric_id)
    flags = 0 if was_on else libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING
    refused(host, fabric_id, lambda: domain.revertToSnapshot(theirs, flags))
    refused(host, fabric_id, domain.create)
    undo(
        host, fabric_id
    )  # libvirt took the snapshot's definition for its own, and left the file that the hook reads
    domain.create()
    assert state(host, fabric_id) is PowerState.RUNNING
