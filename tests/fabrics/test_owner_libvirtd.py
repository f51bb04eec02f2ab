"""What an owner does to a machine with libvirt itself, on a real libvirtd: each state has its meaning, and
what the owner's needs stays."""

import secrets
from pathlib import Path

import libvirt
import pytest

from rig.eventually import eventually
from rig.hosts.domains import firmware_xml
from rig.images import qemu_img
from secondsite.domain import errors
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import AcknowledgedDisks, PowerState
from secondsite.fabrics.libvirt.host import states
from secondsite.ground.units import MiB
from tests.fabrics.support_owner import made, state, virsh
from tests.support import libvirtd

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

PANIC_PORT = 0x505


@pytest.fixture(scope="module")
def host():
    with libvirtd.running(own_network=True) as daemon, libvirtd.hosted(daemon) as host:
        yield host


# -- states
# ------------------------------------------------------------------------------------------------------------


def test_every_state_and_reason_of_this_libvirt_has_its_row():
    """A state without a row counts as running: only one that is surely off has disks that nobody writes."""
    known = {name: value for name, value in vars(libvirt).items() if isinstance(value, int)}
    of_state = {
        "VIR_DOMAIN_PAUSED_": libvirt.VIR_DOMAIN_PAUSED,
        "VIR_DOMAIN_SHUTOFF_": libvirt.VIR_DOMAIN_SHUTOFF,
    }
    for prefix, value in of_state.items():
        for name, reason in known.items():
            if name.startswith(prefix) and not name.endswith("_LAST"):
                found = states.row(value, reason)
                assert found.power is not PowerState.RUNNING, name
                assert found is states.STATES.get((value, reason), states.STATES[(value, None)])
    rows = {row for row, _ in states.STATES}
    assert {libvirt.VIR_DOMAIN_CRASHED, libvirt.VIR_DOMAIN_PMSUSPENDED, libvirt.VIR_DOMAIN_NOSTATE} <= rows
    assert states.row(99, 0).power is PowerState.RUNNING
    assert [key for key, row in states.STATES.items() if row.power is PowerState.OFF] == [
        key for key in states.STATES if key[0] == libvirt.VIR_DOMAIN_SHUTOFF
    ]


@pytest.fixture
def crashed(host):
    fabric_id = made(host, "panics", "<panic model='isa'/>")
    steps.checkpoint(host, fabric_id)
    host.human(fabric_id, f"o/b {PANIC_PORT:#x} 1")
    eventually(lambda: state(host, fabric_id) is PowerState.CRASHED, 20)
    yield fabric_id
    host.fabric.power.stop(fabric_id)


def test_a_guest_that_crashed_and_is_kept_is_neither_off_nor_elsewhere_and_stays_kept(host, crashed):
    assert steps.machine_of(host, crashed).power is PowerState.CRASHED
    host.fabric.power.start(crashed)  # what we undo leaves it as it is
    assert state(host, crashed) is PowerState.CRASHED
    assert not host.fabric.power.shut_down(crashed, 0.5)
    with steps.view(host, crashed, None) as session:  # its cycles go on
        assert steps.content(session.disks[0]) is not None
    assert state(host, crashed) is PowerState.CRASHED
    virsh(host, "destroy", crashed)
    assert state(host, crashed) is PowerState.OFF


def test_a_machine_that_its_owner_paused_is_resumed_by_nobody_else(host):
    fabric_id = made(host, "paused")
    virsh(host, "suspend", fabric_id)
    host.fabric.power.start(fabric_id)
    assert not host.fabric.power.shut_down(fabric_id, 0.5)
    base = steps.checkpoint(host, fabric_id)
    host.fabric.tracking.acknowledge(fabric_id, base)
    host.reopen()
    assert state(host, fabric_id) is PowerState.PAUSED
    assert host.stands_still(fabric_id)
    virsh(host, "resume", fabric_id)
    assert state(host, fabric_id) is PowerState.RUNNING
    host.fabric.power.stop(fabric_id)


