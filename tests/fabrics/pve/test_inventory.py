"""The machines of a cluster: who they are, what they have, what is refused, and what it costs to know."""

import pytest

from secondsite.domain import errors
from secondsite.fabrics.interface import PowerState
from secondsite.fabrics.pve.errors import PveAway, PveRefused
from secondsite.fabrics.pve.inventory import PveInventory
from secondsite.fabrics.pve.machines import Machines
from tests.fabrics.pve.support_machines import GiB, Ticking, add, asked, by_hand, config, identity
from tests.fabrics.pve.support_pve import TOKEN

OURS = "4b6f1f0e-8f43-4a5e-9f51-52d9d1a9c001"
MANY = 1000


@pytest.fixture
def machines(connection):
    return Machines(connection, Ticking())


@pytest.fixture
def inventory(machines):
    return PveInventory(machines)


def test_a_machine_is_told_with_all_that_another_site_needs(cluster, inventory):
    add(
        cluster, 100, status="running", bios="ovmf", sockets="2", onboot="1",
        tags=f"web;secondsite-100-{OURS}", boot="order=virtio1;net0;scsi0",
        efidisk0="local-lvm:vm-100-disk-1,efitype=4m,size=4M", ide2="local:iso/x.iso,media=cdrom",
        virtio1="nfs:100/vm-100-disk-2.qcow2,size=512M", net1="e1000=BC:24:11:00:01:64,bridge=vmbr1,tag=20",
        net2="virtio=BC:24:11:00:02:64,bridge=vmbr1,link_down=1,trunks=30;40",
    )  # fmt: skip
    (found,) = inventory.list()
    told = found.definition
    assert (found.fabric_id, found.name, found.power, found.tag) == (
        identity(100), "web01", PowerState.RUNNING, OURS,
    )  # fmt: skip
    assert (told.vcpus, told.memory_bytes, told.firmware, told.starts_with_host) == (4, 2 * GiB, "uefi", True)
    assert [(each.key, each.size_bytes, each.format, each.bus, each.boot_order) for each in told.disks] == [
        ("scsi0", 4 * GiB, "raw", "scsi", 3),
        ("virtio1", GiB // 2, "qcow2", "virtio", 1),
    ]
    assert [(each.key, each.mac, each.network, each.model, each.vlans) for each in told.nics] == [
        ("net0", "bc:24:11:00:00:64", "vmbr0", "virtio", ()),
        ("net1", "bc:24:11:00:01:64", "vmbr1", "e1000", (20,)),
        ("net2", "bc:24:11:00:02:64", None, "virtio", (30, 40)),
    ]
    assert told.drives == ("virtio",)
    assert "scsi0: local-lvm:vm-100-disk-0" in told.native
    assert cluster.changes() == []


def test_a_machine_keeps_its_id_when_it_is_migrated_or_renamed_and_one_of_its_number_later_has_another(
    cluster, inventory
):
    known = add(cluster, 100)
    assert inventory.get(known).name == "web01"
    cluster.pve.vm(100).node, cluster.pve.vm(100).name = "pve2", "www"
    cluster.pve.vm(100).config["name"] = "www"
    cluster.pve.add_node("pve2")
    assert inventory.get(known).name == "www"
    cluster.pve.vms.clear()
    cluster.pve.add_vm(100, "other", config=config(200))
    assert inventory.get(known) is None
    assert inventory.get(identity(200)).name == "other"


def test_a_clone_and_a_restored_copy_do_not_bring_our_tag_along(cluster, inventory):
    ours = f"secondsite-100-{OURS}"
    known = add(cluster, 100, tags=ours)
    clone = add(cluster, 101, name="clone", tags=ours)
    cluster.pve.add_vm(102, "restored", config=config(100, tags=ours))
    assert inventory.tag(known) == OURS
    assert inventory.tag(clone) is None
    assert {each.fabric_id for each in inventory.list()} == {known, clone}
    (refused,) = inventory.refused()
    assert (refused.name, refused.why) == ("restored (102)", "another machine has the same UUID")
    assert "qm set 102 --smbios1" in refused.do


def test_of_two_with_the_same_uuid_and_no_mark_neither_is_taken(cluster, inventory):
    known = add(cluster, 100)
    cluster.pve.add_vm(102, "restored", config=config(100))
    assert inventory.list() == []
    assert [each.name for each in inventory.refused()] == ["web01 (100)", "restored (102)"]
    with pytest.raises(errors.NotFound):
        inventory.tag(known)


def test_containers_templates_and_machines_without_a_uuid_are_refused_by_name(cluster, inventory):
    cluster.pve.add_ct(200, "dns")
    add(cluster, 201, name="golden")
    cluster.pve.vm(201).template = True
    add(cluster, 202, name="old", smbios1=None)
    add(cluster, 203, name="zeros", smbios1="uuid=00000000-0000-0000-0000-000000000000")
    assert inventory.list() == []
    assert {each.name: each.why for each in inventory.refused()} == {
        "dns (200)": "it is a container",
        "golden (201)": "it is a template",
        "old (202)": "it has no UUID (smbios1)",
        "zeros (203)": "it has no UUID (smbios1)",
    }


def test_what_does_not_come_along_is_named(cluster, inventory):
    known = add(
        cluster, 100, hostpci0="0000:01:00", usb1="host=1234:5678", serial0="socket", args="-snapshot",
        tpmstate0="local-lvm:vm-100-disk-3,size=4M,version=v2.0", parent="before", bios="ovmf",
        ide2="local-lvm:vm-100-cloudinit,media=cdrom", scsi1="/dev/sdx,size=8G", net1="virtio,trunks=2-9",
        scsi2="local-lvm:vm-100-disk-4,size=1G,backup=0", hookscript="local:snippets/hook.pl",
        scsi3="local-lvm:vm-100-disk-5",
    )  # fmt: skip
    (told,) = inventory.concerns(known)
    assert told.code == "machine-unprepared"
    for each in (
        "hostpci0",
        "usb1",
        "args",
        "TPM",
        "before",
        "cloud-init",
        "/dev/sdx",
        "scsi2",
        "net1",
        "hook",
    ):
        assert each in told.what
    assert "scsi3 has no size" in told.what
    assert "hook script" in told.what
    assert "serial0" not in told.what


def test_of_a_plain_machine_nothing_is_said(cluster, inventory):
    assert inventory.concerns(add(cluster, 100)) == []
    assert inventory.concerns(identity(101)) == ()


def test_a_machine_that_the_ha_manager_starts_says_so(cluster, inventory):
    known = add(cluster, 100)
    cluster.pve.vm(100).ha_state = "started"
    assert "ha-manager set vm:100" in inventory.concerns(known)[0].what


def test_a_machine_whose_node_is_away_is_not_missing(cluster, inventory, machines):
    known = add(cluster, 100, node="pve2", status="running")
    assert inventory.running() == {known}
    cluster.pve.add_node("pve2", online=False)
    machines.rows(now=True)
    assert inventory.concerns(known)[0].code == "machine-silent"
    with pytest.raises(PveAway):
        inventory.get(known)


def test_after_a_restart_a_machine_whose_node_is_away_is_not_missing_either(cluster, inventory):
    known = add(cluster, 100, node="pve2")
    cluster.pve.add_node("pve2", online=False)
    with pytest.raises(PveAway, match=r"web01 \(100\) at node pve2"):
        inventory.get(known)


def test_what_the_token_may_not_see_is_not_missing(cluster, inventory):
    known = add(cluster, 100)
    cluster.pve.acl = {TOKEN: [("/vms/999", {"VM.Audit"})]}
    with pytest.raises(PveRefused, match="may not see all machines"):
        inventory.get(known)


def test_one_that_is_odd_costs_none_of_the_others(cluster, inventory):
    known = add(cluster, 100)
    add(cluster, 101, name="odd", node="../../evil")
    cluster.pve.fail("GET", "/qemu/102/config", 403, "Permission check failed (/vms/102, VM.Audit)")
    add(cluster, 102, name="secret")
    assert [each.fabric_id for each in inventory.list()] == [known]
    assert [each.why for each in inventory.refused()] == [
        "its definition cannot be read",
        "its node cannot be understood",
    ]
    with pytest.raises(PveRefused, match="node cannot be understood"):
        inventory.get(identity(101))


def test_a_definition_that_was_changed_is_seen_at_once_where_the_list_shows_it(cluster, connection):
    machines, clock = by_hand(connection)
    known = add(cluster, 100)
    assert machines.all()[known].config["cores"] == "2"
    cluster.pve.vm(100).config["cores"] = "8"
    clock.seconds += 6
    assert machines.all()[known].config["cores"] == "8"


def test_a_change_that_the_list_does_not_show_is_seen_within_a_quarter_of_an_hour(cluster, connection):
    machines, clock = by_hand(connection)
    known = add(cluster, 100)
    machines.all()
    cluster.pve.vm(100).config["net0"] = "virtio=BC:24:11:00:00:64,bridge=vmbr7"
    clock.seconds += 6
    assert "vmbr0" in machines.all()[known].config["net0"]
    clock.seconds += 900
    assert "vmbr7" in machines.all()[known].config["net0"]


def test_one_that_cannot_be_read_is_not_asked_for_again_and_again(cluster, connection):
    machines, clock = by_hand(connection)
    add(cluster, 100)
    cluster.pve.fail("GET", "/qemu/100/config", 403, "Permission check failed (/vms/100, VM.Audit)")
    for _ in range(60):
        clock.seconds += 1
        machines.all()
    assert asked(cluster, "config") == 1
    cluster.pve.failures.clear()
    clock.seconds += 1
    assert list(machines.all()) == [identity(100)]


def test_of_a_node_that_goes_away_between_two_lists_what_was_known_stays(cluster, connection):
    machines, clock = by_hand(connection)
    known = [add(cluster, number, node="pve2") for number in (100, 101)]
    machines.all()
    cluster.pve.fail("GET", "/config", 595, "No route to host")
    for number in (100, 101):
        cluster.pve.vm(number).name = "www"
    clock.seconds += 6
    cluster.pve.requests.clear()
    assert list(machines.all()) == known
    assert asked(cluster, "config") == 1


def test_a_thousand_machines_that_are_looked_at_each_second_cost_eighty_calls_a_minute(
    cluster, connection, record_property
):
    machines, clock = by_hand(connection)
    for number in range(100, 100 + MANY):
        add(cluster, number, name=f"vm{number}")
    assert len(machines.all()) == MANY
    cluster.pve.requests.clear()
    for _ in range(60):
        clock.seconds += 1
        machines.all()
    record_property("pve.calls-a-minute", len(cluster.pve.requests))
    assert (asked(cluster, "resources"), asked(cluster, "config")) == (12, 66)
