"""A person logs in at a terminal, is who they are from then on, and logs out."""

import json
import stat

import pytest

from secondsite import client
from secondsite.client import login_file
from secondsite.client.logging_in import LoggingIn

PASSWORD = "three stones in the river"


@pytest.fixture
def home(cli, monkeypatch, tmp_path):
    """A person's home at some host, with answers to what is asked there."""
    monkeypatch.setenv("HOME", str(tmp_path))
    yield tmp_path
    login_file.forget()
    for each in cli.must("person list --json").json:
        cli(f"person delete {each['name']} --yes")
    cli("person require-second-factor --off")


@pytest.fixture
def types(monkeypatch):
    """What the person types, unseen, one after the other."""

    def types(*answers):
        left = list(answers)
        monkeypatch.setattr("getpass.getpass", lambda _prompt: left.pop(0))

    return types


@pytest.fixture
def approved(rig, monkeypatch):
    """Somebody approves each code at once, with the first token."""
    token = (rig.home("vault") / "token").read_text().strip()
    vault = client.connect(rig.url, token, rig.home("vault") / "pki/ca.pem")
    ask = LoggingIn.ask

    def approving(logging_in, program):
        asked = ask(logging_in, program)
        vault.sessions.approve(asked.code)
        return asked

    monkeypatch.setattr(LoggingIn, "ask", approving)
    yield
    vault.close()


def test_a_code_that_somebody_approves_logs_in_and_the_file_is_private(cli, home, approved):
    said = cli.must("login").out
    assert "/console/logins and give the code" in said
    assert "logged in as admin" in said
    file = home / ".config/secondsite/login.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["secret"] not in said
    assert "session" not in cli.must("whoami --json").json["name"]
    assert cli.must("whoami --json").json["session_id"]
    assert "command_line" in cli.must("session list").out
    assert "logged out" in cli.must("logout").out
    assert not file.exists()
    assert cli.must("whoami --json").json["session_id"] is None  # the token of SECONDSITE_CLIENT again
    assert cli("logout").exit == 4


def test_a_keyring_that_does_not_give_the_secret_is_told_and_the_log_in_stays(cli, home, approved):
    """ "Logged out" was said, and the session went on for its twelve hours."""
    cli.must("login")
    file = home / ".config/secondsite/login.json"
    known = json.loads(file.read_text())
    file.write_text(json.dumps({**known, "secret": ""}))
    said = cli("logout --json")
    assert (said.exit, "still logged in" in said.problem["message"], file.exists()) == (5, True, True)
    file.write_text(json.dumps(known))
    cli.must("logout")
    assert not file.exists()


def test_a_person_comes_in_by_a_link_chooses_a_password_and_logs_in_by_name(cli, home, types):
    made = cli.must("person create anna --role operator --json").json
    types(made["link"])
    assert "set-password" in cli.must("login --link").out
    assert "has to choose a password" in cli.must("whoami").out
    types("short", "short")
    assert cli("session set-password").exit == 2
    types(PASSWORD, PASSWORD)
    cli.must("session set-password")
    assert cli.must("whoami --json").json["name"] == "anna"
    cli.must("logout")
    types("wrong password of hers")
    assert cli("login --name anna").exit == 5
    types(PASSWORD)
    assert cli.must("login --name anna --json").json["secret"] is None
    assert cli("site create lima").exit == 5
    types("another " + PASSWORD, PASSWORD, PASSWORD)
    assert cli("session set-password").exit == 5
    cli.must("logout")


def test_a_login_that_was_ended_says_so_and_one_whose_time_is_over_is_passed_over(cli, home, approved):
    cli.must("login")
    mine = cli.must("whoami --json").json["session_id"]
    cli.must(f"session end {mine}")
    said = cli("machine list --json")
    assert (said.exit, "Log in" in said.problem["do"]) == (5, True)
    file = home / ".config/secondsite/login.json"
    over = {**json.loads(file.read_text()), "ends_at": "2020-01-01T00:00:00+00:00"}
    file.write_text(json.dumps(over))
    assert cli.must("whoami --json").json["session_id"] is None


def test_a_login_is_for_one_vault_and_of_ones_own(cli, home, approved):
    cli.must("login")
    assert cli("--url https://127.0.0.1:1 whoami").exit == 6
    (home / ".config/secondsite/login.json").write_text("{}")
    assert cli.must("whoami --json").json["session_id"] is None


def test_a_vault_that_one_logged_in_to_is_found_without_anything_else(cli, home, approved, monkeypatch):
    cli.must("login")
    with monkeypatch.context() as elsewhere:
        elsewhere.delenv("SECONDSITE_CLIENT")
        elsewhere.setattr("secondsite.client.which_vault.VAULT_FILE", home / "none")
        assert cli.must("whoami --json").json["session_id"]


def test_people_are_made_changed_and_ended(cli, rig, home):
    assert cli.must("person list").out.startswith("No people")
    said = cli.must("person create anna --role operator --site a").out
    assert f"{rig.url}/console/#link=ssl_" in said
    assert "choose a password" in cli.must("person show anna").out
    assert "reader" in cli.must("person set anna --role reader").out
    assert "ssl_" in cli.must("person reset-password anna").out
    cli.must("person reset-second-factor anna")
    assert "disabled" in cli.must("person disable anna").out
    assert "disabled" not in cli.must("person enable anna").out
    assert "roles above reader" in cli.must("person require-second-factor").out
    assert "nobody" in cli.must("person require-second-factor --off").out
    assert "nobody" in cli.must("person settings").out
    said = cli.must(f"person login-link anna --home {rig.home('vault')}").out
    assert "ssl_" in said
    assert cli(f"person login-link zoe --home {rig.home('vault')}").exit == 3
    cli.must("person delete anna --yes")
    assert cli("person show anna").exit == 3


def test_somebody_refuses_a_command_line(cli, rig, home):
    with LoggingIn(rig.url, rig.home("vault") / "pki/ca.pem") as vault:
        code = vault.ask("somebody at some place").code
        assert cli(f"session approve {code}").exit == 2  # nobody can be asked here
        assert "somebody at some place" in cli.must(f"session refuse {code}").out
        assert cli(f"session approve {code} --yes").exit == 3
        code = vault.ask("\x1b[2Jsomebody").code
        assert "\x1b" not in cli.must(f"session approve {code} --yes").out
