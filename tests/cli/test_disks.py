"""Disks that are added to a protected machine, as its owner sees them on the command line."""

import pytest

from rig.eventually import eventually
from secondsite.datapath.disks import image
from secondsite.fabrics.simulated.host.host import Host

pytestmark = pytest.mark.slow


@pytest.fixture
def root(rig):
    return rig.home("appliance-a") / "fabric"


def add_disk(root, name, key):
    """The owner adds a disk while the machine is off for a moment."""
    host = Host(root)
    fabric_id = next(each.fabric_id for each in host.records.all() if each.definition.name == name)
    with host.records.lock(fabric_id, "add a disk"):
        record = host.close(host.end_view(host.records.need(fabric_id)))
        path = root / f"{fabric_id}-{key}.qcow2"
        image.create(path, 4 << 20)
        disks = record.definition.disks
        disk = disks[0].model_copy(update={"key": key, "path": str(path), "size_bytes": 4 << 20})
        definition = record.definition.model_copy(update={"disks": (*disks, disk)})
        host.open(host.records.save(record.having(definition=definition)))


def findings(cli, vm):
    return {each["code"]: each["what"] for each in cli.must(f"machine show {vm} --json").json["findings"]}


def newest_disks(cli, vm):
    return cli.must(f"point list {vm} --json").json[0]["disks"]


def test_a_disk_that_was_added_is_named_included_and_left_out_again(cli, root, protected):
    vm = protected
    add_disk(root, vm, "vdb")
    named = eventually(lambda: findings(cli, vm).get("disk-not-protected"), 20)
    command = named.split("'")[1]
    assert command == f"secondsite machine include-disk {vm} --disk vdb"
    said = cli.must(command.removeprefix("secondsite ")).out
    assert "vdb of" in said
    assert "now has vdb too" in said
    assert newest_disks(cli, vm) == ["vda", "vdb"]
    eventually(lambda: findings(cli, vm) == {}, 20)
    assert cli(f"machine include-disk {vm} --disk vdb").exit != 0
    said = cli.must(f"machine exclude-disk {vm} --disk vdb").out
    assert "now has only vda" in said
    assert "(left out)" in cli.must(f"machine show {vm}").out
    assert findings(cli, vm) == {}


def test_the_only_disk_cannot_be_left_out(cli, protected):
    problem = cli(f"machine exclude-disk {protected} --disk vda --json").problem
    assert "disable-protection" in problem["do"]