def test_memory_that_was_saved_to_a_file_of_the_owners_is_memory_that_waits(host):
    fabric_id = made(host, "to-a-file")
    memory = host.root / "memory"
    virsh(host, "save", fabric_id, memory)
    assert state(host, fabric_id) is PowerState.SAVED
    virsh(host, "restore", memory)
    assert state(host, fabric_id) is PowerState.RUNNING
    host.fabric.power.stop(fabric_id)
    assert state(host, fabric_id) is PowerState.OFF


def test_a_machine_whose_definition_was_removed_while_it_runs_is_told_to_vanish(host):
    fabric_id = made(host, "transient")
    assert host.fabric.power.stays_defined(fabric_id)
    text = virsh(host, "dumpxml", fabric_id)
    virsh(host, "undefine", fabric_id)
    assert not host.fabric.power.stays_defined(fabric_id)
    file = host.root / "again.xml"
    file.write_text(text)
    virsh(host, "define", file)
    assert host.fabric.power.stays_defined(fabric_id)
    host.fabric.power.stop(fabric_id)


# -- what the files of a run hold of the owner's
# -----------------------------------------------------------------------


@pytest.fixture
def home(host):
    """A machine that came home: it runs on an overlay above its own disk, to which a commit brings it
    back."""
    name = f"home-{secrets.token_hex(3)}"
    own = host.make_image(name, 4 * MiB)
    overlay = host.images / f"{name}-run.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", "-b", own, "-F", "qcow2", overlay)
    fabric_id = host.define(firmware_xml(name, [overlay]))
    host.fabric.tracking.enable(fabric_id, steps.TAG)
    host.fabric.power.start(fabric_id)
    yield fabric_id, own, overlay
    host.fabric.power.stop(fabric_id)


def commit(host, home):
    fabric_id, own, _ = home
    host.fabric.hosting.consolidate(fabric_id, {"vda": own}, lambda _: None)


def test_a_commit_does_not_take_the_files_away_that_saved_memory_needs(host, home):
    fabric_id, own, overlay = home
    host.write(fabric_id, "vda", MiB, b"\x07" * 4096)
    virsh(host, "managedsave", fabric_id)
    with pytest.raises(errors.NotPossibleNow, match=r"memory of .* is saved") as refused:
        commit(host, home)
    assert "virsh start" in refused.value.do
    assert overlay.exists()
    assert host.disk_path(fabric_id, "vda") == overlay
    virsh(host, "start", fabric_id)  # its memory is there
    commit(host, home)
    assert host.disk_path(fabric_id, "vda") == own
    assert state(host, fabric_id) is PowerState.RUNNING


@pytest.mark.parametrize("runs", [True, False])
def test_a_commit_does_not_take_an_owners_snapshot_away(host, home, runs):
    fabric_id, own, overlay = home
    if not runs:
        host.fabric.power.stop(fabric_id)
    virsh(host, "snapshot-create-as", fabric_id, "before")  # inside the overlay
    with pytest.raises(errors.NotPossibleNow, match=r"has snapshots .before. that need the files"):
        commit(host, home)
    assert host.disk_path(fabric_id, "vda") == overlay
    virsh(host, "snapshot-revert", fabric_id, "before")
    virsh(host, "snapshot-delete", fabric_id, "before")
    commit(host, home)
    assert host.disk_path(fabric_id, "vda") == own


def snapshots_of(host, fabric_id):
    return virsh(host, "snapshot-list", fabric_id, "--name", "--topological").split()


def snapped(host, fabric_id):
    """Off, with a snapshot in its image, and one from which on it goes on in another file; its file now."""
    host.fabric.power.stop(fabric_id)
    virsh(host, "snapshot-create-as", fabric_id, "inner")
    virsh(host, "snapshot-create-as", fabric_id, "outer", "--disk-only")
    return Path(steps.machine_of(host, fabric_id).definition.disks[0].path)


