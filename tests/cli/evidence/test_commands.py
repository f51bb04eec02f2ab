"""secondsite evidence: what is kept of a drill, and whether a file still says it, without a vault."""

import json

import pytest

from rig.eventually import eventually
from secondsite.cli.app import run


@pytest.fixture
def drilled(cli, protected):
    """Evidence of a drill."""
    job = cli.must(f"machine test-failover {protected} --json --yes").json
    job_id = job[0]["id"] if isinstance(job, list) else job["id"]

    def found():
        return [each for each in cli.must("evidence list --json").json if each["job_id"] == job_id]

    eventually(found, 60)
    (kept,) = found()
    return kept


def test_a_drill_leaves_evidence_that_is_verified_without_a_vault_and_shows_any_change(
    cli, drilled, tmp_path, monkeypatch
):
    file, log = tmp_path / "drill.json", tmp_path / "audit.jsonl"
    told = cli.must(f"evidence show {drilled['id']} --json").json["evidence"]
    (machine,) = told["machines"]
    assert machine["name"] == drilled["subject"]
    assert machine["point_id"]
    assert machine["rpo_seconds"] >= 0
    assert machine["rpo_goal_seconds"] > 0
    assert machine["rto_started_seconds"] > 0
    assert [each["who"] for each in told["requests"]] == ["admin"]
    page = tmp_path / "drill.html"
    cli.must(f"evidence export {drilled['id']} --json-file {file} --html {page}")
    assert drilled["sha256"] in page.read_text()
    said = cli(f"evidence export {drilled['id']}")
    assert (said.exit, "--html" in said.err) == (2, True)
    cli.must(f"audit export {log}")
    monkeypatch.setenv("SECONDSITE_CLIENT", str(tmp_path / "none.json"))
    alone = cli.must(f"evidence verify {file}").out
    assert "not proven: whether the audit log has" in alone
    assert "is whole from entry 1 to" in cli.must(f"evidence verify {file} --audit {log}").out
    untouched = file.read_text()
    changed = json.loads(untouched)
    changed["evidence"]["machines"][0]["rpo_seconds"] = 0.5
    file.write_text(json.dumps(changed))
    said = cli(f"evidence verify {file}")
    assert (said.exit, "the evidence was changed" in said.err) == (10, True)
    named = log.read_text().splitlines()
    number = drilled["number"]
    cut, gap = tmp_path / "cut.jsonl", tmp_path / "gap.jsonl"
    cut.write_text("\n".join(named[: number - 1]))
    gap.write_text("\n".join([*named[: number - 2], *named[number - 1 :]]))
    says = {cut: f"does not have entry {number}", gap: "is not whole from entry"}
    file.write_text(untouched)
    for export, words in says.items():
        said = cli(f"evidence verify {file} --audit {export}")
        assert (said.exit, words in said.err) == (10, True), said.err
    assert run(["evidence", "verify", str(tmp_path / "none.json")]) == 2
