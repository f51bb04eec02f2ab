"""A secret is never an argument: every user of a host can read the arguments of all processes."""

import io

import pytest


def test_a_token_as_an_argument_is_refused_with_what_to_do_instead(cli, rig):
    token = (rig.home("vault") / "token").read_text().strip()
    said = cli(f"--token {token} vault show --json")
    assert (said.exit, said.problem["code"]) == (2, "invalid-argument")
    assert "--token-file" in said.problem["do"]
    assert token not in said.err


def test_a_token_comes_from_a_file_or_standard_input(cli, rig, monkeypatch, tmp_path):
    file = rig.home("vault") / "token"
    monkeypatch.setenv("SECONDSITE_TOKEN", "wrong")
    assert cli("vault show").exit == 5
    assert cli(f"--token-file {file} vault show").exit == 0
    monkeypatch.setattr("sys.stdin", io.StringIO(file.read_text()))
    assert cli("--token-file - vault show").exit == 0
    (tmp_path / "empty").write_text("\n")
    for missing in ("empty", "none"):
        assert cli(f"--token-file {tmp_path / missing} vault show").exit == 2


@pytest.mark.parametrize("how", ["file", "input"])
def test_a_registration_key_comes_from_a_file_or_standard_input(cli, rig, monkeypatch, tmp_path, how):
    words = f"appliance enroll --vault {rig.url} --fingerprint {'0' * 64} --name x --uri {tmp_path} --home {tmp_path}/h"
    refused = cli(f"{words} --key 1234 --json").problem
    assert (refused["code"], "--key-file" in refused["do"]) == ("invalid-argument", True)
    (tmp_path / "key").write_text("1234-5678\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("1234-5678\n"))
    said = cli(f"{words}{f' --key-file {tmp_path}/key' if how == 'file' else ''} --json")
    assert said.problem["code"] == "certificate-refused"
