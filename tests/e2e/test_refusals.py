"""Bad input by the command line: each refusal says what to do, ends non-zero, and leaves all as it was."""

import random
import re
import ssl
import urllib.error
import urllib.request

import pytest

from rig import processes
from secondsite.domain import amounts
from secondsite.ground.units import MiB
from tests.e2e.support_simulated_sites import PROTECT, STORE_BYTES, simulated_sites
from tests.support import command_line

pytestmark = [pytest.mark.slow, pytest.mark.every, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def rig():
    with simulated_sites() as rig:
        yield rig


def jobs(rig):
    with rig.client() as vault:
        return [job.id for job in vault.jobs]


def appliances(rig):
    return [each["name"] for each in command_line.told(rig, "appliance", "list")]


def enroll(rig, key, fingerprint, home, name="other"):
    home.parent.mkdir(parents=True, exist_ok=True)
    key_file = home.parent / f"{home.name}.key"
    key_file.write_text(key)
    words = [
        "--vault",
        rig.url,
        "--key-file",
        str(key_file),
        "--fingerprint",
        fingerprint,
        "--home",
        str(home),
        "--name",
        name,
    ]
    words += ["--fabric", "simulated", "--uri", str(home / "fabric")]
    return ["appliance", "enroll", *words, "--listen", f"127.0.0.1:{processes.free_port()}"]


# ---- names, tokens, keys
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "exit_code", "code", "says"),
    [
        ("machine show nosuch", 3, "not-found", "nosuch"),
        ("machine failover nosuch --yes --while-running nosuch", 3, "not-found", "nosuch"),
        ("machine commit web01 --yes", 3, "not-found", "web01"),
        ("point list nosuch", 3, "not-found", "nosuch"),
        ("job show nosuch", 3, "not-found", "nosuch"),
        ("job cancel nosuch", 3, "not-found", "nosuch"),
        ("appliance create-registration-key --site nosuch", 3, "not-found", "nosuch"),
        ("site delete nosuch --yes", 3, "not-found", "nosuch"),
        ("site create a", 4, "already-exists", "a"),
        ("site create No/Such", 2, "invalid-argument", "name"),
        ("policy delete nosuch --yes", 3, "not-found", "nosuch"),
        ("machine enable-protection web01 --source a --target nosuch", 3, "not-found", "nosuch"),
        ("machine enable-protection web01 --source nosuch --target b", 3, "not-found", "nosuch"),
        ("machine enable-protection web01 --source a --target a", 2, "invalid-argument", "a"),
        ("machine enable-protection web01 --source a --target b --policy nosuch", 3, "not-found", "nosuch"),
        ("machine enable-protection web01 --source a --target b --disk db01:vda", 2, "invalid-argument",
        "db01"),
        ("--token-file /etc/hostname site list", 5, "unauthenticated", ""),
        ("--url https://127.0.0.1:9 site list", 6, "vault-unreachable", "127.0.0.1:9"),
    ],
)  # fmt: skip
def test_a_command_that_names_what_is_not_there_is_refused_and_starts_nothing(
    rig, words, exit_code, code, says
):
    before = jobs(rig)
    error = command_line.refused(rig, *words.split(), exit_code=exit_code)
    assert error["code"] == code
    assert says in error["message"]
    assert jobs(rig) == before


def test_a_refusal_without_json_is_two_lines_for_a_person(rig):
    done = rig.cli("machine", "show", "nosuch")
    assert done.returncode == 3
    assert done.stdout == ""
    assert "nosuch" in done.stderr
    assert "do:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_machine_or_disk_that_the_site_does_not_have_is_refused_before_there_is_a_job(rig):
    sites = ("--source", "a", "--target", "b")
    error = command_line.refused(rig, "machine", "enable-protection", "nosuch", *sites, exit_code=3)
    assert (error["code"], "nosuch" in error["message"]) == ("not-found", True)
    error = command_line.refused(
        rig, "machine", "enable-protection", "web01", *sites, "--disk", "vdz", exit_code=2
    )
    assert "vdz" in error["message"]
    with rig.client() as vault:
        assert list(vault.machines) == []
        assert list(vault.jobs) == []


def test_a_call_without_a_token_sees_nothing(rig):
    context = ssl.create_default_context(cafile=rig.home("vault") / "pki" / "ca.pem")
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(f"{rig.url}/api/machines", context=context, timeout=10)
    with refusal.value as answer:
        assert answer.code == 401


