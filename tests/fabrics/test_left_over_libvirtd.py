"""A view whose owner died, on a real libvirtd: the process that outlives the owner ends it, and no job of
others."""

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rig.eventually import eventually
from secondsite.domain import errors
from secondsite.fabrics.conformance import steps
from secondsite.fabrics.libvirt.tracking import filter_view
from tests.fabrics.libvirt.support_detached import DetachingMachine
from tests.fabrics.support_lifelines import lifelines_of
from tests.support import libvirtd

pytestmark = pytest.mark.slow

OWNER = """
import sys
from pathlib import Path
from secondsite.fabrics.interface import SessionRequest
from secondsite.fabrics.libvirt import open_fabric

uri, root, machine, name, seconds = sys.argv[1:]
request = SessionRequest(
    machine, ("vda",), None, name, Path(root) / "scratch", longest_seconds=float(seconds)
)
fabric = open_fabric(uri, Path(root) / "work", view_kind="backup-job")
with fabric.tracking.open(request):
    print("open", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def host():
    with libvirtd.running(own_network=True) as daemon, libvirtd.hosted(daemon) as host:
        yield host


@pytest.fixture
def longest_seconds():
    return 3600


@pytest.fixture
def viewed(host, longest_seconds):
    """A machine, and the process that has a view of it open."""
    fabric_id = steps.protected(host, "viewed")
    name = f"secondsite-1-{secrets.token_hex(4)}"
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, host.uri, str(host.root), fabric_id, name, str(longest_seconds)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as owner:  # fmt: skip
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"open\n"
        yield fabric_id, owner
        owner.kill()


def jobs(host, fabric_id):
    return host.qmp(fabric_id, "query-block-jobs")["return"]


def test_a_job_ends_when_its_owner_is_killed(host, viewed):
    fabric_id, owner = viewed
    assert len(jobs(host, fabric_id)) == 1
    owner.kill()
    eventually(lambda: jobs(host, fabric_id) == [], 20)
    with steps.view(host, fabric_id, None) as session:
        assert session.checkpoint is not None


@pytest.mark.parametrize("longest_seconds", [2])
def test_a_job_whose_owner_hangs_ends_by_its_deadline(host, viewed):
    fabric_id, owner = viewed
    os.kill(owner.pid, signal.SIGSTOP)
    eventually(lambda: jobs(host, fabric_id) == [], 20)


def test_a_job_of_another_program_that_began_since_is_left_alone(host, viewed):
    """The owner hangs and its job was ended by hand; then another backup begins, and the owner dies."""
    fabric_id, owner = viewed
    os.kill(owner.pid, signal.SIGSTOP)
    domain = host.domain(fabric_id)
    domain.abortJob()
    eventually(lambda: jobs(host, fabric_id) == [], 10)
    server = f"<server transport='unix' socket='/var/lib/libvirt/qemu/foreign-{secrets.token_hex(3)}'/>"
    domain.backupBegin(f"<domainbackup mode='pull'>{server}</domainbackup>", None)
    lifelines = lifelines_of(owner.pid)
    owner.kill()
    assert lifelines
    eventually(lambda: not any(is_at_work(pid) for pid in lifelines), 20)
    assert len(jobs(host, fabric_id)) == 1
    domain.abortJob()


@pytest.fixture
def without_virsh(tmp_path, monkeypatch):
    """All programs of this host but one."""
    for folder in os.environ["PATH"].split(":"):
        for program in Path(folder).glob("*"):
            link = tmp_path / program.name
            if program.name != "virsh" and not link.is_symlink():
                link.symlink_to(program)
    monkeypatch.setenv("PATH", str(tmp_path))


def test_no_view_is_opened_where_nothing_could_end_it(host, without_virsh):
    fabric_id = steps.protected(host, "unwatched")
    with pytest.raises(errors.FabricError) as refused, steps.view(host, fabric_id, None):
        pytest.fail("a view without a guard")
    assert "virsh" in refused.value.message
    assert "libvirt-clients" in refused.value.do
    assert jobs(host, fabric_id) == []


def is_at_work(pid):
    """A process that has ended has no command line any more."""
    path = Path(f"/proc/{pid}/cmdline")
    return path.exists() and path.read_bytes() != b""


def test_the_watchdog_of_filters_closes_a_disk_that_was_detached_meanwhile(host):
    with host.viewed_by("filter"):
        machine = DetachingMachine(host)
        with steps.view(host, machine.id, None):
            machine.detach()
            place = host.work_dir / "leading" / machine.id
            _, *program = filter_view.rescue(host.connection, machine.domain, place)
            eventually(lambda: subprocess.run(program, timeout=60, check=False).returncode == 0)
            assert machine.has_closed(machine.path)
        machine.attach()
        host.clear()
