"""Real Linux guests on the host of this process, and views of their disks."""

import contextlib
import hashlib
import secrets
import uuid

import nbd

import guestkit
from secondsite.fabrics.interface import SessionRequest

TAG = "33333333-2222-4333-8444-555555555555"
MAC = "52:54:00:0a:0b:0c"
BUSY = guestkit.Workload(records_per_second=20, load_kib_per_second=1024, load_run_kib=64)


class GuestMachine:
    """A machine with a writer inside, and its console."""

    def __init__(self, host, kind=guestkit.Kind.WRITER, workload=BUSY, nics=()):
        name = f"guest-{uuid.uuid4().hex[:8]}"
        self.host = host
        self.disk = host.images / f"{name}.qcow2"
        guestkit.make_disk(self.disk)
        self.console = guestkit.Console(host.images / f"{name}.log")
        guest = guestkit.build(kind=kind)
        xml = guestkit.domain_xml(
            name, str(uuid.uuid4()), guest, [self.disk], nics, self.console.path, workload=workload
        )
        self.id = host.define(xml)
        self.boots = 0

    def boot(self):
        self.host.fabric.power.start(self.id)
        self.boots += 1
        boot = self.console.wait_for_boot(self.boots, within_seconds=90)
        assert boot.ready, boot.lines
        return boot

    def protect(self):
        self.host.fabric.tracking.enable(self.id, TAG)

    def writes_on(self):
        said = self.console.last_record
        self.console.wait_for(lambda console: console.last_record > said + 2, within_seconds=60)


@contextlib.contextmanager
def view(host, machine, base=None, app_consistent=False):
    name = f"secondsite-1-{secrets.token_hex(4)}"
    request = SessionRequest(machine.id, ("vda",), base, name, host.scratch_dir, app_consistent)
    with host.fabric.tracking.open(request) as session:
        yield session


def digest(disk):
    with connected(disk) as handle:
        size = handle.get_size()
        return hashlib.sha256(
            b"".join(bytes(handle.pread(1 << 20, at)) for at in range(0, size, 1 << 20))
        ).hexdigest()


@contextlib.contextmanager
def connected(disk):
    handle = nbd.NBD()
    handle.set_export_name(disk.export)
    handle.connect_unix(str(disk.socket))
    try:
        yield handle
    finally:
        with contextlib.suppress(nbd.Error):  # the other end may be gone
            handle.shutdown()
