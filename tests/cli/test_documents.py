"""Export, diff, apply and schema before a vault and two sites that run."""

import io
import json
import sys
from pathlib import Path

import pytest

from secondsite.client import documents
from secondsite.entry.reference import FOLDER
from tests.support.entry.typed import parse

pytestmark = pytest.mark.slow
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "as-code.md"


@pytest.fixture(autouse=True)
def nothing_left(cli):
    """The vault is that of other tests, too: they count its plans and groups, and name them so."""
    yield
    for noun in ("plan", "group"):
        for each in cli.must(f"{noun} list --json").json:
            cli.must(f"{noun} delete {each['name']} --yes")


@pytest.fixture
def put(tmp_path):
    """Writes documents; gives the file."""

    def put(*made):
        file = tmp_path / "site.yaml"
        file.write_text(
            "---\n".join(each if isinstance(each, str) else json.dumps(each) + "\n" for each in made)
        )
        return file

    return put


@pytest.fixture
def site(fresh, fresh_too):
    """Two machines that nobody protects yet, and all that is to be configured for them."""
    tag = fresh
    return (
        {"kind": "plan", "name": f"plan-{tag}", "groups": [{"machines": [fresh_too]}, {"machines": [fresh]}],
        "rto_goal_seconds": 900},
        {"kind": "group", "name": f"group-{tag}", "source_site": "a", "target_site": "b",
        "machines": [fresh, fresh_too]},
        {"kind": "protection", "machine": fresh, "source_site": "a", "target_site": "b",
        "policy": f"gold-{tag}"},
        {"kind": "protection", "machine": fresh_too, "source_site": "a", "target_site": "b",
        "policy": f"gold-{tag}"},
        {"kind": "policy", "name": f"gold-{tag}", "retention_seconds": 7200},
        {"kind": "mapping", "source_site": "a", "source_network": f"lan-{tag}", "target_site": "b",
        "target_network": f"dr-{tag}"},
    )  # fmt: skip


def test_two_machines_become_protected_grouped_and_planned_and_then_there_is_no_difference(cli, put, site):
    file = put(*site)
    dry = cli.must(f"apply -f {file} --dry-run")
    assert f"+ {site[0]['kind']} {site[0]['name']}" in dry.out
    assert "6 changes would be made" in dry.out
    assert f"site b has no network '{site[5]['target_network']}' now" in dry.err
    assert cli(f"group show {site[1]['name']}").exit == 3
    assert cli(f"diff -f {file}").exit == 1
    assert cli.must(f"apply -f {file}").out.splitlines()[-1] == "applied"
    same = cli.must(f"diff -f {file}")
    assert same.out == "nothing to change\n"
    assert cli.must(f"apply -f {file} --json").json == {
        "changes": [],
        "notes": [],
        "in_the_way": [],
        "done": True,
    }
    assert cli.must(f"machine show {site[2]['machine']} --json").json["policy"] == site[4]["name"]
    assert cli.must(f"plan show {site[0]['name']} --json").json["obstacles"] == []
    exported = cli.must("export").out
    file.write_text(exported)
    assert cli.must(f"diff -f {file} --prune").out == "nothing to change\n"
    assert cli.must(f"apply -f {file} --prune").out == "nothing to change\n"
    assert cli.must("export").out == exported


def test_a_difference_is_told_for_people_and_for_scripts(cli, put, site):
    policy = site[4]
    cli.must(f"apply -f {put(policy)}")
    file = put({**policy, "retention_seconds": 3600})
    said = cli(f"diff -f {file}")
    assert (said.exit, "    retention_seconds: 7200 -> 3600" in said.out) == (1, True)
    (change,) = cli(f"diff -f {file} --json").json["changes"]
    assert change == {
        "action": "change", "kind": "policy", "name": policy["name"], "file": str(file), "line": 1,
        "fields": [{"field": "retention_seconds", "now": 7200, "wanted": 3600}],
    }  # fmt: skip


def test_what_stands_in_the_way_is_told_by_a_dry_run_and_nothing_is_changed(cli, put, site):
    unknown = {**site[2], "machine": "nosuch"}
    file = put(site[4], unknown)
    for more in ("", " --dry-run"):
        said = cli(f"apply -f {file}{more}")
        assert said.exit == 2
        assert f"{file}:3: protection nosuch: machine: site a has no machine 'nosuch'" in said.err
    assert cli(f"policy show {site[4]['name']}").exit == 3
    assert cli(f"apply -f {put('kind: &a [*a]')}").exit == 2
    assert cli("apply -f /nosuch").exit == 2


def test_documents_are_read_from_standard_input_and_one_thing_is_exported_by_name(
    cli, put, site, monkeypatch
):
    text = put(site[4]).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    cli.must("apply -f -")
    out = cli.must(f"export policy --name {site[4]['name']}").out
    assert out.startswith(f"kind: policy\nname: {site[4]['name']}\n")
    assert cli.must("export policy --json").json["yaml"].startswith("kind: policy\n")
    assert cli("export site").exit == 2


def test_the_schema_that_is_printed_is_the_one_in_the_reference(cli):
    assert cli.must("schema").json == json.loads((FOLDER / "documents.schema.json").read_text())


def test_the_examples_of_the_guide_are_documents_of_every_kind_that_can_be_applied(
    cli, rig, fresh, fresh_too
):
    text = GUIDE.read_text()
    examples = [part.split("```")[0] for part in text.split("```yaml\n")[1:]]
    made = "---\n".join(examples).replace("web01", fresh).replace("db01", fresh_too)
    made = made.replace("paris", "a").replace("rome", "b").replace("gold", f"gold-{fresh}")
    made = made.replace("name: shop", f"name: shop-{fresh}").replace("plan: shop", f"plan: shop-{fresh}")
    file = rig.home("vault").parent / "guide.yaml"
    file.write_text("---\n".join(each for each in made.split("---\n") if "kind: cards" not in each))
    cli.must(f"apply -f {file}")
    mac = cli.must(f"card list {fresh} --json").json["cards"][0]["mac"]
    made = made.replace("52:54:00:12:34:56", mac)
    given = documents.load(Path("guide.yaml"), made)
    assert {each.document.kind for each in given} == set(documents.KINDS)
    file.write_text(made)
    cli.must(f"apply -f {file}")
    assert cli.must(f"diff -f {file}").out == "nothing to change\n"
    for line in text.splitlines():
        if line.startswith("secondsite "):
            parse(line)
