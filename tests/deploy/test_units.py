"""The services' units: well formed, and as narrow as their work lets them be."""

import re
import subprocess
from pathlib import Path

import pytest

from secondsite.entry import running, settings
from tests.deploy.support_deploy import DEPLOY

UNITS = sorted(path.name for path in DEPLOY.glob("*.service"))
MOST_EXPOSED = {"secondsite-vault.service": 1.4, "secondsite-appliance.service": 3.6}


def unit(name):
    lines = (
        line.partition("=") for line in (DEPLOY / name).read_text().splitlines() if not line.startswith("#")
    )
    return {key: value for key, _, value in lines}


def test_both_services_have_a_unit():
    assert set(UNITS) == set(MOST_EXPOSED)


@pytest.mark.parametrize("name", UNITS)
def test_systemd_scores_the_unit_within_its_bound(name):
    scored = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", DEPLOY / name],
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    found = re.search(r"Overall exposure level .*: ([0-9.]+)", scored)
    assert found is not None, scored
    assert float(found[1]) <= MOST_EXPOSED[name], scored


@pytest.mark.parametrize("name", UNITS)
def test_systemd_knows_every_line_of_the_unit(name, tmp_path):
    here = tmp_path / name
    here.write_text((DEPLOY / name).read_text().replace("/opt/secondsite/bin/secondsite", "/bin/true"))
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", here],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert name not in said.stderr, said.stderr


@pytest.mark.parametrize("name", UNITS)
def test_the_command_of_a_unit_is_one_of_ours(name):
    words = unit(name)["ExecStart"].split()
    assert words[0] == "/opt/secondsite/bin/secondsite"
    assert running.chosen(words[1:]) is not None


def test_systemd_makes_the_user_and_the_folders_of_a_vault(tmp_path):
    for tool, kind in (("systemd-sysusers", "sysusers"), ("systemd-tmpfiles", "tmpfiles")):
        act = ("--create",) if kind == "tmpfiles" else ()
        (tmp_path / "etc").mkdir(exist_ok=True)
        subprocess.run(
            [tool, f"--root={tmp_path}", *act, DEPLOY / f"secondsite-vault.{kind}"], check=True, timeout=60
        )
    entry = next(
        line for line in (tmp_path / "etc/passwd").read_text().splitlines() if line.startswith("secondsite:")
    )
    uid, home = int(entry.split(":")[2]), entry.split(":")[5]
    found = (tmp_path / home.lstrip("/")).stat()
    assert (found.st_uid, found.st_mode & 0o777) == (uid, 0o700)


def test_a_vault_is_not_started_before_it_was_made():
    """It was tried every second, until 'secondsite vault init'."""
    words = unit("secondsite-vault.service")
    home = Path(words["ExecStart"].partition("--home ")[2])
    assert words["AssertPathExists"] == str(home / settings.FILE)


def test_a_killed_appliance_leaves_the_watchdogs_of_frozen_guests_alone():
    assert unit("secondsite-appliance.service")["KillMode"] == "process"


def test_the_vault_is_nobody_of_importance():
    found = unit("secondsite-vault.service")
    assert (found["User"], found["CapabilityBoundingSet"], found["NoNewPrivileges"]) == (
        "secondsite",
        "",
        "yes",
    )