def runs_away_from_home(host, fabric_id, file):
    """Withdrawn, and back on an overlay above `file`, as in a failback before its commit."""
    definition = host.fabric.hosting.withdraw(fabric_id, steps.TAG)
    overlay = file.with_suffix(f".{secrets.token_hex(3)}.run")
    qemu_img("create", "-q", "-f", "qcow2", "-b", file, "-F", "qcow2", overlay)
    xml = host.root / "home.xml"
    now = definition.disks[0].path
    xml.write_text(definition.native.replace(f"'{now}'", f"'{overlay}'"))
    virsh(host, "define", xml)


def test_an_owners_snapshots_are_known_again_once_the_machine_is_home(host):
    fabric_id = made(host, "snapped")
    file = snapped(host, fabric_id)
    assert snapshots_of(host, fabric_id) == ["inner", "outer"]
    definition = host.fabric.hosting.withdraw(fabric_id, steps.TAG)
    host.fabric.hosting.restore(definition, steps.TAG)  # a reprotect that was undone
    assert snapshots_of(host, fabric_id) == ["inner", "outer"]
    runs_away_from_home(host, fabric_id, file)
    assert snapshots_of(host, fabric_id) == []  # a commit refuses what needs the files of its run
    for _ in range(2):
        host.fabric.hosting.consolidate(fabric_id, {"vda": file}, lambda _: None)
        assert snapshots_of(host, fabric_id) == ["inner", "outer"]
        assert virsh(host, "snapshot-current", fabric_id, "--name").strip() == "outer"


def test_snapshots_of_disks_that_stayed_behind_are_not_those_of_new_ones(host):
    fabric_id = made(host, "elsewhere")
    snapped(host, fabric_id)
    made_anew = host.make_image(f"anew-{secrets.token_hex(3)}", 4 * MiB)
    runs_away_from_home(host, fabric_id, made_anew)
    host.fabric.hosting.consolidate(fabric_id, {"vda": made_anew}, lambda _: None)
    assert snapshots_of(host, fabric_id) == []


def test_saved_memory_keeps_the_definition_that_it_was_saved_with(host):
    """Who makes the machine again leaves it as its owner did."""
    fabric_id = made(host, "made-again")
    virsh(host, "managedsave", fabric_id)
    found = steps.machine_of(host, fabric_id)
    with steps.refused(errors.FabricError):
        host.fabric.hosting.restore(found.definition, steps.TAG)
    virsh(host, "start", fabric_id)
    host.fabric.power.stop(fabric_id)


# -- defined anew
# ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["define", "undefine-and-define", "off"])
def test_a_machine_that_was_defined_anew_is_recognized_by_what_only_it_has(host, how):
    fabric_id = made(host, "anew")
    had = AcknowledgedDisks(fabric_id, ("vda",), steps.checkpoint(host, fabric_id))
    file = host.root / f"{fabric_id}.xml"
    text = virsh(host, "dumpxml", "--inactive", fabric_id)
    begin, end = text.index("<metadata>"), text.index("</metadata>") + len("</metadata>")
    file.write_text(text[:begin] + text[end:])
    if how == "off":
        host.fabric.power.stop(fabric_id)
    if how != "define":
        virsh(host, "undefine", fabric_id, "--checkpoints-metadata")
    virsh(host, "define", file)
    assert host.fabric.inventory.tag(fabric_id) is None
    assert host.fabric.tracking.recognizes(had)
    if how != "off":
        host.fabric.power.stop(fabric_id)


def test_another_machine_of_the_same_id_is_not_recognized(host):
    fabric_id = made(host, "another")
    had = AcknowledgedDisks(fabric_id, ("vda",), steps.checkpoint(host, fabric_id))
    other = host.make_image(f"other-{secrets.token_hex(3)}", 4 * MiB)
    text = virsh(host, "dumpxml", "--inactive", fabric_id)
    begin, end = text.index("<metadata>"), text.index("</metadata>") + len("</metadata>")
    file = host.root / f"{fabric_id}.xml"
    file.write_text((text[:begin] + text[end:]).replace(str(host.disk_path(fabric_id, "vda")), str(other)))
    virsh(host, "define", file)
    assert not host.fabric.tracking.recognizes(had)  # it runs on the right disks, and will start from others
    host.fabric.power.stop(fabric_id)
    assert not host.fabric.tracking.recognizes(had)
