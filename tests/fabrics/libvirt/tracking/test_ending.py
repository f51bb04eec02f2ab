"""A view's job is aborted once: libvirt aborts whatever job the machine has, and the next one may be the
owner's save."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import libvirt

from secondsite.fabrics.libvirt.tracking import backup_job

SOCKETS = Path("/run/ours")
OURS = "<domainbackup mode='pull'><server transport='unix' socket='/run/ours/m.sock'/></domainbackup>"


class EndsSlowly:
    """A domain whose backup job is seen for a while after its abort."""

    def __init__(self):
        self.aborted = 0
        self.looks = 0

    def name(self):
        return "web01"

    def backupGetXMLDesc(self, _flags):
        self.looks += 1
        if self.looks > 12:
            raise libvirt.libvirtError("no domain backup job present")
        return OURS

    def abortJob(self):
        self.aborted += 1


def test_a_job_that_takes_time_to_end_is_aborted_once_however_many_end_it():
    domain = EndsSlowly()
    ending = backup_job.JobEnd(domain, SOCKETS)
    with ThreadPoolExecutor(4) as pool:
        for each in [pool.submit(ending.end) for _ in range(4)]:
            each.result()
    assert domain.looks > 12
    assert domain.aborted == 1
