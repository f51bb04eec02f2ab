"""What goes wrong: the exit code that the reference promises, and an error that names the next command."""

import re

import pytest

from secondsite.jobs.model.clock import utc_now
from secondsite.vault.fleet.gateway.certificate_authority import create_authority
from tests.support.entry import typed

REFUSED = {
    "machine show nosuch": (3, "not-found"),
    "machine commit nosuch --yes": (3, "not-found"),
    "machine enable-protection idle --source a --target nosuch": (3, "not-found"),
    "machine enable-protection idle --source a --target b --policy nosuch": (3, "not-found"),
    "machine enable-protection nosuch --source a --target b": (3, "not-found"),
    "machine enable-protection idle nosuch --source a --target b": (3, "not-found"),
    "machine enable-protection idle --source a --target b --disk vdz": (2, "invalid-argument"),
    "machine enable-protection idle --source a --target a": (2, "invalid-argument"),
    "machine enable-protection idle --source a --target b --disk other:vda": (2, "invalid-argument"),
    "machine list --site nosuch": (3, "not-found"),
    "point list nosuch": (3, "not-found"),
    "job show nosuch": (3, "not-found"),
    "job show ''": (2, "invalid-argument"),
    "job cancel nosuch": (3, "not-found"),
    "job retry nosuch": (3, "not-found"),
    "job follow nosuch": (3, "not-found"),
    "site create 'Paris X'": (2, "invalid-argument"),
    "site create a": (4, "already-exists"),
    "site delete nosuch --yes": (3, "not-found"),
    "site delete .. --yes": (2, "invalid-argument"),
    "appliance create-registration-key --site nosuch": (3, "not-found"),
    "policy create default": (4, "already-exists"),
    "policy create gold --cycle 0": (2, "invalid-argument"),
    "policy create 'Bad Name'": (2, "invalid-argument"),
    "policy delete nosuch --yes": (3, "not-found"),
    "policy delete default-failback --yes": (4, "not-possible-now"),
    "token delete nosuch --yes": (3, "not-found"),
    "token create admin --role reader": (4, "already-exists"),
    "mapping create nosuch/br0 b/br0": (3, "not-found"),
}


@pytest.mark.parametrize("line", REFUSED)
def test_a_refusal_has_its_exit_code_and_says_what_to_do(cli, line):
    code, problem = REFUSED[line]
    said = cli(f"{line} --json")
    assert (said.exit, said.problem["code"]) == (code, problem), said.err
    assert said.problem["do"]
    assert f"error ({problem}): " in cli(line).err
    assert "  do: " in cli(line).err
    _commands_exist(said.problem["do"])


@pytest.mark.parametrize(
    "line", ["machine", "nosuch", "machine nosuch", "machine show", "mapping create a b",
    "machine list --nosuch x",
             "machine failover idle --choice silly", "job list --state nosuch",
             "machine reprotect idle --location there"],
)  # fmt: skip
def test_a_line_that_cannot_be_parsed_is_usage(cli, line):
    assert cli(line).exit == 2


def test_an_operation_that_is_not_possible_names_what_is(cli, protected):
    said = cli(f"machine commit {protected} --yes")
    assert said.exit == 4
    assert "Possible now: disable-protection, test-failover, failover, planned-failover" in said.err
    assert cli(f"machine enable-protection {protected} --source a --target b").exit == 4


def test_a_job_that_has_ended_can_neither_be_cancelled_nor_retried(cli, protected):
    (job,) = cli.must(f"job list --machine {protected} --json").json
    assert cli(f"job cancel {job['id'][:8]}").exit == 4
    assert cli(f"job retry {job['id'][:8]}").exit == 4


def test_a_beginning_that_several_jobs_share_is_refused_with_their_ids(cli, protected):
    point = cli.must(f"point list {protected} --json").json[0]["id"]
    while not (shared := _shared_beginning(cli)):
        cli.must(f"point verify {protected} {point}")
    said = cli(f"job show {shared}")
    assert said.exit == 2
    assert f"Several jobs have ids that begin with '{shared}'" in said.err


def _shared_beginning(cli):
    """Sixteen jobs may all begin differently, the seventeenth can't."""
    first = [job["id"][0] for job in cli.must("job list --limit 100 --json").json]
    return next((each for each in first if first.count(each) > 1), None)


def test_a_wrong_token_is_told_from_a_missing_one(cli, rig, monkeypatch, tmp_path):
    monkeypatch.setenv("SECONDSITE_TOKEN", "wrong")
    assert cli("vault show").exit == 5
    monkeypatch.delenv("SECONDSITE_TOKEN")
    monkeypatch.setenv("SECONDSITE_CLIENT", str(tmp_path / "none.json"))
    assert "no such file is there" in cli("vault show").err
    ca = rig.home("vault") / "pki" / "ca.pem"
    said = cli(f"--url {rig.url} --ca {ca} vault show")
    assert (said.exit, "--token" in said.err) == (5, True)


def test_a_vault_of_another_ca_is_not_spoken_to(cli, rig, tmp_path):
    create_authority(tmp_path / "pki", "another CA", utc_now())
    said = cli(f"--ca {tmp_path / 'pki' / 'ca.pem'} vault show")
    assert (said.exit, "our CA did not issue" in said.err) == (5, True)


def test_a_ca_file_that_is_none_is_named(cli, tmp_path):
    (tmp_path / "ca.pem").write_text("nonsense")
    assert str(tmp_path / "ca.pem") in cli(f"--ca {tmp_path / 'ca.pem'} vault show").err
    assert cli(f"--ca {tmp_path / 'missing.pem'} vault show").exit == 2


def test_a_vault_that_does_not_answer_is_unreachable(cli):
    said = cli("--url https://127.0.0.1:1 vault show --json")
    assert (said.exit, said.problem["code"]) == (6, "vault-unreachable")
    _commands_exist(said.problem["do"])


def test_a_client_file_that_is_damaged_is_named(cli, monkeypatch, tmp_path):
    (tmp_path / "client.json").write_text("{")
    monkeypatch.setenv("SECONDSITE_CLIENT", str(tmp_path / "client.json"))
    assert cli("vault show").exit == 2


def _commands_exist(text: str) -> None:
    for noun, name in re.findall(r"'secondsite ([a-z]+) ([a-z-]+)", text):
        assert typed.command(noun, name) is not None, text


@pytest.mark.parametrize("group", ["", " ", "web01,", ",web01"])
def test_a_group_of_a_plan_with_a_machine_without_a_name_is_refused_as_such(cli, group):
    said = cli(f"plan create shop --group '{group}' --json")
    assert said.problem["code"] == "invalid-argument"
    assert f"--group '{group}' names a machine without a name" in said.problem["message"]
    assert cli("plan show shop").exit == 3


def test_a_mapping_of_networks_that_the_sites_do_not_have_is_made_and_says_so(cli, rig):
    known = rig.bridge("b")
    said = cli.must(f"mapping create b/{known} a/nosuch")
    assert said.out == f"b/{known} becomes a/nosuch\n"
    assert "Site a has no network 'nosuch'" in said.err
    assert "Site b" not in said.err
    assert "mapping delete" in said.err
    assert cli.must(f"mapping create b/{known} a/{rig.bridge('a')}").err == ""
    assert cli("mapping create 'b/ ' a/x").exit == 2


def test_a_retention_of_nothing_says_what_it_means(cli):
    said = cli.must("policy create onlylast --retention 0s")
    assert "keep the newest point only" in said.err
    assert cli.must("policy update onlylast --retention 1h").err == ""
    cli.must("policy delete onlylast --yes")
