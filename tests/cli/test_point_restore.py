"""A machine of its own from a recovery point, as a person asks for it."""

import pytest

from rig.eventually import eventually

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    return tmp_path / "images"


def machines_at(rig, site):
    with rig.client() as vault:
        return {each.name for each in vault.sites[site].inventory().machines}


def test_a_copy_is_made_beside_the_machine_which_stays_as_it_is(rig, cli, protected, folder):
    point_id = cli.must(f"point list {protected} --json").json[-1]["id"]
    said = cli.must(f"point restore {protected} {point_id} --name {protected}-old --to {folder}").out
    assert f"{protected}-old was made from {point_id}, and is off" in said
    assert "it has no network card" in said
    assert {each.name for each in folder.iterdir()} == {f"{protected}-old-vda.qcow2"}
    assert f"{protected}-old" in machines_at(rig, "b")
    shown = cli.must(f"machine show {protected} --json").json
    assert (shown["state"], shown["drill"]["state"]) == ("protected", "none")


def test_a_name_that_the_machine_will_have_there_is_refused_at_once(cli, protected, folder):
    point_id = cli.must(f"point list {protected} --json").json[-1]["id"]
    for name in (protected, protected.upper(), f"{protected}-test"):
        refused = cli(f"point restore {protected} {point_id} --name {name} --to {folder}")
        assert "Give another name" in refused.err
    assert cli(f"point restore {protected} nothing --name other --to {folder}").exit == 3


def test_what_the_host_refuses_fails_the_job_with_what_to_do(cli, protected, folder):
    point_id = cli.must(f"point list {protected} --json").json[-1]["id"]
    job = cli(f"point restore {protected} {point_id} --name {protected}-x --to {folder}/none")
    assert "is no folder of this host" in job.out + job.err
    assert "absolute path" in job.out + job.err


def ended_job(cli, job_id):
    job = cli.must(f"job show {job_id} --json").json
    return job if job["ended_at"] else None


def test_a_cancelled_copy_leaves_nothing_or_says_that_it_was_made_already(cli, protected, folder):
    point_id = cli.must(f"point list {protected} --json").json[-1]["id"]
    asked = cli.must(
        f"point restore {protected} {point_id} --name {protected}-gone --to {folder} --no-wait --json"
    ).json
    cli(f"job cancel {asked['job_id']}")
    eventually(lambda: ended_job(cli, asked["job_id"]), 30)
    shown = cli.must(f"job show {asked['job_id']}").out
    left = {each.name for each in folder.iterdir()}
    was_made = "was made" in shown
    assert left == ({f"{protected}-gone-vda.qcow2"} if was_made else set()), shown
