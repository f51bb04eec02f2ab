"""Every row of docs/reference/exit-codes.md, seen: each code comes out of a command for the reasons that
the page gives."""

import os
import re
import signal
from pathlib import Path

import pytest

from rig.eventually import eventually
from secondsite.cli import exit_codes
from secondsite.cli.exit_codes import Exit
from secondsite.domain import errors
from secondsite.fabrics import simulated
from tests.cli.support_cli import forget_inventory

pytestmark = pytest.mark.slow

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "exit-codes.md"
ROW = re.compile(r"^\| (\d+) \| ([a-z ]+) \| (.+) \|$", re.M)
ROWS = {int(code): causes.split(", ") for code, _meaning, causes in ROW.findall(PAGE.read_text())}


@pytest.fixture
def faults(rig):
    """Dials what goes wrong at site a, of which the vault remembers nothing."""
    forget_inventory(rig, "a")
    root = rig.home("appliance-a") / "fabric"
    yield lambda **fault: simulated.dial(root, [simulated.Fault(**fault)])
    simulated.dial(root, [])


SIMPLE = {
    0: "vault show",
    2: "job show ''",
    3: "machine enable-protection nosuch --source a --target b",
    4: "site create a",
    5: "--token-file /etc/hostname vault show",
    6: "--url https://127.0.0.1:1 vault show",
}


@pytest.mark.parametrize("code", SIMPLE)
def test_a_command_ends_with_the_code_of_its_row(cli, code):
    _ends_with(cli, SIMPLE[code], code)


def test_a_job_that_failed_ends_with_its_code(cli, protected):
    _ends_with(
        cli, f"machine test-failover {protected} --choice latest_app_consistent --yes", 1, "job failed"
    )


def test_an_appliance_that_answers_too_late_ends_with_the_code_of_a_deadline(cli, faults):
    faults(method="inventory.list", delay_seconds=21)
    _ends_with(cli, "machine list --site a --discover", 7)


def test_a_job_that_was_cancelled_ends_with_its_code(rig, cli, fresh):
    os.kill(rig.appliances["b"].pid, signal.SIGSTOP)
    try:
        line = f"machine enable-protection {fresh} --source a --target b --no-wait --json"
        job = cli.must(line).json["job_id"]
        cli.must(f"job cancel {job}")
    finally:
        os.kill(rig.appliances["b"].pid, signal.SIGCONT)
    eventually(lambda: cli.must(f"job show {job} --json").json["ended_at"], 60)
    _ends_with(cli, f"job follow {job}", 8, "job cancelled")


def test_a_batch_of_which_a_part_failed_ends_with_its_code(cli, fresh, fresh_too):
    seed = f"--seed {fresh}:vda=/nosuch/seed.raw"
    line = f"machine enable-protection {fresh} {fresh_too} --source a --target b {seed}"
    _ends_with(cli, line, 9, "job partially_succeeded")


def test_a_hypervisor_that_refuses_ends_with_the_code_of_refusals(cli, faults):
    faults(method="inventory.list", code="fabric-error")
    _ends_with(cli, "machine list --site a --discover", 10, "any other refusal")


def test_what_waits_for_a_second_person_ends_with_its_code(two):
    waits = two("anna", "site create lima")
    assert (waits.exit, "approval-needed" in ROWS[11]) == (11, True)


def test_a_defect_ends_with_the_code_of_defects(cli, faults):
    faults(method="inventory.list", code="internal")
    _ends_with(cli, "machine list --site a --discover", 70)


def test_every_row_of_the_page_was_seen_here_or_has_no_test():
    assert set(ROWS) == {code.value for code in Exit} == {*SIMPLE, 1, 7, 8, 9, 10, 11, 70}


def test_every_error_and_every_end_of_a_job_has_a_row():
    for code, kind in errors.by_code().items():
        given = exit_codes.of_error(kind("something"))
        assert code in ROWS[given] or ROWS[given] == ["any other refusal"], code
    for state, given in exit_codes.BY_JOB_STATE.items():
        assert f"job {state}" in ROWS[given]


def test_no_error_of_the_vault_becomes_a_defect_on_its_way_to_a_person():
    """A code that the command line does not know would be shown as a defect of ours, code 70."""
    raised = set(re.findall(r'^    code = "([a-z-]+)"', _sources("vault", "api", "domain"), re.M))
    assert raised <= set(errors.by_code())


def _sources(*rooms):
    root = Path(errors.__file__).parents[1]
    return "\n".join(path.read_text() for room in rooms for path in (root / room).rglob("*.py"))


def _ends_with(cli, line, code, cause=None):
    said = cli(line)
    assert said.exit == code, said.out + said.err
    if cause is None and code:
        found = re.search(r"error \(([a-z-]+)\): ", said.err)
        assert found is not None, said.err
        cause = found.group(1)
    assert code == 0 or cause in ROWS[code]
