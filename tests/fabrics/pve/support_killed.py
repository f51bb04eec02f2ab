"""A process that opens a view and stops at a seam, to be killed there. Arguments: the cluster's address, the
files of its token and its CA, the plugin's socket, the folder of records, the machine, the seam."""

import contextlib
import sys
import time
from pathlib import Path

from secondsite.fabrics.interface import SessionRequest
from secondsite.fabrics.pve import Access, PveSite
from secondsite.fabrics.pve.cycles import PveTracking, Replicated

address, token, ca, socket, records, known, seam = sys.argv[1:]


def reached(where):
    if where == seam:
        print(where, flush=True)
        time.sleep(600)


@contextlib.contextmanager
def instant():
    reached("before the instant")
    yield
    reached("after the instant")


site = PveSite(
    Access((address,), Path(token), Path(ca)), Replicated(Path(socket), Path(records), "local-lvm")
)
request = SessionRequest(
    known, ("scsi0", "scsi1"), "secondsite-1-1", "secondsite-1-2", Path("/nowhere"), instant=instant
)
assert isinstance(site.tracking, PveTracking)
with site.tracking.open(request):
    reached("while it reads")
