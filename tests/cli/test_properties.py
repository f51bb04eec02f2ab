"""A machine's name, vCPUs and memory at its second site, at the command line."""

import pytest

from secondsite.ground.units import GiB, MiB

pytestmark = pytest.mark.slow
NAMES = ("target_name", "vcpus", "memory_bytes", "cpu_model", "start_delay_seconds", "apart", "together")
NOTHING: dict[str, object] = {**dict.fromkeys(NAMES), "settle": {}}


def there(found):
    return {name: found[name] for name in NOTHING}


def test_they_are_set_shown_and_each_taken_back(cli, protected):
    words = f"--target-name {protected}-dr --vcpus 2 --memory 1GiB --cpu-model simulated-v1 --start-delay 30"
    shown = " ".join(cli.must(f"machine set {protected} {words}").out.split())
    said = "2 vCPUs, 1 GiB of memory, CPU model simulated-v1, started 30 s later in plans"
    assert f"{protected}-dr, {said}" in shown
    assert f"{protected}-dr, 2 vCPUs, 1 GiB of memory" in cli.must(f"machine show {protected}").out
    set_now = {
        "target_name": f"{protected}-dr",
        "vcpus": 2,
        "memory_bytes": 1 * GiB,
        "cpu_model": "simulated-v1",
        "start_delay_seconds": 30,
        "apart": None,
        "together": None,
        "settle": {},
        "stand_in": {},
    }
    assert cli.must(f"machine show {protected} --json").json["second_site"] == set_now
    preview = cli.must(f"point preview {protected} --json").json
    assert preview["second_site"] == set_now
    assert f"would be {protected}-dr, 2 vCPUs" in cli.must(f"point preview {protected}").out
    less = cli.must(f"machine set {protected} --memory 512MiB --as-at-home vcpus --json").json
    assert there(less) == {**set_now, "vcpus": None, "memory_bytes": 512 * MiB}
    back = "--as-at-home name --as-at-home memory --as-at-home cpu-model --as-at-home start-delay"
    none = cli.must(f"machine set {protected} {back} --json").json
    assert there(none) == NOTHING
    assert cli.must(f"machine show {protected} --json").json["second_site"] is None
    assert "as at home" in cli.must(f"machine set {protected}").out


def test_places_of_disks_after_a_commit_are_added_each_by_itself_and_taken_back(cli, protected):
    words = "--settle vda=images --settle vda=/dev/vg0/web01:raw:none"
    shown = " ".join(cli.must(f"machine set {protected} {words}").out.split())
    assert "after a commit vda to /dev/vg0/web01 (raw, cache none from its next start on)" in shown
    place = {"place": "/dev/vg0/web01", "format": "raw", "cache": "none"}
    assert cli.must(f"machine set {protected} --vcpus 2 --json").json["settle"] == {"vda": place}
    nothing = cli.must(f"machine set {protected} --as-at-home settle --as-at-home vcpus --json").json
    assert nothing["settle"] == {}


def test_what_stands_in_for_a_disk_that_was_left_out_is_set_and_taken_back(cli, protected):
    shown = " ".join(cli.must(f"machine set {protected} --stand-in vda=empty").out.split())
    assert "for vda, which was left out, an empty disk" in shown
    changed = cli.must(f"machine set {protected} --stand-in vda=nothing --json").json
    assert changed["stand_in"] == {"vda": "nothing"}
    assert cli.must(f"machine set {protected} --as-at-home stand-in --json").json["stand_in"] == {}


def test_what_cannot_be_is_refused_with_the_way_out(cli, protected):
    for words, why in (
        ("--vcpus 0", "--vcpus: a machine has from 1 to 512"),
        ("--memory 1MiB", "--memory: a machine has from 16 MiB"),
        ("--target-name a/b", "--target-name: a name has at most 63"),
        ("--cpu-model Nehalem", "the host here has host-model, simulated-v1, simulated-v2"),
        ("--start-delay 4000", "--start-delay: a machine starts from 0 to 3600"),
        ("--vcpus 2 --as-at-home vcpus", "--vcpus was given, and that it is to be as at home"),
        ("--settle vda=x --as-at-home settle", "--settle was given, and that it is to be as at home"),
        ("--settle vdz=images", f"{protected} has no protected disk 'vdz'."),
        ("--settle vda", "--settle is 'vda'"),
        ("--stand-in vdz=empty", f"{protected} has no disk 'vdz'."),
        ("--stand-in vda", "--stand-in vda: that is no disk and what stands in for it"),
        ("--stand-in vda=ntfs", "where WHAT is nothing, empty, file-system"),
    ):
        said = cli(f"machine set {protected} {words}")
        assert (said.exit, why in said.err) == (2, True), said
    assert cli("machine set nosuch --vcpus 2").exit == 3


def test_the_system_disk_is_marked(cli, protected):
    disks = cli.must(f"machine show {protected} --json").json["disks"]
    assert next(disk["system"] for disk in disks) is True
    assert "system disk" in cli.must(f"machine show {protected}").out


def test_another_policy_is_set_in_place_and_the_old_one_is_free_then(cli, protected):
    before = cli.must(f"machine show {protected} --json").json["policy"]
    cli.must(f"policy create for-{protected} --retention 2h")
    assert f"for-{protected}" in cli.must(f"machine set {protected} --policy for-{protected}").out
    assert cli.must(f"machine show {protected} --json").json["policy"] == f"for-{protected}"
    assert "secondsite machine set MACHINE" in cli(f"policy delete for-{protected} --yes").err
    cli.must(f"machine set {protected} --policy {before}")
    cli.must(f"policy delete for-{protected} --yes")
