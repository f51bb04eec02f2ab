"""Files out of a recovery point, as a person asks for them, and who may."""

import os
import sys

import pytest

from secondsite.cli import received_archive
from secondsite.domain import errors

pytestmark = pytest.mark.slow


def test_a_path_that_is_none_is_refused_before_anything_is_read(cli, protected):
    point_id = cli.must(f"point list {protected} --json").json[-1]["id"]
    refused = cli(f"point list-files {protected} {point_id} vda1/../etc")
    assert "is no path" in refused.err
    assert cli(f"point list-files {protected} nothing").exit == 3


def test_a_fetch_that_the_host_refuses_fails_with_what_to_do(cli, protected, tmp_path):
    point_id = cli.must(f"point list {protected} --json").json[-1]["id"]
    job = cli(f"point fetch-files {protected} {point_id} vda1/etc --to {tmp_path}/none")
    assert "is no folder of this host" in job.out + job.err


def test_each_list_and_each_fetch_stands_in_the_audit_log_with_its_path(cli, protected, tmp_path):
    point_id = cli.must(f"point list {protected} --json").json[-1]["id"]
    cli(f"point fetch-files {protected} {point_id} vda1/secret --to {tmp_path}/none")
    cli(f"point list-files {protected} {point_id} vda1/private")
    entries = cli.must("audit list --json").json
    for verb, path in (("list-files", "vda1/private"), ("fetch-files", "vda1/secret")):
        found = [each for each in entries if each["object"].endswith(verb) and path in each["details"]]
        assert found, (verb, [each["object"] for each in entries])


def test_a_program_that_takes_no_more_of_an_archive_is_told_as_that(monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        with pytest.raises(errors.NotPossibleNow, match="ended before it had all of it"):
            received_archive.write([b"x"], received_archive.STANDARD)