def test_a_wrong_used_or_misdirected_key_or_an_unknown_kind_of_view_enrols_nobody(rig, tmp_path):
    with rig.client() as vault:
        key = vault.sites["b"].create_registration_key()
    before = appliances(rig)
    wrong = command_line.refused(rig, *enroll(rig, "wrong", key.ca_fingerprint, tmp_path / "1"), exit_code=5)
    assert wrong["code"] == "registration-refused"
    other_vault = command_line.refused(rig, *enroll(rig, key.key, "00" * 32, tmp_path / "2"), exit_code=5)
    assert other_vault["code"] == "certificate-refused"
    for home in ("1", "2"):
        assert rig.cli("appliance", "run", "--home", str(tmp_path / home)).returncode == 3
    assert appliances(rig) == before
    unknown = (*enroll(rig, key.key, key.ca_fingerprint, tmp_path / "5"), "--view-kind", "snapshot")
    assert "automatic, backup-job, filter" in command_line.refused(rig, *unknown, exit_code=2)["do"]
    no_address = (*enroll(rig, key.key, key.ca_fingerprint, tmp_path / "5"), "--agents", "9446")
    assert "0.0.0.0:9446" in command_line.refused(rig, *no_address, exit_code=2)["do"]
    command_line.told(rig, *enroll(rig, key.key, key.ca_fingerprint, tmp_path / "3"))
    used = command_line.refused(
        rig, *enroll(rig, key.key, key.ca_fingerprint, tmp_path / "4", "third"), exit_code=5
    )
    assert used["code"] == "registration-refused"
    assert appliances(rig) == [*before, "other"]


# ---- states
# ----------------------------------------------------------------------------------------------------------


def test_what_the_state_does_not_allow_is_refused_with_what_is_possible(rig):
    command_line.do(rig, *PROTECT)
    rig.new_points("web01")
    before = jobs(rig)
    for verb in ("commit", "reprotect", "change-recovery-point", "cancel-failover", "cleanup-test-failover"):
        error = command_line.refused(rig, "machine", verb, "web01", exit_code=4)
        assert error["code"] == "not-possible-now"
        assert "planned_failover" in error["do"]
    assert command_line.refused(rig, "machine", *PROTECT, exit_code=4)["code"] == "already-exists"
    assert (
        "nosuch"
        in command_line.refused(rig, "machine", "failover", "web01", "nosuch", exit_code=3)["message"]
    )
    assert jobs(rig) == before
    assert rig.machine("web01").state == "protected"


def test_an_unknown_point_is_refused_before_there_is_a_job(rig):
    before = jobs(rig)
    words = ("machine", "test-failover", "web01", "--choice", "custom", "--point", "nosuch")
    error = command_line.refused(rig, *words, exit_code=3)
    assert "nosuch" in error["message"]
    assert "point list web01" in error["do"]
    assert rig.machine("web01").drill.state == "none"
    assert jobs(rig) == before


def test_a_job_that_succeeded_can_be_neither_cancelled_nor_retried(rig):
    ended = command_line.told(rig, "job", "list", "--state", "succeeded")[0]["id"]
    for verb in ("cancel", "retry"):
        assert command_line.refused(rig, "job", verb, ended, exit_code=4)["code"] == "not-possible-now"


def test_a_machine_that_does_not_fit_is_refused_with_figures_and_nothing_is_made(rig):
    rig.simulated["db01"].write(0, random.Random(1).randbytes(80 * MiB))
    words = [word if word != "web01" else "db01" for word in PROTECT]
    job = command_line.do(rig, *words, exit_code=1)
    assert job["problem"]["code"] == "prerequisite-failed"
    figures = r"needs ([\d.]+ \w+); the store has ([\d.]+ \w+) free of ([\d.]+ \w+)\."
    found = re.search(figures, job["problem"]["message"])
    assert found is not None, job["problem"]["message"]
    needs, free, whole = map(amounts.parse_size, found.groups())
    assert 80 * MiB <= needs <= 96 * MiB
    assert free <= whole == pytest.approx(STORE_BYTES, rel=0.05)
    assert "Add space to the store" in job["problem"]["message"]
    with rig.client() as vault:
        assert "db01" not in [machine.name for machine in vault.machines]
