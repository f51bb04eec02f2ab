"""secondsite audit: what was done, an export, and what no longer fits it."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest

from secondsite.client.nouns.access.audit import Audit
from secondsite.domain.access import chain
from secondsite.wire.rest.access.audit import AuditCheck, AuditEntry
from tests.support.vault import VaultInProcess


@pytest.fixture
def made(cli):
    """A site that came and went."""
    cli.must("site create lima")
    cli.must("site delete lima --yes")


def test_the_log_is_listed_and_filtered(cli, made):
    shown = cli.must("audit list --of lima --limit 5").out
    assert "DELETE /sites/{site}" in shown
    assert "admin" in shown
    entries = cli.must("audit list --verb 'DELETE /sites/{site}' --json --limit 1").json
    assert entries[0]["object"] == "/sites/lima"
    assert json.loads(entries[0]["details"])["before"]["name"] == "lima"
    assert cli.must("audit list --who nobody").out == "Nothing of that kind is on record.\n"


def test_an_export_is_whole_and_fits_the_log_until_one_of_them_is_edited(cli, made, tmp_path):
    file = tmp_path / "audit.jsonl"
    assert "entries in" in cli.must(f"audit export {file}").out
    assert "the log is whole" in cli.must(f"audit verify --file {file}").out
    lines = file.read_text().splitlines()
    assert cli.must("audit export -").out.splitlines()[: len(lines)] == lines
    file.write_text("\n".join([lines[0].replace("admin", "nobody"), *lines[1:]]))
    said = cli(f"audit verify --file {file} --json")
    assert (said.exit, said.problem["code"]) == (10, "audit-broken")
    assert "entry 1" in said.problem["message"]
    file.write_text("not json")
    assert cli(f"audit verify --file {file}").exit == 2


def test_a_log_that_was_written_anew_does_not_fit_an_earlier_export(cli, made, tmp_path):
    file = tmp_path / "audit.jsonl"
    cli.must(f"audit export {file}")
    other = VaultInProcess(tmp_path / "other")
    try:
        for name in "abcdefgh":
            other.rest.post("/api/sites", json={"name": name})
        entries = other.rest.get("/api/audit", params={"oldest_first": True}).json()["items"]
    finally:
        other.close()
    file.write_text("".join(json.dumps(entry) + "\n" for entry in entries[:2]))
    said = cli(f"audit verify --file {file}")
    assert (said.exit, "shortened or written anew" in said.err) == (10, True)


def renumbered(entries, at):
    """A whole chain of these entries, recorded then."""
    before = chain.BEGINNING
    for entry in entries:
        values = {**entry, "at": at, "outcome": chain.Outcome(entry["outcome"])}
        following = chain.linked(chain.Entry(**values), before)
        before = chain.link_of(following)
        yield AuditEntry(**asdict(following)).model_dump_json()


@pytest.mark.parametrize(("days_ago", "exit_code"), [(1, 10), (400, 0)])
def test_a_log_that_begins_behind_the_export_is_whole_only_if_it_may_have_been_deleted(
    cli, made, tmp_path, monkeypatch, days_ago, exit_code
):
    later = AuditCheck(intact=True, entries=1, first_number=10**6, head_number=10**6, head_digest="d")
    monkeypatch.setattr(Audit, "verify", lambda self: later)
    entries = [json.loads(line) for line in cli.must("audit export -").out.splitlines()]
    file = tmp_path / "audit.jsonl"
    file.write_text("\n".join(renumbered(entries, datetime.now(UTC) - timedelta(days=days_ago))))
    said = cli(f"audit verify --file {file}")
    assert said.exit == exit_code
    assert ("never deleted by the setting" if exit_code else "nothing was compared") in said.err


def test_the_setting_is_shown_and_changed(cli):
    assert cli.must("audit settings").out == "kept for 365 days\n"
    assert cli.must("audit keep 90").out == "kept for 90 days\n"
    assert cli.must("audit keep for-ever").out == "kept for ever\n"
    assert cli("audit keep 3").exit == 2
    assert cli("audit keep some").exit == 2
    assert cli.must("audit keep 365 --json").json == {"kept_days": 365}
