"""`site limit` and `machine rpo`, against a vault with two sites."""

import pytest

from rig.eventually import eventually

pytestmark = pytest.mark.slow


def words_of(said):
    """Its lines, as words: how far the columns stand apart depends on what else is shown."""
    return [line.split() for line in said.splitlines()]


def test_a_site_is_limited_shown_and_let_free(rig, cli):
    said = cli.must(
        "site limit a --rate 100MB --window 'mon-fri 08:00-18:00 20MB' --window 'daily 22:00-06:00 "
        "unlimited' --utc-offset +60"
    ).out
    assert ["by", "default", "100", "MB/s"] in words_of(said)
    assert "mon,tue,wed,thu,fri 08:00-18:00 20 MB/s" in said
    assert "UTC+01:00" in said
    shown_lines = words_of(cli.must("site show a").out)
    assert shown_lines[: len(words_of(said))] == words_of(said)
    assert shown_lines[len(words_of(said))][:2] == ["stores", "of"]
    shown = next(site for site in cli.must("site list --json").json if site["name"] == "a")
    assert shown["bandwidth"]["utc_offset_minutes"] == 60
    assert "2 windows" in cli.must("site list").out
    assert "unlimited" in cli.must("site limit a --rate unlimited").out
    assert "window" not in cli.must("site list").out


def test_a_limit_that_cannot_be_is_refused(rig, cli):
    assert cli("site limit a --rate 5").exit == 2
    assert cli("site limit a --rate fast").exit == 2
    assert "site show a" in cli("site limit a").err
    assert cli("site limit nowhere --rate 1MB").exit == 3


def test_the_rpo_of_a_protected_machine_is_drawn_with_its_threshold(rig, cli, protected):
    eventually(
        lambda: [
            each for each in cli.must(f"machine rpo {protected} --json").json if each["seconds"] is not None
        ],
        40,
    )
    said = cli.must(f"machine rpo {protected}").out
    for word in ("RPO", "sent", "processed", "threshold", "median", "p99"):
        assert word in said


def test_what_holds_between_two_sites_is_shown_and_set_in_whichever_order_they_are_named(cli):
    said = cli.must("site pair b a --json").json
    assert said == {"first": "a", "second": "b", "reverse_after_commit": False, "settle": {}}
    assert cli.must("site pair a b --reverse-after-commit --json").json["reverse_after_commit"]
    assert "with b" in cli.must("site show a").out
    assert "protected back by itself" in cli.must("site show a").out
    cli.must("site pair a b --no-reverse-after-commit")
    assert "a person reprotects" in cli.must("site show b").out
    assert cli("site pair a nowhere").exit == 3


def test_where_disks_settle_by_themselves_is_set_for_each_of_two_sites_and_taken_back(cli):
    cli.must("site pair a b --settle b=images:raw:none --settle a=/srv/images")
    cli.must("site pair b a --no-reverse-after-commit --settle a=")
    assert cli.must("site pair a b --json").json["settle"] == {
        "b": {"place": "images", "format": "raw", "cache": "none"}
    }
    assert "disks at b move to images (raw, cache none" in cli.must("site show a").out
    assert cli("site pair a b --settle c=images").exit == 2
    assert cli("site pair a b --settle images").exit == 2
    assert "SITE=PLACE" in cli("site pair a b --settle images").err
    cli.must("site pair a b --settle b=")
    assert cli("site pair a a").exit == 2
