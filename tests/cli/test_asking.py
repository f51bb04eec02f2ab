"""What can be asked: a table for people, JSON for scripts."""

import io
import json
import sys
from typing import Any

import pytest

from rig.eventually import eventually
from secondsite.cli import output, tables
from secondsite.fabrics import simulated
from secondsite.wire import rest
from secondsite.wire.common.points import PointShape
from secondsite.wire.rest import places
from secondsite.wire.rest.glance.overview import Overview
from secondsite.wire.rest.places import SiteNetworks, SiteReading
from tests.cli.support_cli import forget_inventory

pytestmark = pytest.mark.slow

LISTS: dict[str, tuple[str, Any]] = {
    "site list": ("name", places.Site),
    "appliance list": ("connected", places.Appliance),
    "machine list": ("unprotected", rest.Machine),
    "policy list": ("default-failback", rest.Policy),
    "network list": ("isolated", SiteNetworks),
    "token list": ("admin", None),
}


@pytest.mark.parametrize("line", LISTS)
def test_every_list_is_a_table_and_the_same_as_json(cli, line):
    word, shape = LISTS[line]
    assert word in cli.must(line).out
    found = cli.must(f"{line} --json").json
    assert found
    for each in found if shape else ():
        shape.model_validate(each)


def test_a_machine_shows_what_it_is_how_well_it_is_and_what_is_possible_now(cli, protected):
    said = cli.must(f"machine show {protected}").out
    for fact in (
        "state",
        "protected",
        "source",
        "a (machine running)",
        "RPO",
        "newest point",
        "disks",
        "8.4 MB",
    ):
        assert fact in said
    assert "possible now: disable-protection, test-failover, failover, planned-failover" in said
    assert "not now: cleanup-test-failover: No test failover is open." in said
    assert "not now: reprotect: It is protected; this begins only where a machine is committed." in said
    assert rest.Machine.model_validate(cli.must(f"machine show {protected} --json").json).name == protected


@pytest.fixture
def without_hypervisor(rig):
    """`without_hypervisor("a")`: from now on that site's hypervisor does not say what it has."""
    dialled = []

    def dial(site):
        dialled.append(rig.home(f"appliance-{site}") / "fabric")
        gone = {"code": "fabric-error", "message": "No hypervisor.", "do": "Start libvirtd."}
        simulated.dial(
            dialled[-1],
            [simulated.Fault(method=f"{facet}.list", **gone) for facet in ("inventory", "networks")],
        )

    yield dial
    for root in dialled:
        simulated.dial(root, [])


def test_a_site_without_its_hypervisor_shows_the_machines_that_it_had_and_their_age(
    cli, protected, without_hypervisor
):
    cli.must("machine list")
    without_hypervisor("a")
    # an answer that was under way may still come
    eventually(lambda: " ago" in cli.must("machine list --site a").out, 10)
    for line in ("machine list --site a", "machine list"):
        said = cli.must(line)
        (idle,) = (row for row in said.out.splitlines() if row.startswith("idle "))
        assert "unprotected" in idle
        assert idle.rstrip().endswith(" ago")
        assert protected in said.out
        assert "note: site a cannot be asked now (fabric-error): No hypervisor." in said.err
        assert "what it has is shown as it was " in said.err
        assert "do: Start libvirtd." in said.err
    said = cli.must("machine list --site a --json")
    seen = {each["name"]: each["seen_at"] for each in said.json}
    assert (bool(seen["idle"]), seen[protected]) == (True, None)
    note = SiteReading.model_validate(json.loads(said.err)["note"])
    assert note.problem is not None
    assert note.seen_at is not None
    assert (note.site, note.problem.message) == ("a", "No hypervisor.")
    assert note.seen_at.isoformat() == seen["idle"].replace("Z", "+00:00")


