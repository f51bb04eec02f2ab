"""libvirt says "backup job data missing", in the language of its host, for a moment while a backup job
begins or ends."""

from pathlib import Path

import libvirt
import pytest

from secondsite.domain import errors
from secondsite.fabrics.libvirt.tracking import backup_job

WORDS = "внутрішня помилка: немає даних завдання з резервного копіювання"


def refusal(code):
    """libvirt's, in Ukrainian."""
    refused = libvirt.libvirtError(WORDS)
    refused.err = (code, libvirt.VIR_FROM_QEMU, WORDS, libvirt.VIR_ERR_ERROR, WORDS, "", "", -1, -1)
    return refused


class Between:
    """A domain between two jobs for some looks."""

    def __init__(self, looks, code=libvirt.VIR_ERR_INTERNAL_ERROR):
        self.looks = looks
        self.code = code

    def name(self):
        return "web01"

    def jobInfo(self):
        self.looks -= 1
        if self.looks > 0:
            raise refusal(self.code)
        return [libvirt.VIR_DOMAIN_JOB_NONE]


def test_a_job_that_is_just_ending_is_waited_for():
    domain = Between(4)
    backup_job.free_of_jobs(domain, Path("/run/ours"), ())
    assert domain.looks == 0


def test_a_job_that_stays_without_figures_is_an_error(monkeypatch):
    monkeypatch.setattr(backup_job, "BETWEEN_SECONDS", 0.2)
    with pytest.raises(errors.FabricError, match=WORDS) as refused:
        backup_job.free_of_jobs(Between(1000), Path("/run/ours"), ())
    assert "Shut the machine down" in refused.value.do


def test_what_will_last_is_not_waited_for():
    domain = Between(1000, libvirt.VIR_ERR_OPERATION_DENIED)
    with pytest.raises(errors.FabricError):
        backup_job.free_of_jobs(domain, Path("/run/ours"), ())
    assert domain.looks == 999
