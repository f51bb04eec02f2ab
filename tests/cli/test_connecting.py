"""What lets somebody connect after a failover, at the command line."""

from datetime import UTC, datetime


def standings(said):
    return {each["line"]: (each["standing"], each["by"]) for each in said.json["lines"]}


def test_a_line_is_confirmed_with_date_and_name_and_taken_back(cli, protected):
    opened = cli.must(f"machine connecting {protected}")
    assert "would run at b; the system of its guest: unknown" in opened.out
    assert "open: nobody looked" in opened.out
    before = standings(cli.must(f"machine connecting {protected} --json"))
    assert {*before.values()} == {("open", None)}
    said = cli.must(f"machine confirm {protected} --line san-policy --line target-rules --json")
    who = standings(said)["san-policy"][1]
    assert who
    assert standings(said) == {
        **before, "san-policy": ("confirmed", who), "target-rules": ("confirmed", who)
    }  # fmt: skip
    today = f"yes, confirmed by {who} at {datetime.now(UTC):%Y-%m-}"
    assert cli.must(f"machine connecting {protected}").out.count(today) == 2
    (entry,) = cli.must(f"audit list --of {protected} --limit 1 --json").json
    assert "/connecting/{line}" in str(entry)
    said = cli.must(f"machine confirm {protected} --line san-policy --take-back --json")
    assert standings(said)["san-policy"] == ("open", None)
    cli.must(f"machine confirm {protected} --line target-rules --take-back")


def test_the_preflight_and_a_plan_s_preview_tell_it_and_it_stops_nothing(cli, protected):
    cli.must(f"machine confirm {protected} --line no-proxy")
    found = cli.must(f"machine preflight {protected}")
    assert "yes, confirmed by" in found.out
    assert "open: nobody looked" in found.out
    assert f"{protected} can be failed over from a to b now" in found.out
    cli.must(f"plan create connect --group {protected}")
    preview = cli.must("plan preview connect --verb failover --json").json
    (lines,) = [each["connecting"] for group in preview["groups"] for each in group["machines"]]
    assert {each["line"]: each["standing"] for each in lines}["no-proxy"] == "confirmed"
    told = cli.must("plan preview connect --verb failover").out
    assert "to connect, open: ssh-listens, " in told
    assert "no-proxy" not in told
    committed = cli("plan preview connect --verb reprotect --json").json
    assert not [
        each["connecting"]
        for group in committed["groups"]
        for each in group["machines"]
        if each["connecting"]
    ]
    cli.must("plan delete connect --yes")


def test_a_line_that_there_is_not_is_refused(cli, protected):
    said = cli(f"machine confirm {protected} --line nonsense")
    assert (said.exit, "remote-desktop" in said.err) == (2, True)
    assert cli("machine connecting nosuch").exit == 3
