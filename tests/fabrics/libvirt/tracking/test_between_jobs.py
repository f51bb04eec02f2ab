"""libvirt says "backup job data missing" for a moment while a backup job begins or ends."""

from pathlib import Path

import libvirt
import pytest

from secondsite.domain import errors
from secondsite.fabrics.libvirt.tracking import backup_job


class Between:
    """A domain between two jobs for some looks."""

    def __init__(self, looks):
        self.looks = looks

    def jobInfo(self):
        self.looks -= 1
        if self.looks > 0:
            raise libvirt.libvirtError("internal error: backup job data missing")
        return [libvirt.VIR_DOMAIN_JOB_NONE]


def test_a_job_that_is_just_ending_is_waited_for():
    domain = Between(4)
    backup_job.free_of_jobs(domain, Path("/run/ours"), ())
    assert domain.looks == 0


def test_a_job_that_stays_without_figures_is_an_error(monkeypatch):
    monkeypatch.setattr(backup_job, "BETWEEN_SECONDS", 0.2)
    with pytest.raises(errors.FabricError, match="backup job data missing"):
        backup_job.free_of_jobs(Between(1000), Path("/run/ours"), ())