def test_a_site_without_its_hypervisor_shows_the_networks_that_it_had_and_their_age(
    cli, rig, without_hypervisor
):
    (now,) = cli.must("network list --site a --json").json
    assert (now["problem"], now["seen_at"]) == (None, None)
    without_hypervisor("a")
    (then,) = cli.must("network list --site a --json").json
    assert (then["networks"], then["problem"]["code"]) == (now["networks"], "fabric-error")
    said = cli.must("network list")
    rows = {row.split()[0]: row for row in said.out.splitlines() if rig.bridge("a") in row or " b" in row}
    assert rows["a"].rstrip().endswith(" ago")
    assert "site a cannot be asked now" in said.err
    assert "site b" not in said.err


def test_a_site_that_was_never_asked_hides_no_other_one_and_is_an_error_of_its_own(
    cli, rig, protected, without_hypervisor
):
    forget_inventory(rig, "b")
    without_hypervisor("b")
    said = cli.must("machine list")
    assert protected in said.out
    assert "idle" in said.out
    assert "nothing is known of what it has" in said.err
    assert cli("machine list --site b").exit == 10
    assert "error (fabric-error): No hypervisor." in cli("network list --site b").err


def test_points_are_listed_and_a_choice_says_which_it_would_pick_and_what_it_would_lose(cli, protected):
    newest = PointShape.model_validate(cli.must(f"point list {protected} --json").json[0])
    assert newest.id in cli.must(f"point list {protected}").out
    said = cli.must(f"point preview {protected} --choice latest_processed").out
    assert "latest_processed would use " in said
    assert "it would lose " in said
    rest.RecoveryPreview.model_validate(cli.must(f"point preview {protected} --json").json)
    impossible = f"point preview {protected} --choice latest_app_consistent"
    as_json = cli(f"{impossible} --json")
    assert (cli(impossible).exit, as_json.exit, as_json.json["point"]) == (3, 3, None)


def test_a_machine_shows_its_newest_app_consistent_point_beside_the_newest_of_all(cli, fresh):
    """S-064"""
    policy = f"often-{fresh}"
    cli.must(f"policy create {policy} --crash-consistent-every 1 --app-consistent-every 1")
    cli.must(f"machine enable-protection {fresh} --source a --target b --policy {policy} --json")
    eventually(lambda: newest_that_guests_agreed_to(cli, fresh), 60)
    cli.must(f"policy update {policy} --app-consistent-every 0")

    def shows_both():
        agreed = newest_that_guests_agreed_to(cli, fresh)
        lines = cli.must(f"machine show {fresh}").out.splitlines()
        labels = ("newest app-consistent", "newest point")
        app, newest = (next((line for line in lines if line.startswith(label)), "") for label in labels)
        return agreed in app and newest and agreed not in newest

    eventually(shows_both, 60)


def newest_that_guests_agreed_to(cli, machine):
    """The id of its newest app-consistent point; None before there is one."""
    points = cli.must(f"point list {machine} --json").json
    return next((each["id"] for each in points if each["consistency"] == "app"), None)


def test_a_point_is_held_with_its_reason_until_it_is_released(cli, protected):
    newest = cli.must(f"point list {protected} --json").json[0]["id"]
    said = cli.must(f"point hold {protected} {newest} --reason 'before the upgrade'")
    assert said.out.strip() == f"point {newest} is held: before the upgrade"
    eventually(lambda: "before the upgrade" in cli.must(f"point list {protected}").out)
    assert cli.must(f"point release {protected} {newest} --json").json["held"] is None
    eventually(lambda: "before the upgrade" not in cli.must(f"point list {protected}").out)
    assert "needs a reason" in cli(f"point hold {protected} {newest} --reason ' '").err
    assert "no recovery point" in cli(f"point hold {protected} nothing --reason x").err


def test_jobs_are_shown_by_the_beginning_of_their_id(cli, protected):
    (job,) = cli.must(f"job list --machine {protected} --json").json
    assert job["id"][:10] in cli.must("job list").out
    assert "Initial replication" in cli.must(f"job show {job['id'][:10]}").out
    assert cli.must(f"job show {job['id'][:10]} --json").json["id"] == job["id"]
    assert "done" in cli.must(f"job follow {job['id'][:10]}").out


