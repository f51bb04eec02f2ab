"""secondsite notice ..."""

import io
import json

import pytest

pytestmark = pytest.mark.slow
KEY = "a key of the two sides"


@pytest.fixture
def key(monkeypatch):
    """A key on standard input."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{KEY}\n"))


def test_a_target_is_made_changed_tried_and_deleted(cli, key):
    made = cli(
        "notice set hook --webhook http://127.0.0.1:9/x --secret-file - --quiet 22:00-07:00 --zone "
        "Europe/Rome --json"
    ).json
    assert made["quiet"] == {"begins": "22:00", "ends": "07:00", "zone": "Europe/Rome"}
    assert KEY not in json.dumps(made)
    changed = cli(
        "notice set hook --findings critical --jobs ended --verb failover --repeat 2h --quiet none --json"
    ).json
    assert (changed["wanted"]["findings"], changed["wanted"]["jobs"]) == ("critical", "ended")
    assert (changed["repeat_seconds"], changed["quiet"], changed["has_secret"]) == (7200, None, True)
    shown = cli("notice show hook")
    assert "ended (failover)" in shown.out
    assert "hook" in cli("notice list").out
    tried = cli("notice test hook")
    assert tried.exit == 1
    assert "not delivered" in tried.out
    assert not cli("notice test hook --json").json["delivered"]
    cli("notice delete hook --yes")
    assert "notice set NAME" in cli("notice list").out
    assert cli("notice show hook").exit == 3


def test_a_mail_target_is_made_and_its_server_changes_only_with_its_password(cli, key):
    made = cli(
        "notice set ops --mail-server mail.example.org:465 --tls tls --from v@example.org --to "
        "a@example.org --to b@example.org --user vault --secret-file - --findings none --json"
    ).json
    assert (made["mail"]["port"], made["mail"]["to"]) == (465, ["a@example.org", "b@example.org"])
    assert made["wanted"]["findings"] is None
    refused = cli("notice set ops --mail-server elsewhere.example.org --json")
    assert "--secret-file" in refused.problem["do"]
    assert cli("notice set ops --zone Europe/Rome --json").problem["do"] == "Add --quiet 22:00-07:00."
    assert cli("notice set ops --mail-server a:b --json").exit == 2
    assert cli("notice set ops --findings all --json").exit == 2
    cli("notice delete ops --yes")
