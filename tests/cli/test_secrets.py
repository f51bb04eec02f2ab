"""A secret is never an argument: every user of a host can read the arguments of all processes."""

import io
import json

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
    words = (
        f"appliance enroll --vault {rig.url} --fingerprint {'0' * 64} --name x --uri {tmp_path} --home "
        f"{tmp_path}/h"
    )
    refused = cli(f"{words} --key 1234 --json").problem
    assert (refused["code"], "--key-file" in refused["do"]) == ("invalid-argument", True)
    (tmp_path / "key").write_text("1234-5678\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("1234-5678\n"))
    said = cli(f"{words}{f' --key-file {tmp_path}/key' if how == 'file' else ''} --json")
    assert said.problem["code"] == "certificate-refused"


URL = "postgresql+psycopg://secondsite:hidden@127.0.0.1:1/none"


def test_a_databases_password_comes_from_a_file_or_the_environment(cli, monkeypatch, tmp_path):
    file, words = tmp_path / "url", f"vault init --home {tmp_path}/home --json"
    file.write_text(URL + "\n")
    file.chmod(0o644)
    assert "chmod 600" in cli(f"{words} --database-url-file {file}").problem["do"]
    file.chmod(0o600)
    both = cli(f"{words} --database-url-file {file} --database-url {URL}").problem
    assert (both["code"], both["do"]) == ("invalid-argument", "Give one of them.")
    for given in ("file", "environment"):
        home, url = tmp_path / given, f"sqlite:///{tmp_path}/{given}.db"
        if given == "file":
            file.write_text(url + "\n")
            said = cli(f"vault init --home {home} --json --database-url-file {file}")
        else:
            monkeypatch.setenv("SECONDSITE_DATABASE_URL", url)
            said = cli(f"vault init --home {home} --json")
        assert said.exit == 0, said.err
        assert json.loads((home / "vault.json").read_text())["database_url"] == url


def test_a_password_in_the_command_line_is_warned_of_and_one_without_is_not(cli, tmp_path):
    for url, warned in ((URL, True), (URL.replace(":hidden", ""), False)):
        said = cli(f"vault join --home {tmp_path}/h --pki {tmp_path} --host x --database-url {url}")
        assert said.exit != 0
        assert ("--database-url-file" in said.err) == warned, said.err
        assert "hidden" not in said.err


def test_a_process_that_joins_needs_the_database(cli, tmp_path):
    problem = cli(f"vault join --home {tmp_path}/h --pki {tmp_path} --host x --json").problem
    assert (problem["code"], "SECONDSITE_DATABASE_URL" in problem["do"]) == ("invalid-argument", True)