def test_a_job_of_several_machines_is_one_line_and_all_shows_each_below_it(cli, fresh, fresh_too):
    other = fresh_too
    cli.must(f"machine enable-protection {fresh} {other} --source a --target b")
    jobs = cli.must("job list --json").json
    parent = next(job for job in jobs if job["subject_name"] == f"{fresh}, {other}")
    assert parent["verb"] == "enable_protection"
    assert all(job["parent_id"] is None for job in jobs)
    lines = cli.must("job list --all").out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(parent["id"][:10]))
    # a long result goes below its row, so the children need not be the very next lines
    assert sum("└ enable-protection" in line for line in lines[at + 1 : at + 7]) == 2
    assert f"  enable-protection of {other}: succeeded" in cli.must(f"job show {parent['id']}").out


def test_the_vault_says_what_it_is(cli):
    assert "CA fingerprint" in cli.must("vault show").out
    rest.Vault.model_validate(cli.must("vault show --json").json)


def test_all_machines_are_summed_up(cli, protected):
    said = cli.must("vault summary").out
    assert " protected" in said
    assert "1 of 1 appliance connected" in said
    found = rest.Summary.model_validate(cli.must("vault summary --json").json)
    assert found.machines == len(cli.must("machine list --json --no-discover").json)


def test_everything_is_shown_at_a_glance(cli, protected):
    said = cli.must("vault overview").out
    assert "a to b" in said
    assert "never drilled" in said
    found = Overview.model_validate(cli.must("vault overview --json").json)
    assert found.machines == len(cli.must("machine list --json --no-discover").json)


def test_a_list_of_machines_is_searched_and_sorted(cli, protected):
    def names(line):
        return [each["name"] for each in cli.must(f"machine list --json {line}").json]

    assert names(f"--search {protected[1:].upper()} --no-discover") == [protected]
    assert names("--search idle") == ["idle"]
    assert names("--search nothing-like-it") == []
    assert protected in names("--sort rpo --no-discover")
    assert names("--sort name --no-discover") == names("--descending --no-discover")[::-1]
    assert "No machine has 'nothing' in its name." in cli.must("machine list --search nothing").out


def test_a_machine_that_is_not_protected_is_listed_unless_that_is_not_wanted(cli):
    names = {machine["name"] for machine in cli.must("machine list --json --no-discover").json}
    assert "idle" not in names
    assert "idle" in {machine["name"] for machine in cli.must("machine list --json").json}


def test_a_token_is_shown_once_and_opens_the_vault_until_it_is_deleted(cli, tmp_path):
    token = cli.must("token create night-shift --role operator --json").json["token"]
    (tmp_path / "token").write_text(f"{token}\n")
    access = f"--token-file {tmp_path / 'token'}"
    assert "night-shift" in cli.must("token list").out
    assert token not in cli.must("token list --json").out
    assert cli.must(f"{access} vault show").exit == 0
    assert cli.must("token delete night-shift --yes").out == "token night-shift deleted\n"
    assert cli(f"{access} vault show").exit == 5
    assert cli("token delete admin --yes").exit == 4


