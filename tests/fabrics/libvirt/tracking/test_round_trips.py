"""How often libvirt, QEMU and other programs are asked for one cycle: each time costs processor time at
every machine, every few seconds."""

import subprocess
import threading
from collections import Counter

import libvirt
import libvirt_qemu
import pytest

from secondsite.domain import errors
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.interface import AcknowledgedDisks
from secondsite.fabrics.libvirt.host import callers, connection, inventory

pytestmark = pytest.mark.slow

SECOND_DISK = """<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{path}'/>
  <target dev='vdb' bus='virtio'/></disk>"""


@pytest.fixture
def viewed(host):
    """A running machine and its only checkpoint."""
    machine = steps.protected(host, "asked")
    return machine, cycle(host, machine, None)


def cycle(host, machine, base):
    with steps.view(host, machine, base) as session:
        pass
    host.fabric.tracking.acknowledge(machine, session.checkpoint)
    return session.checkpoint


@pytest.fixture
def asked(monkeypatch):
    """What was asked from now on, and how often; not how often until exports had ended, which takes the
    longer the busier the host is."""
    found: Counter[str] = Counter()

    def counted(what, function):
        def count(*arguments, **named):
            found[what] += not any("query-block-exports" in str(each) for each in arguments)
            return function(*arguments, **named)

        return count

    monkeypatch.setattr(libvirt_qemu, "qemuMonitorCommand", counted("QEMU", libvirt_qemu.qemuMonitorCommand))
    monkeypatch.setattr(subprocess, "run", counted("program", subprocess.run))
    read = counted("definition", inventory.live_disks)
    monkeypatch.setattr(inventory, "live_disks", read)
    outcome = callers.Callers.outcome

    def outcomes(self, *arguments):
        found["handed over"] += not getattr(self._this, "calls", False)
        return outcome(self, *arguments)

    monkeypatch.setattr(callers.Callers, "outcome", outcomes)
    return found


def test_a_machine_that_wrote_nothing_costs_one_question_to_its_qemu(host, viewed, asked):
    machine, base = viewed
    assert host.fabric.tracking.unwritten(machine, ("vda",), base)
    assert asked == {"QEMU": 1, "handed over": 2, "definition": 1}
    asked.clear()
    for _ in range(3):
        assert host.fabric.tracking.all_unwritten([AcknowledgedDisks(machine, ("vda",), base)])
    assert asked == {"QEMU": 3, "handed over": 3}


def test_a_drive_that_comes_or_changes_has_the_definition_read_again(host, viewed, asked):
    machine, base = viewed
    acknowledged = [AcknowledgedDisks(machine, ("vda",), base)]
    assert host.fabric.tracking.all_unwritten(acknowledged)[machine].attached == ("vda",)
    xml = SECOND_DISK.format(path=host.make_image("asked-b", 1 << 20))
    host.domain(machine).attachDeviceFlags(xml, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    assert host.fabric.tracking.all_unwritten(acknowledged)[machine].attached == ("vda", "vdb")
    asked.clear()
    host.take_snapshot(machine, "vda")
    assert not host.fabric.tracking.all_unwritten(acknowledged)
    assert asked["definition"] == 1


@pytest.mark.parametrize(("view_kind", "opening", "in_all"), [("backup-job", 1, 1), ("filter", 17, 33)])
def test_a_view_asks_qemu_seldom_and_runs_no_program(host, asked, view_kind, opening, in_all):
    with host.viewed_by(view_kind):
        machine = steps.protected(host, "asked")
        base = cycle(host, machine, None)
        asked.clear()
        with steps.view(host, machine, base) as session:
            assert session.disks[0].bitmaps
            assert asked["QEMU"] == opening
            assert asked["program"] == 0
            assert asked["handed over"] <= 20
        host.fabric.tracking.acknowledge(machine, session.checkpoint)
        assert asked["QEMU"] == in_all
        assert asked["program"] == 0


def test_calls_need_no_thread_each(host, viewed):
    machine, _base = viewed
    before = {thread.ident for thread in threading.enumerate()}
    for _ in range(50):
        host.fabric.power.state(machine)
    made = [thread.name for thread in threading.enumerate() if thread.ident not in before]
    assert not [name for name in made if name.startswith("libvirt")]


def test_a_call_that_nobody_waits_for_any_more_holds_up_no_other():
    goes_on = threading.Event()
    with pytest.raises(errors.DeadlineExceeded):
        connection.call("hanging", goes_on.wait, seconds=0.05)
    assert connection.call("adding", sum, [1, 2]) == 3
    goes_on.set()


def test_what_a_call_calls_is_a_part_of_it():
    here = connection.call("looking", threading.get_ident)
    inner = connection.call("looking twice", lambda: connection.call("looking", threading.get_ident))
    assert here != threading.get_ident() != inner
    with pytest.raises(errors.NotFound):
        connection.call("outside", lambda: connection.call("inside", fails))


def fails():
    raise errors.NotFound.named("machine", "m")


def test_bitmaps_that_libvirt_does_not_know_go_with_the_next_view(host, viewed):
    machine, base = viewed
    [disk] = host.qmp(machine, "query-block")["return"]
    node = disk["inserted"]["node-name"]
    host.qmp(machine, "block-dirty-bitmap-add", node=node, name="secondsite-stray", persistent=True)
    assert host.fabric.tracking.unwritten(machine, ("vda",), base) is None
    base = cycle(host, machine, base)
    assert host.fabric.tracking.unwritten(machine, ("vda",), base) is not None


def test_scratch_files_go_although_libvirt_has_forgotten_their_job(host, viewed):
    """As after a death of the appliance: the job ended with it, and libvirt leaves files that it did not
    make."""
    machine, _base = viewed
    left = host.scratch_dir / f"{machine}-vda.scratch"
    other = host.scratch_dir / "another-vda.scratch"
    for path in (left, other):
        path.write_bytes(b"left")
    host.reopen()
    host.fabric.tracking.end_left_over(machine)
    assert not left.exists()
    assert other.exists()
    other.unlink()
