"""secondsite approval: two persons at two terminals."""

from secondsite.client.vault import connect

HOSTILE = "\x1b[2Jgone\u202e\x07"


def test_a_command_waits_for_a_second_person_and_is_then_carried_out(cli, two):
    said = two("anna", "site create lima --json")
    assert (said.exit, said.problem["code"]) == (11, "approval-needed")
    number = said.problem["do"].split("grant ")[1].split("'")[0]
    assert "/sites" in two("bob", "approval list").out
    shown = two("bob", f"approval show {number}").out
    assert '"lima"' in shown
    assert "anna" in shown
    assert two("anna", f"approval grant {number}").exit == 5
    granted = two("bob", f"approval grant {number} --json").json
    assert (granted["stage"], granted["by"]) == ("done", "bob")
    assert two("anna", f"approval show {number} --json").json["stage"] == "done"
    assert number not in [str(each["number"]) for each in two("bob", "approval list --json").json]
    assert "done" in two("bob", "approval list --all").out
    cli.must("site delete lima --yes")


def test_a_token_is_shown_to_its_asker_once_it_is_granted(two):
    assert two("anna", "token create carl --role reader").exit == 11
    assert "token" in two("bob", "approval list").out
    number = two("bob", "approval list --json").json[0]["number"]
    assert "asks again" in two("bob", f"approval grant {number}").out
    assert "sst_" in two("anna", "token create carl --role reader").out
    two("anna", "token delete carl --yes")


def test_a_request_is_refused_with_a_reason_or_withdrawn(two):
    for how in ("refuse NUMBER --reason 'not today'", "withdraw NUMBER"):
        assert two("anna", "site create lima").exit == 11
        number = str(two("bob", "approval list --json").json[0]["number"])
        who = "bob" if "refuse" in how else "anna"
        assert two(who, f"approval {how.replace('NUMBER', number)}").exit == 0
        assert two("bob", f"approval grant {number}").exit == 4
    assert "not today" in two("anna", "approval list --all --json").out


def test_one_alone_does_not_switch_it_off_but_the_vaults_host_does(cli, rig, two):
    assert two("anna", "approval off").exit == 11
    assert two("anna", "approval require failover").exit == 11
    assert "2 hours" in cli.must("approval settings").out
    assert "nothing" in cli.must(f"vault approvals-off --home {rig.home('vault')}").out
    assert cli.must("approval settings").out == "nothing needs a second person\n"
    entries = cli.must("audit list --of /approvals/settings --limit 1 --json").json
    assert (entries[0]["who"], entries[0]["verb"]) == ("secondsite", "vault approvals-off")
    assert cli.must("audit verify")


def test_a_verb_that_is_not_there_is_refused_with_the_list(cli):
    said = cli("approval require fly")
    assert (said.exit, "release-point" in said.err or "release_point" in said.err) == (2, True)


def test_what_others_wrote_steers_no_terminal(two, rig, tmp_path):
    assert two("anna", "site create lima").exit == 11
    number = two("bob", "approval list --json").json[0]["number"]
    with connect(rig.url, (tmp_path / "bob").read_text(), ca=rig.home("vault") / "pki" / "ca.pem") as vault:
        vault.approvals[number].refuse(f"no{HOSTILE}")
    for line in (
        "approval list --all",
        "approval list --all --json",
        f"approval show {number}",
        f"approval grant {number}",
    ):
        said = two("anna", line)
        assert not {"\x1b", "\u202e", "\x07"} & set(said.out + said.err)
    assert "no" in two("anna", f"approval show {number}").out
