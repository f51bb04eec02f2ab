"""A vault of a backup from before a failover: nothing is done twice, the machine runs on, and one command
after the other leads back."""

import json

import pytest

from rig.eventually import eventually
from tests.e2e.support_simulated_sites import PROTECT, copies, simulated_sites
from tests.support import command_line

pytestmark = [pytest.mark.every, pytest.mark.slow, pytest.mark.longest, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def rig():
    with simulated_sites() as rig:
        command_line.told(rig, "machine", *PROTECT)
        yield rig


@pytest.fixture(scope="module")
def file(rig):
    """The backup, with its passphrase."""
    phrase = rig.folder / "passphrase"
    phrase.write_text("what nobody guesses\n")
    phrase.chmod(0o600)
    words = ("vault", "backup", rig.folder / "file", "--home", rig.home("vault"), "--passphrase-file", phrase)
    made = command_line.told(rig, *map(str, words))
    assert made["encrypted"]
    return made["path"], str(phrase)


def put_back(rig, file):
    """The home is lost; the file is restored in its place."""
    path, phrase = file
    rig.vault.kill()
    words = (
        "vault",
        "restore",
        path,
        "--home",
        str(rig.home("vault")),
        "--passphrase-file",
        phrase,
        "--replace",
    )
    assert command_line.told(rig, *words)["aside"]
    rig.vault.start()
    rig.wait_connected()


def boots(rig, site):
    """Of the site's machines, by the names of their files: another word after each start."""
    machines = (rig.home(f"appliance-{site}") / "fabric" / "machines").glob("[!.]*.json")
    return {path.name: json.loads(path.read_text())["boot"] for path in machines}


def test_what_was_failed_over_since_runs_on_and_is_taken_over_as_it_runs(rig, file):
    command_line.told(rig, "machine", "failover", "web01", "--shut-down")
    command_line.told(rig, "machine", "commit", "web01")
    assert copies(rig) == ["b"]
    put_back(rig, file)
    eventually(lambda: "record-is-behind" in rig.codes("web01"), 30)
    assert rig.machine("web01").health == "critical"
    stands = boots(rig, "b")
    assert copies(rig) == ["b"]
    for verb in ("failover", "planned-failover", "test-failover"):
        command_line.told(rig, "machine", verb, "web01", exit_code=1)
        assert copies(rig) == ["b"]
    (point,) = (each["id"] for each in command_line.told(rig, "point", "list", "web01"))
    assert f"failover web01 --point {point}" in rig.codes("web01")["record-is-behind"]
    command_line.told(rig, "machine", "failover", "web01", "--point", point)
    assert rig.machine("web01").state == "failed_over"
    command_line.told(rig, "machine", "commit", "web01")
    assert (copies(rig), boots(rig, "b")) == (["b"], stands)
    assert all(stands.values())
    eventually(lambda: "record-is-behind" not in rig.codes("web01"), 30)


def test_what_is_replicated_back_already_goes_on_with_its_points(rig, file):
    """The vault of the first test is lost in its turn."""
    command_line.told(rig, "machine", "reprotect", "web01")
    rig.new_points("web01", within_seconds=60)
    kept = {point.id for point in rig.points("web01")}
    put_back(rig, file)
    eventually(lambda: "record-is-behind" in rig.codes("web01"), 30)
    said = rig.codes("web01")["record-is-behind"]
    point = said.partition("--point ")[2].partition("'")[0]
    assert said.endswith("reprotect.")
    command_line.told(rig, "machine", "failover", "web01", "--point", point)
    command_line.told(rig, "machine", "commit", "web01")
    command_line.told(rig, "machine", "reprotect", "web01")
    found = rig.machine("web01")
    assert (found.state, found.source_site, copies(rig)) == ("protected", "b", ["b"])
    newest = sorted(kept)[-1]
    assert newest in {each.id for each in rig.points("web01")}
    rig.new_points("web01", within_seconds=60)