def test_sites_policies_and_mappings_come_and_go(cli, rig):
    made = cli.must("site create rome").out
    assert made == "site rome created; next: secondsite appliance create-registration-key --site rome\n"
    key = "appliance create-registration-key --site rome"
    assert len(cli.must(f"{key} --json").json["key"]) > 20
    told = cli.must(key).out
    assert "CA fingerprint" in told
    assert f"secondsite appliance enroll --vault {rig.url} --fingerprint" in told
    assert cli.must("site delete rome --json --yes").json == {"deleted": {"site": "rome"}}
    assert cli.must("policy create gold --retention 172800s").out == "policy gold created\n"
    cli.must("policy update gold --cycle 7")
    gold = cli.must("policy update gold --app-consistent-every 0 --json").json
    assert (gold["retention_seconds"], gold["cycle_seconds"], gold["app_consistent_every_seconds"]) == (
        172800,
        7,
        0,
    )
    assert gold["encrypt"] is False
    assert cli.must("policy update gold --encrypt --json").json["encrypt"] is True
    assert cli.must("policy update gold --cycle 8 --json").json["encrypt"] is True
    assert cli.must("policy delete gold --yes").out == "policy gold deleted\n"
    source, target = f"b/{rig.bridge('b')}", f"a/{rig.bridge('a')}"
    assert cli.must(f"mapping create {source} {target}").out == f"{source} becomes {target}\n"
    assert f"{rig.bridge('a')} at a" in cli.must("network list --site b").out
    assert f"{source}  {target}" in cli.must("mapping list --source b").out
    assert cli.must(f"mapping delete {source} a --json --yes").json["deleted"]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_table_fits_its_terminal_and_loses_nothing(width):
    headers = ("name", "state", "data address", "result")
    rows = [tuple(map(output.cell, ("web01", "protected", "127.0.0.1:9445", "it is synchronized " * 5)))]
    lines = [line.plain for line in tables.lines(headers, rows, width)]
    assert all(len(line) <= width for line in lines if not line.startswith(tables.INDENT))
    for word in ("web01", "protected", "127.0.0.1:9445", "it is synchronized"):
        assert word in "\n".join(lines)


def test_a_table_in_a_pipe_has_one_whole_line_for_each_row_however_wide():
    cells = ("web01", "it is\nsynchronized " * 40, "[red]b[/]")
    header, row = tables.lines(("name", "", "notes"), [tuple(map(output.cell, cells))], None)
    assert header.plain.split() == ["name", "notes"]
    assert row.plain.split() == ["web01", *["it", "is", "synchronized"] * 40, "[red]b[/]"]
    assert row.plain == row.plain.rstrip()


def test_columns_stand_below_their_headers_by_what_a_terminal_shows():
    rows = [tuple(map(output.cell, row)) for row in (("漢字", "a"), ("web01", "b"), ("", "c"))]
    shown = list(tables.lines(("name", "state"), rows, 80))
    assert [line.cell_len for line in shown] == [12, 8, 8, 8]


def test_facts_stand_side_by_side_and_empty_ones_are_left_out(capsys):
    output.show_facts((("name", "web01"), ("group", None), ("last drill", "one\ntwo")))
    assert capsys.readouterr().out == "name        web01\nlast drill  one\n            two\n"


def test_nothing_coloured_goes_into_a_pipe(rig):
    said = rig.cli("machine", "list", timeout_seconds=60)
    assert said.returncode == 0
    assert "\x1b" not in said.stdout
    assert "\x1b" not in rig.cli("machine", "show", "nosuch", timeout_seconds=60).stderr


def test_an_error_as_json_goes_to_standard_error(cli):
    said = cli("machine show nosuch --json")
    assert (said.exit, said.out) == (3, "")
    assert json.loads(said.err)["error"]["code"] == "not-found"


def test_an_adoption_as_json_prints_nothing_else_and_asks_beside_it(cli, protected, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    appliances = cli.must("appliance list --json").json
    appliance = next(each["name"] for each in appliances if each["site"] == "b")
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    said = cli.must(f"vault adopt {appliance} --json")
    assert rest.Adoption.model_validate(said.json).dry_run is False
    assert f"appliance {appliance} of site b" in said.err
    assert "Adopt?" in said.err
    assert rest.Adoption.model_validate(cli.must(f"vault adopt {appliance} --dry-run --json").json).dry_run


def test_a_terminal_that_calls_itself_dumb_loses_no_column(monkeypatch):
    monkeypatch.setattr(type(tables.PAPER), "is_dumb_terminal", property(lambda _console: True))
    headers = tuple(f"column {number}" for number in range(12))
    header, row = tables.lines(headers, [[output.cell(each * 2) for each in headers]], None)
    assert all(each in header.plain for each in headers)
    assert all(each * 2 in row.plain for each in headers)
